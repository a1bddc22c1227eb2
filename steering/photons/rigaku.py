"""The events that Rigaku's photon-counting detectors write, as APS 8-ID does: 64 bits each, and no header.

Bits 0 to 11 are the counts, 16 to 36 the pixel in the flattened frame, 40 to 63 the number of the frame from 0.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.errors import SteeringError
from steering.photons.frames import EventFrames

WORD = 8
_COUNT, _PIXEL = (1 << 12) - 1, (1 << 21) - 1
_PIXEL_AT, _FRAME_AT = 16, 40


def whole_events(path: Path) -> int:
    """Count the events that a file holds in full; one that is still being written counts once it is there."""
    return path.stat().st_size // WORD


def frames_of(path: Path, begin: int, end: int) -> NDArray[np.int64]:
    """Say to which frames events ``begin`` to ``end - 1`` of a file belong."""
    return (_words(path, begin, end) >> np.uint64(_FRAME_AT)).astype(np.int64)


@dataclass(frozen=True)
class EventRange:
    """Where the events of some frames lie in a file.

    Attributes:
        begin: Number of the first.
        end: Number after the last one.
        ordered: Whether they lie in the order of their frames; if not, some of other frames may lie among them.
    """

    begin: int
    end: int
    ordered: bool = True


def read_rigaku(path: Path, first: int, stop: int, shape: tuple[int, int], where: EventRange) -> EventFrames:
    """Read frames ``first`` to ``stop - 1`` of a file; a frame without events is empty.

    Args:
        path: The file.
        first: Number of the first frame.
        stop: Number after the last one.
        shape: Rows and columns of a frame.
        where: In which part of the file they lie.

    Raises:
        SteeringError: If an event is outside the frame.
        EOFError: If the file ends before that part does.
        OSError: If it cannot be read.
    """
    there = whole_events(path)
    if there < where.end:
        message = f"it holds {there} of {where.end} events"
        raise EOFError(message)
    begin, end = where.begin, where.end
    if where.ordered:
        begin, end = (_first_of(path, frame, where) for frame in (first, stop))
    words = _words(path, begin, end)
    frame = (words >> np.uint64(_FRAME_AT)).astype(np.int64)
    if not where.ordered:
        keep = (frame >= first) & (frame < stop)
        words, frame = words[keep], frame[keep]
        order = np.argsort(frame, kind="stable")
        words, frame = words[order], frame[order]
    pixel = ((words >> np.uint64(_PIXEL_AT)) & np.uint64(_PIXEL)).astype(np.int32)
    count = (words & np.uint64(_COUNT)).astype(np.uint16)
    begins = np.searchsorted(frame, np.arange(first, stop + 1)).astype(np.int64)
    try:
        return EventFrames(begins, pixel, count, shape)
    except ValueError as error:
        message = f"{path} is not of frames of {shape[0]} x {shape[1]} px: {error}. Give the detector's shape."
        raise SteeringError(message) from error


def write_rigaku(path: Path, frame: NDArray[Any], pixel: NDArray[Any], count: NDArray[Any]) -> None:
    """Add events at the end of a file, as a detector or a simulation does.

    Args:
        path: The file; made if it is not there.
        frame: Number of each event's frame, rising.
        pixel: Of each, into the flattened frame.
        count: Of each.

    Raises:
        ValueError: If one of the numbers has no room in the format.
    """
    for name, some, most in (("frame", frame, (1 << 24) - 1), ("pixel", pixel, _PIXEL), ("count", count, _COUNT)):
        if len(some) and not (int(some.min()) >= 0 and int(some.max()) <= most):
            message = f"{name} goes from {some.min()} to {some.max()}; the format has room for 0 to {most}"
            raise ValueError(message)
    wide = [np.asarray(some).astype(np.uint64) for some in (frame, pixel, count)]
    words = (wide[0] << np.uint64(_FRAME_AT)) | (wide[1] << np.uint64(_PIXEL_AT)) | wide[2]
    with path.open("ab") as file:
        file.write(words.astype("<u8").tobytes())


def _words(path: Path, begin: int, end: int) -> NDArray[np.uint64]:
    return np.fromfile(path, "<u8", end - begin, offset=begin * WORD).astype(np.uint64, copy=False)


def _first_of(path: Path, frame: int, where: EventRange) -> int:
    """Find the first event of a frame or of those after it."""
    low, high = where.begin, where.end
    while low < high:
        middle = (low + high) // 2
        if int(frames_of(path, middle, middle + 1)[0]) < frame:
            low = middle + 1
        else:
            high = middle
    return low
