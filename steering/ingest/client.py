"""Talks to a ring's server, from a session or from a worker. One thread at a time."""

import json
import socket
from contextlib import suppress
from typing import Any

from steering.ingest.certificate import NAME, client_context
from steering.ingest.wire import LENGTH, ask

_CONNECT_SECONDS = 5.0
# A request is answered within the wait that it asks for; a server that is silent for so much longer has gone.
_SILENCE_SECONDS = 30.0


class RingClient:
    """One connection."""

    def __init__(self, host: str, port: int, token: str, certificate: str) -> None:
        """Connect.

        Raises:
            OSError: If nobody listens there, or not with this certificate.
        """
        plain = socket.create_connection((host, port), _CONNECT_SECONDS)
        try:
            self._socket = client_context(certificate).wrap_socket(plain, server_hostname=NAME)
        except OSError:
            plain.close()
            raise
        self._socket.settimeout(_SILENCE_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(ask(token=token))

    def request(self, **request: Any) -> tuple[dict[str, Any], bytearray]:
        """Ask; return the answer and the pixels that came with it.

        Raises:
            OSError: If the connection broke.
            PermissionError: If the server refused; with its words.
        """
        self._socket.sendall(ask(**request))
        text, pixels = LENGTH.unpack(self._read(LENGTH.size))
        content: dict[str, Any] = json.loads(self._read(text))
        body = self._read(pixels)
        if "error" in content:
            raise PermissionError(content["error"])
        return content, body

    def close(self) -> None:
        """Close the connection, also under a request of another thread, which then fails."""
        # It may not be connected any more: then what shutdown is for is done.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _read(self, size: int) -> bytearray:
        content = bytearray(size)
        view, read = memoryview(content), 0
        while read < size:
            came = self._socket.recv_into(view[read:])
            if not came:
                message = "the ring's server closed the connection"
                raise ConnectionError(message)
            read += came
        return content
