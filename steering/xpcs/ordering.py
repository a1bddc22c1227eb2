"""Brings frames into the order of static bins."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import FrameBlock
from steering.core.pixels import invalid
from steering.xpcs.bins import Bins
from steering.xpcs.products import SPARSE, Dense, Photons, Stack

_MOST_COUNTS = 1 << 16
_WORD = 8


def ordered(block: FrameBlock, frames: NDArray[Any], bins: Bins) -> tuple[Stack, list[bytes]]:
    """Bring the pixels into the order of the bins.

    Returns:
        Counts, 0 where there is none; and of each frame the bad pixels as packed bits, nothing if there is none.
    """
    frames = np.asarray(frames).reshape(len(frames), *frames.shape[1:])
    wrong = invalid(frames, block.bad)
    lowest, largest = frames.min() if frames.dtype.kind in "if" else 0, frames.max()
    if not (lowest >= 0 and largest < _MOST_COUNTS):
        beyond = ~((frames >= 0) & (frames < _MOST_COUNTS))
        wrong = beyond if wrong is None else wrong | beyond
    if wrong is not None:
        frames = np.where(wrong, frames.dtype.type(0), frames)
        largest = frames.max()
    if frames.dtype.kind == "f":
        frames = np.rint(frames)
    kind = np.uint8 if largest < 256 else np.uint16
    flat = frames.reshape(len(frames), -1).astype(kind, copy=False)
    static, width = bins.pixels.shape
    shape = (len(frames), static, width)
    keys = [b""] * len(frames)
    if wrong is not None:
        odd = wrong.reshape(len(frames), -1)[:, bins.pixels.ravel()] & bins.filled.ravel()
        keys = [np.packbits(row).tobytes() if row.any() else b"" for row in odd]
    if np.count_nonzero(flat) < SPARSE * flat.size:
        return _photons(flat, bins, shape), keys
    room = np.take(flat, bins.pixels.ravel(), axis=1)
    room[:, np.flatnonzero(~bins.filled.ravel())] = 0
    return Dense(room.reshape(shape)), keys


def _photons(flat: NDArray[Any], bins: Bins, shape: tuple[int, int, int]) -> Photons:
    """Find the pixels that have counts."""
    at = _occupied(flat)
    frame, pixel = np.divmod(at, flat.shape[1])
    place = bins.place(flat.shape[1])[pixel]
    keep = place >= 0
    frame, place, at = frame[keep], place[keep], at[keep]
    order = np.argsort(place, kind="stable")
    return Photons(frame[order], place[order], flat.ravel()[at[order]].astype(np.int64), shape)


def _occupied(flat: NDArray[Any]) -> NDArray[np.int64]:
    """Find what is not zero in few-byte numbers of which most are: eight bytes at a time."""
    each = _WORD // flat.dtype.itemsize
    if not flat.flags.c_contiguous or flat.size % each:
        return np.flatnonzero(flat)
    words = np.flatnonzero(flat.reshape(-1).view(np.uint64))
    word, inside = np.nonzero(flat.reshape(-1, each)[words])
    return words[word] * each + inside
