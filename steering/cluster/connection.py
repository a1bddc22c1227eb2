"""How clients and workers find and trust a scheduler: a file of mode 0600 in the owner's shared folder."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from distributed.security import Security

from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.machine.secret_file import read_secret, write_secret

_LOG = logging.getLogger(__name__)
# It is good for a year; no job lasts for so long.
_RENEWED_DAYS, _DAY_SECONDS = 60.0, 86400.0
_FILES = ("tls_ca", "tls_certificate", "tls_key")


def make_security(directory: Path) -> dict[str, Json]:
    """Make a certificate and its key, or take those that are there, as an earlier owner's workers still use them.

    One that runs out soon is renewed: jobs that still have the old one then find no new scheduler, and are replaced.

    Returns:
        Paths of the three PEM files by their names in a connection.
    """
    paths = {name: directory / f"{name}.pem" for name in _FILES}
    if not all(path.exists() for path in paths.values()) or _days_left(paths["tls_certificate"]) < _RENEWED_DAYS:
        made = Security.temporary()
        texts = (made.tls_ca_file, made.tls_client_cert, made.tls_client_key)
        for path, text in zip(paths.values(), texts, strict=True):
            # Whole or not at all: a scheduler may be reading it.
            fresh = path.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(str(text), encoding="utf-8")
            fresh.replace(path)
        _LOG.info("a certificate for Dask's connections was made in %s", directory)
    return {name: str(path) for name, path in paths.items()}


def _days_left(certificate: Path) -> float:
    """Say for how many days a certificate is still good; none if it cannot be read."""
    from cryptography import x509

    try:
        read = x509.load_pem_x509_certificate(certificate.read_bytes())
    except ValueError:
        return 0.0
    return (read.not_valid_after_utc - datetime.now(UTC)).total_seconds() / _DAY_SECONDS


def read_connection(file: Path) -> dict[str, Json]:
    """Read a scheduler's connection file.

    Raises:
        SteeringError: If there is none.
    """
    content = read_secret(file)
    if content is None:
        message = f"There is no compute owner: {file} is not there. Start one: steering compute start NAME."
        raise SteeringError(message)
    return content


def write_connection(file: Path, content: Mapping[str, Json]) -> None:
    """Write a scheduler's connection file, whole or not at all."""
    write_secret(file, dict(content))


def security_of(connection: Mapping[str, Json]) -> Security:
    """Return the TLS settings of a connection, for client, worker and scheduler alike."""
    ca, certificate, key = (str(connection[name]) for name in _FILES)
    return Security(
        tls_ca_file=ca,
        tls_client_cert=certificate,
        tls_client_key=key,
        tls_worker_cert=certificate,
        tls_worker_key=key,
        tls_scheduler_cert=certificate,
        tls_scheduler_key=key,
        require_encryption=True,
    )


def connection_arguments(connection: Mapping[str, Json]) -> dict[str, Any]:
    """Return what Dask's remote procedure calls need to be trusted."""
    return security_of(connection).get_connection_args("client")
