"""The certificate of Dask's connections: kept while it is good, renewed before it runs out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from steering.cluster import connection
from steering.cluster.connection import make_security


def content(made):
    return {name: Path(path).read_text() for name, path in made.items()}


def test_it_is_kept_while_it_is_good(tmp_path):
    first = content(make_security(tmp_path))
    assert content(make_security(tmp_path)) == first
    assert all((tmp_path / f"{name}.pem").stat().st_mode & 0o077 == 0 for name in first)


@pytest.mark.parametrize("days", [-1, 0, 59])
def test_it_is_renewed_before_it_runs_out(tmp_path, monkeypatch, days):
    first = content(make_security(tmp_path))
    ends = x509.load_pem_x509_certificate(first["tls_certificate"].encode()).not_valid_after_utc

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return ends - timedelta(days=days)

    monkeypatch.setattr(connection, "datetime", Later)
    renewed = content(make_security(tmp_path))
    assert all(renewed[name] != first[name] for name in first)
    assert all((tmp_path / f"{name}.pem").stat().st_mode & 0o077 == 0 for name in first)
    assert ends > datetime.now(UTC)


def test_one_that_cannot_be_read_is_made_anew(tmp_path):
    make_security(tmp_path)
    (tmp_path / "tls_certificate.pem").write_text("rubbish")
    assert "BEGIN CERTIFICATE" in content(make_security(tmp_path))["tls_certificate"]
