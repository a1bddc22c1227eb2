"""Reads frames from a ring's raw segments: mapped where the file is seen, else asked of the ring's server."""

from math import prod
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.errors import SteeringError
from steering.core.place import RawFrames, RingServer
from steering.ingest.client import RingClient
from steering.readers.paths import local_path

_CLIENTS = local()


def read_segment(place: RawFrames) -> NDArray[Any]:
    """Read the frames that a reference names.

    Returns:
        Array of shape ``(frames, rows, columns)``, read-only.

    Raises:
        SteeringError: If they are gone, cut short, or cannot be reached.
    """
    shape = (len(place.times), *place.shape)
    dtype = np.dtype(place.dtype)
    for path in place.paths:
        found = local_path(path)
        if found is None:
            continue
        try:
            return np.memmap(found, dtype, "r", place.offset, shape)
        except FileNotFoundError:
            # It was spilled to disk in this very moment: the next path has it.
            continue
        except ValueError as error:
            message = f"Segment {found} is cut short: it does not hold {shape} pixels from byte {place.offset} on."
            raise SteeringError(message) from error
    if place.server is None:
        message = f"No path of segment {place.segment} is seen here ({', '.join(place.paths)}), and no server is named."
        raise SteeringError(message)
    return _served(place, place.server, prod(shape) * dtype.itemsize, dtype).reshape(shape)


def _served(place: RawFrames, server: RingServer, size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    try:
        _, pixels = _client(server).request(want="pixels", segment=place.segment, offset=place.offset, bytes=size)
    except PermissionError as error:
        message = f"Segment {place.segment} is not to be had from {server.host}:{server.port}: {error}"
        raise SteeringError(message) from error
    except OSError:
        # The connection was let go while it was idle, or never made: once more, with a new one.
        _forget(server)
        try:
            _, pixels = _client(server).request(want="pixels", segment=place.segment, offset=place.offset, bytes=size)
        except OSError as error:
            _forget(server)
            message = (
                f"Segment {place.segment} is not seen here, and its server {server.host}:{server.port} does not "
                f"answer ({error}). Check that the ingest runs and that this worker may reach that address."
            )
            raise SteeringError(message) from error
    if len(pixels) != size:
        message = f"{len(pixels)} of {size} bytes came from segment {place.segment}: it is cut short."
        raise SteeringError(message)
    return np.frombuffer(pixels, dtype)


def _clients() -> dict[tuple[str, int], RingClient]:
    # A connection of its own for each thread.
    known: dict[tuple[str, int], RingClient] | None = getattr(_CLIENTS, "known", None)
    if known is None:
        known = _CLIENTS.known = {}
    return known


def _client(server: RingServer) -> RingClient:
    known = _clients()
    key = server.host, server.port
    if key not in known:
        known[key] = RingClient(server.host, server.port, server.token, server.certificate)
    return known[key]


def _forget(server: RingServer) -> None:
    client = _clients().pop((server.host, server.port), None)
    if client is not None:
        client.close()
