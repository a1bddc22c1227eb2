"""How clients and workers find and trust a scheduler: a file of mode 0600 in the owner's shared folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distributed.security import Security

from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.core.secret_file import read_secret, write_secret

_FILES = ("tls_ca", "tls_certificate", "tls_key")


def make_security(directory: Path) -> dict[str, Json]:
    """Make a certificate and its key, or take those that are there, as an earlier owner's workers still use them.

    Returns:
        Paths of the three PEM files by their names in a connection.
    """
    paths = {name: directory / f"{name}.pem" for name in _FILES}
    if not all(path.exists() for path in paths.values()):
        made = Security.temporary()
        texts = (made.tls_ca_file, made.tls_client_cert, made.tls_client_key)
        for path, text in zip(paths.values(), texts, strict=True):
            path.touch(mode=0o600)
            path.write_text(str(text), encoding="utf-8")
    return {name: str(path) for name, path in paths.items()}


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
