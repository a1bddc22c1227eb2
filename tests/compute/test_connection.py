"""The certificate of Dask's connections: kept while it is good, renewed before it runs out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

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


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_disk_that_is_full_meanwhile_leaves_no_certificate_with_the_key_of_another(tmp_path, monkeypatch, written):
    before = content(make_security(tmp_path))
    (tmp_path / "tls_certificate.pem").write_text("damaged")
    write, left = Path.write_text, [written]

    def full(path, *given, **more):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        return write(path, *given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space"):
            make_security(tmp_path)
    made = content(make_security(tmp_path))
    assert all(made[name] != before[name] for name in made)
    certificate = x509.load_pem_x509_certificate(made["tls_certificate"].encode())
    key = load_pem_private_key(made["tls_key"].encode(), None)
    assert certificate.public_key() == key.public_key()
    assert made["tls_ca"] == made["tls_certificate"]


def test_one_that_cannot_be_read_is_made_anew(tmp_path):
    make_security(tmp_path)
    (tmp_path / "tls_certificate.pem").write_text("rubbish")
    assert "BEGIN CERTIFICATE" in content(make_security(tmp_path))["tls_certificate"]
