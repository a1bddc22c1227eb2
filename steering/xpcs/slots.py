"""Slots: sums of some frames of a burst, pixel by pixel, of which two-time correlations are made."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from steering.photons.frames import EventFrames
from steering.xpcs.products import Dense, Frames, narrow

# A burst's slots beyond these are left out: their pairs grow with the square, and so does the time that they take.
MOST_SLOTS = 256


@dataclass(frozen=True, eq=False)
class Slot:
    """Counts of some frames that belong together.

    Attributes:
        frames: How many are in it.
        counts: Their sum, shape ``(static, width)``.
    """

    frames: int
    counts: Frames


def slots_of(frames: Dense | EventFrames, index: int, length: int) -> dict[int, Slot]:
    """Add the frames of each slot.

    Args:
        frames: Counts in the order of static bins.
        index: Of the first in its burst.
        length: Frames of a slot; 0 for none.

    Returns:
        By number of the slot in the burst, from 0.
    """
    found: dict[int, Slot] = {}
    if not length:
        return found
    for number in range(index // length, min((index + len(frames) - 1) // length + 1, MOST_SLOTS)):
        begin, end = max(number * length - index, 0), min((number + 1) * length - index, len(frames))
        found[number] = Slot(end - begin, _sum(frames[begin:end]))
    return found


def joined_slots(before: Mapping[int, Slot], after: Mapping[int, Slot]) -> dict[int, Slot]:
    """Unite slots of different frames; those that both have a part of are added."""
    found = dict(before)
    for number, slot in after.items():
        held = found.get(number)
        if held is None:
            found[number] = slot
        else:
            found[number] = Slot(held.frames + slot.frames, narrow(held.counts.astype(np.uint64) + slot.counts))
    return found


def _sum(frames: Dense | EventFrames) -> Frames:
    if isinstance(frames, Dense):
        return narrow(frames.frames.sum(axis=0, dtype=np.uint64))
    _, static, width = frames.shape
    return narrow(np.bincount(frames.pixel, frames.count, static * width).astype(np.uint64).reshape(static, width))
