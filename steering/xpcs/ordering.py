"""Brings frames into the order of static bins."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import FrameBlock
from steering.core.pixels import invalid, top_of
from steering.photons.frames import EventFrames
from steering.xpcs.bins import Bins
from steering.xpcs.products import SPARSE, Dense

_MOST_COUNTS = 1 << 16
_WORD = 8


def ordered(
    block: FrameBlock, frames: NDArray[Any] | EventFrames, bins: Bins
) -> tuple[Dense | EventFrames, list[bytes]]:
    """Bring the pixels into the order of the bins.

    Returns:
        Counts, 0 where there is none; and of each frame the bad pixels as packed bits, nothing if there is none.
    """
    if isinstance(frames, EventFrames):
        return _of_events(block, frames, bins)
    frames = np.asarray(frames).reshape(len(frames), *frames.shape[1:])
    wrong = invalid(frames, block.bad)
    lowest, largest = frames.min() if frames.dtype.kind in "if" else 0, frames.max()
    # Counts are rounded to whole ones: what would be one too many is none.
    if not (lowest >= 0 and largest < _MOST_COUNTS - 0.5):
        beyond = ~((frames >= 0) & (frames < _MOST_COUNTS - 0.5))
        wrong = beyond if wrong is None else wrong | beyond
    if wrong is not None:
        frames = np.where(wrong, frames.dtype.type(0), frames)
        largest = frames.max()
    if frames.dtype.kind == "f":
        frames, largest = np.rint(frames), np.rint(largest)
    kind = np.uint8 if largest < 256 else np.uint16
    flat = frames.reshape(len(frames), -1).astype(kind, copy=False)
    static, width = bins.pixels.shape
    keys = [b""] * len(frames)
    if wrong is not None:
        keys = [_key(row, bins) for row in wrong.reshape(len(frames), -1)]
    if np.count_nonzero(flat) < SPARSE * flat.size:
        return _photons(flat, bins, (static, width)), keys
    room = np.take(flat, bins.pixels.ravel(), axis=1)
    room[:, np.flatnonzero(~bins.filled.ravel())] = 0
    return Dense.of(room.reshape(len(frames), static, width)), keys


def _of_events(block: FrameBlock, frames: EventFrames, bins: Bins) -> tuple[EventFrames, list[bytes]]:
    """Take events as they are: pixels that hold none are never looked at."""
    static, width = bins.pixels.shape
    masked = None if block.bad.mask is None else block.bad.mask.ravel()
    place = bins.place if masked is None else np.where(masked, np.int32(-1), bins.place)
    keys = [b"" if masked is None else _key(masked, bins)] * len(frames)
    top = top_of(frames.dtype, block.bad.saturated)
    beyond = frames.count > (_MOST_COUNTS - 1 if top is None else top)
    for event in np.flatnonzero(beyond):
        # Few have one; in that frame its pixel is no count.
        frame = int(np.searchsorted(frames.begins, int(frames.begins[0]) + int(event), "right")) - 1
        wrong = np.zeros(len(place), bool) if masked is None else masked.copy()
        here = slice(int(frames.begins[frame] - frames.begins[0]), int(frames.begins[frame + 1] - frames.begins[0]))
        wrong[frames.pixel[here][beyond[here]]] = True
        keys[frame] = _key(wrong, bins)
    kept = frames if not beyond.any() else frames.without(beyond)
    return _placed(kept, place, (static, width)), keys


def _key(wrong: NDArray[np.bool_], bins: Bins) -> bytes:
    odd = wrong[bins.pixels.ravel()] & bins.filled.ravel()
    return np.packbits(odd).tobytes() if odd.any() else b""


def _photons(flat: NDArray[Any], bins: Bins, shape: tuple[int, int]) -> EventFrames:
    """Find the pixels that have counts."""
    at = _occupied(flat)
    frame, pixel = np.divmod(at, flat.shape[1])
    begins = np.searchsorted(frame, np.arange(len(flat) + 1)).astype(np.int64)
    found = EventFrames(begins, pixel.astype(np.int32), flat.ravel()[at].astype(np.uint16), (1, flat.shape[1]))
    return _placed(found, bins.place, shape)


def _placed(events: EventFrames, place: NDArray[np.int32], shape: tuple[int, int]) -> EventFrames:
    """Say of each event its place in the order of static bins, and leave out those without one."""
    at = place[events.pixel]
    outside = at < 0
    kept = events.without(outside) if outside.any() else events
    return EventFrames(kept.begins, at[~outside], kept.count, shape)


def _occupied(flat: NDArray[Any]) -> NDArray[np.int64]:
    """Find what is not zero in few-byte numbers of which most are: eight bytes at a time."""
    each = _WORD // flat.dtype.itemsize
    if not flat.flags.c_contiguous or flat.size % each:
        return np.flatnonzero(flat)
    words = np.flatnonzero(flat.reshape(-1).view(np.uint64))
    word, inside = np.nonzero(flat.reshape(-1, each)[words])
    return words[word] * each + inside
