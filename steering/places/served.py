"""Frames that a beamline service sends to whoever does not see its files.

``GET /frames`` answers with one message: its header's length (4 bytes), a JSON header (``shape`` and ``dtype`` of the
frames), their times as 64-bit floats, their pixels. It holds as many of the wanted frames as fit, at least one.
"""

import json
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.core.pixels import NOTHING_BAD, Bad
from steering.core.place import Place
from steering.machine.direct import MOUNTS
from steering.readers.paths import local_path

MESSAGE_BYTES = 32 << 20
_LENGTH = struct.Struct("<I")
# The service itself waits for frames that are being written.
_ANSWER_SECONDS = 30.0


@runtime_checkable
class InFiles(Place, Protocol):
    """Frames in files that a beamline's service can send."""

    @property
    def path(self) -> str:
        """The first file."""
        ...

    def asked(self, done: int, first: int, stop: int) -> dict[str, str | int]:
        """Say how the service is asked for frames ``first`` to ``stop - 1``, of which so many have come before them."""
        ...


@dataclass(frozen=True)
class ServedFrames:
    """Frames of files that are not seen here, sent by the beamline's service.

    Attributes:
        place: Where they lie at the beamline.
        url: Of the service.
        token: For it. Never printed.
    """

    place: InFiles
    url: str
    token: str = field(repr=False)

    def read(self, first: int, stop: int) -> tuple[NDArray[Any], Floats]:
        """Ask the service for frames, as many at once as a message holds.

        Raises:
            SteeringError: If it does not answer, or does not have them.
        """
        parts: list[tuple[NDArray[Any], Floats]] = []
        came = first
        while came < stop:
            part = self._part(came - first, came, stop)
            parts.append(part)
            came += len(part[0])
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([frames for frames, _ in parts]), np.concatenate([times for _, times in parts])

    def bad(self, shape: tuple[int, int]) -> Bad:
        """Say nothing: the service does not tell."""
        del shape
        return NOTHING_BAD

    def part(self, part: slice) -> Place:
        """Return some of the frames."""
        return replace(self, place=cast("InFiles", self.place.part(part)))

    def goes_on_in(self, after: Place) -> bool:
        """Say whether the same service sends the others, and they can be named together."""
        return (
            isinstance(after, ServedFrames)
            and (after.url, after.token) == (self.url, self.token)
            and self.place.goes_on_in(after.place)
        )

    def joined(self, others: Sequence[Place]) -> Place:
        """Join what the service is asked for."""
        places = [one.place for one in cast("Sequence[ServedFrames]", others)]
        return replace(self, place=cast("InFiles", self.place.joined(places)))

    def weight(self, frames: int) -> int:
        """Count what is asked for."""
        return self.place.weight(frames)

    def _part(self, done: int, first: int, stop: int) -> tuple[NDArray[Any], Floats]:
        import httpx

        wanted = self.place.asked(done, first, stop)
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            answer = _client(self.url).get("/frames", params=wanted, headers=headers)
        except httpx.HTTPError as error:
            _client.cache_clear()
            message = f"The beamline service at {self.url} does not send frames {first} to {stop - 1}: {error}."
            raise SteeringError(message) from error
        if not answer.is_success:
            message = f"The beamline service does not send frames {first} to {stop - 1}: {_detail(answer)}"
            raise SteeringError(message)
        try:
            frames, times_of = unpack(answer.content)
        except (ValueError, KeyError, TypeError, struct.error) as error:
            message = f"What the beamline service sent as frames {first} to {stop - 1} cannot be read: {error}."
            raise SteeringError(message) from error
        if not 0 < len(frames) <= stop - first:
            message = f"The beamline service sent {len(frames)} of the frames {first} to {stop - 1}."
            raise SteeringError(message)
        return frames, times_of


def seen_here_or_served(place: Place, url: str, token: str) -> Place:
    """Return where frames are to be had: their files where this machine sees them, else the service.

    Args:
        place: As the beamline's documents have it.
        url: Of its service.
        token: For it.
    """
    if not isinstance(place, InFiles):
        return place
    found = local_path(place.path)
    return place if found is not None and os.access(found, os.R_OK) else ServedFrames(place, url, token)


def pack(frames: NDArray[Any], times: Floats) -> bytes:
    """Write frames, or as many of the first as fit, into a message."""
    each = max(frames[:1].nbytes, 1)
    count = min(len(frames), max(MESSAGE_BYTES // each, 1))
    frames, times = frames[:count], times[:count]
    header = json.dumps({"shape": frames.shape, "dtype": frames.dtype.str}).encode()
    pixels = np.ascontiguousarray(frames)
    return b"".join((_LENGTH.pack(len(header)), header, times.astype("<f8").tobytes(), pixels.tobytes()))


def unpack(message: bytes) -> tuple[NDArray[Any], Floats]:
    """Read a message.

    Raises:
        ValueError: If it is none.
    """
    if len(message) < _LENGTH.size:
        text = f"{len(message)} bytes are no frames"
        raise ValueError(text)
    begin = _LENGTH.size + _LENGTH.unpack_from(message)[0]
    header: dict[str, Any] = json.loads(message[_LENGTH.size : begin])
    shape, dtype = tuple(int(size) for size in header["shape"]), np.dtype(str(header["dtype"]))
    if dtype.kind not in "uifb":
        text = f"frames of type {dtype} are not read"
        raise ValueError(text)
    times = np.frombuffer(message, "<f8", shape[0], begin)
    return np.frombuffer(message, dtype, offset=begin + times.nbytes).reshape(shape), times


@lru_cache(maxsize=4)
def _client(url: str) -> Any:
    import httpx

    return httpx.Client(base_url=url, timeout=_ANSWER_SECONDS, mounts=MOUNTS)


def _detail(answer: Any) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"it answers {answer.status_code}."
