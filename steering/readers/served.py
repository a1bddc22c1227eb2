"""Frames that a beamline service sends to whoever does not see its files.

``GET /frames`` answers with one message: its header's length (4 bytes), a JSON header (``shape`` and ``dtype`` of the
frames), their times as 64-bit floats, their pixels. It holds as many of the wanted frames as fit, at least one.
"""

import json
import os
import struct
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.direct import MOUNTS
from steering.core.errors import SteeringError
from steering.core.place import FrameFile, ImageFiles, Place, ServedFrames
from steering.readers.paths import local_path

MESSAGE_BYTES = 32 << 20
_LENGTH = struct.Struct("<I")
# The service itself waits for frames that are being written.
_ANSWER_SECONDS = 30.0


def seen_here_or_served(place: Place, url: str, token: str) -> Place:
    """Return where frames are to be had: their files where this machine sees them, else the service.

    Args:
        place: As the beamline's documents have it.
        url: Of its service.
        token: For it.
    """
    match place:
        case FrameFile(path=path):
            pass
        case ImageFiles(paths=(path, *_)):
            pass
        case _:
            return place
    found = local_path(path)
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


def read_served(place: ServedFrames, first: int, stop: int) -> tuple[NDArray[Any], Floats]:
    """Ask a service for frames ``first`` to ``stop - 1``.

    Returns:
        Frames of shape ``(stop - first, rows, columns)``, and their times.

    Raises:
        SteeringError: If it does not answer, or does not have them.
    """
    parts: list[tuple[NDArray[Any], Floats]] = []
    came = first
    while came < stop:
        part = _part(place, came - first, came, stop)
        parts.append(part)
        came += len(part[0])
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([frames for frames, _ in parts]), np.concatenate([times for _, times in parts])


def _part(place: ServedFrames, done: int, first: int, stop: int) -> tuple[NDArray[Any], Floats]:
    import httpx

    match place.place:
        case FrameFile(path=path, dataset=dataset, times=times):
            wanted: dict[str, Any] = {"path": path, "dataset": dataset, "times": times, "first": first, "stop": stop}
        case ImageFiles(paths=paths, indices=indices):
            # One a message: a series may name thousands of files.
            wanted = {"path": paths[done], "first": indices[done], "stop": indices[done] + 1}
    headers = {"Authorization": f"Bearer {place.token}"}
    try:
        answer = _client(place.url).get("/frames", params=wanted, headers=headers)
    except httpx.HTTPError as error:
        _client.cache_clear()
        message = f"The beamline service at {place.url} does not send frames {first} to {stop - 1}: {error}."
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


@lru_cache(maxsize=4)
def _client(url: str) -> Any:
    import httpx

    return httpx.Client(base_url=url, timeout=_ANSWER_SECONDS, mounts=MOUNTS)


def _detail(answer: Any) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"it answers {answer.status_code}."
