"""Frames in raw segments of an ingest ring: mapped where the file is seen, else asked of the ring's server."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod
from threading import local
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.core.pixels import NOTHING_BAD, Bad
from steering.core.place import Place
from steering.ingest.client import RingClient
from steering.readers.paths import local_path

# A time, and what holds a reference to a few frames.
_WEIGHT = 10
_CLIENTS = local()


@dataclass(frozen=True)
class RingServer:
    """Where the pixels of an ingest ring are served to workers that do not see its files.

    Attributes:
        host: Address.
        port: TCP port.
        token: Lets its bearer read pixels, nothing else. Never printed.
        certificate: The server's own certificate (PEM); a connection is made to it and to nothing else.
    """

    host: str
    port: int
    token: str = field(repr=False)
    certificate: str = field(repr=False)


@dataclass(frozen=True)
class RawFrames:
    """Frames one after another in a raw segment of an ingest ring.

    Attributes:
        segment: Name of the segment.
        paths: Where the segment may lie, in the order in which to look (memory first, then where it was spilled to).
        offset: Where the first frame begins, in bytes.
        shape: Of one frame, ``(rows, columns)``.
        dtype: Of one pixel, as numpy writes it (``"<u2"``).
        times: Unix time in seconds of the end of each exposure.
        server: Who sends the pixels to a worker that sees none of the paths.
    """

    segment: str
    paths: tuple[str, ...]
    offset: int
    shape: tuple[int, int]
    dtype: str
    times: tuple[float, ...]
    server: RingServer | None = None

    def read(self, first: int, stop: int) -> tuple[NDArray[Any], Floats]:
        """Read the frames, which a segment holds by bytes.

        Raises:
            SteeringError: If they are gone, cut short, or cannot be reached.
        """
        del first, stop
        return self._pixels(), np.array(self.times)

    def bad(self, shape: tuple[int, int]) -> Bad:
        """Say nothing: nothing is written beside them."""
        del shape
        return NOTHING_BAD

    def part(self, part: slice) -> Place:
        """Return some of the frames."""
        return replace(self, offset=self.offset + (part.start or 0) * self._frame_bytes, times=self.times[part])

    def goes_on_in(self, after: Place) -> bool:
        """Say whether the others lie behind these in the same segment."""
        return isinstance(after, RawFrames) and after == replace(
            self, offset=self.offset + len(self.times) * self._frame_bytes, times=after.times
        )

    def joined(self, others: Sequence[Place]) -> Place:
        """Return one reference to all."""
        times = (when for one in (self, *cast("Sequence[RawFrames]", others)) for when in one.times)
        return replace(self, times=tuple(times))

    def weight(self, frames: int) -> int:
        """Count what is named of each frame."""
        return _WEIGHT * frames

    @property
    def _frame_bytes(self) -> int:
        return prod(self.shape) * np.dtype(self.dtype).itemsize

    def _pixels(self) -> NDArray[Any]:
        shape = (len(self.times), *self.shape)
        dtype = np.dtype(self.dtype)
        for path in self.paths:
            found = local_path(path)
            if found is None:
                continue
            try:
                return np.memmap(found, dtype, "r", self.offset, shape)
            except FileNotFoundError:
                # It was spilled to disk in this very moment: the next path has it.
                continue
            except ValueError as error:
                message = f"Segment {found} is cut short: it does not hold {shape} pixels from byte {self.offset} on."
                raise SteeringError(message) from error
        if self.server is None:
            message = (
                f"No path of segment {self.segment} is seen here ({', '.join(self.paths)}), and no server is named."
            )
            raise SteeringError(message)
        return _served(self, self.server, prod(shape) * dtype.itemsize, dtype).reshape(shape)


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
