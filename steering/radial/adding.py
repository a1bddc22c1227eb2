"""Adds up the frames of a block in their rings."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.radial.rings import Rings
from steering.radial.sums import PARTS, Stretch, Sums, exact, parted, usable


def sums_of(
    rings: Rings, frames: NDArray[Any], wrong: NDArray[np.bool_] | None, monitor: Floats | None, count: int
) -> Sums:
    """Add up frames.

    Args:
        rings: Of the frames.
        frames: With zeros for what is no count.
        wrong: What is none, of their shape; ``None`` if all are.
        monitor: Of each frame; ``None`` if there is none.
        count: How many frames there were, with those that are not added.
    """
    zeros = np.zeros(len(rings.middles), np.int64)
    counts, parts = zeros, zeros
    if frames.dtype.kind == "f":
        # Each frame by itself, so that its rounding does not depend on the frames beside it.
        for frame in frames:
            more, rest = parted(rings.added(frame.ravel()))
            counts, parts = counts + more, parts + rest
    elif len(frames):
        counts = rings.added(frames.sum(axis=0, dtype=np.int64).ravel()).astype(np.int64)
    lost, missing = zeros, 0
    if wrong is not None and len(wrong):
        times = wrong.sum(axis=0, dtype=np.int64).ravel()
        lost = rings.added(times * rings.shares).astype(np.int64)
        missing = int(times[rings.ring < len(zeros)].sum())
    # So that the same sum is always written in the same way.
    counts, parts = counts + parts // PARTS, parts % PARTS
    sums = Sums(counts, parts, lost, len(frames), count - len(frames), missing)
    if monitor is None:
        return sums
    values = exact(monitor)
    return replace(sums, monitor=sum(values), monitored=_monitored(rings, wrong, values))


def stretch_of(
    start: int, rings: Rings, frames: NDArray[Any], wrong: NDArray[np.bool_] | None, monitor: Floats | None
) -> Stretch:
    """Add up frames that follow one another.

    Args:
        start: Number of the first.
        rings: Of the frames.
        frames: With zeros for what is no count.
        wrong: What is none, of their shape; ``None`` if all are.
        monitor: Of each frame; ``None`` if there is none. Those for which it is not above 0 are left out.
    """
    count = len(frames)
    keep = np.ones(count, bool) if monitor is None else usable(monitor)
    newest = int(np.flatnonzero(keep)[-1]) if keep.any() else None

    def added(some: Any, of: int) -> Sums:
        return sums_of(rings, frames[some], _of(wrong, some), _of(monitor, some), of)

    sums, last = added(slice(None) if keep.all() else keep, count), None
    if newest is not None:
        last = sums if count == 1 else added(slice(newest, newest + 1), 1)
    return Stretch(start, start + count, sums, last)


def _of(values: NDArray[Any] | None, some: Any) -> NDArray[Any] | None:
    return None if values is None else values[some]


def _monitored(rings: Rings, wrong: NDArray[np.bool_] | None, monitor: list[int]) -> NDArray[np.object_]:
    """Add up the shares of what is no count, each frame's times its monitor."""
    found = np.full(len(rings.middles), 0, object)
    lost, held = found, None
    for value, bad in zip(monitor, wrong if wrong is not None else (), strict=False):
        # Most frames have the same bad pixels as the one before.
        if held is None or not np.array_equal(bad, held):
            lost, held = rings.added(bad.ravel() * rings.shares).astype(np.int64).astype(object), bad
        found = found + lost * value
    return found
