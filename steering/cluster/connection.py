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
# A certificate with less time left is renewed. It is valid for a year, and no job lasts that long.
_RENEWED_DAYS, _DAY_SECONDS = 60.0, 86400.0
_FILES = ("tls_ca", "tls_certificate", "tls_key")


def make_security(directory: Path) -> dict[str, Json]:
    """Make a certificate and its key, or use the existing ones, which workers of an earlier owner may still use.

    A certificate that expires soon is renewed. Jobs with the old one then find no new scheduler and are replaced.

    Returns:
        Paths of the three PEM files by their names in a connection.
    """
    paths = {name: directory / f"{name}.pem" for name in _FILES}
    if not all(path.exists() for path in paths.values()) or _days_left(paths["tls_certificate"]) < _RENEWED_DAYS:
        made = Security.temporary()
        texts = (made.tls_ca_file, made.tls_client_cert, made.tls_client_key)
        for path, text in zip(paths.values(), texts, strict=True):
            fresh = path.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(str(text), encoding="utf-8")
        # Replace each file in one step, because a scheduler may be reading it; and the certificate last: its age says
        # whether all three are new, also if this process is killed, or the disk is full, before that.
        for name in ("tls_ca", "tls_key", "tls_certificate"):
            paths[name].with_suffix(".new").replace(paths[name])
        _LOG.info("a certificate for Dask's connections was made in %s", directory)
    return {name: str(path) for name, path in paths.items()}


def _days_left(certificate: Path) -> float:
    """Return for how many days a certificate is still valid; 0 if it cannot be read."""
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
    """Write a scheduler's connection file, completely or not at all."""
    write_secret(file, dict(content))


def security_of(connection: Mapping[str, Json]) -> Security:
    """Return the TLS settings of a connection. They are the same for client, worker and scheduler."""
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
    """Return the connection arguments with which Dask's remote procedure calls are trusted."""
    return security_of(connection).get_connection_args("client")
