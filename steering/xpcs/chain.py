"""Frames that follow one another in a burst, as sums that two neighbours can join without their frames.

At each level of the multi-tau grid a chain keeps the sums of products, and its first and last eight frames. When two
chains touch, the products across the seam are made from these. A frame of level ``l`` is the sum of ``2**l`` frames
from a multiple of ``2**l`` on; where the seam cuts one, its halves are frames of the level below.
"""

from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TypeAlias

import numpy as np

from steering.xpcs.products import LAGS, Counts, Dense, Frames, Stack, across, added, narrow

Key: TypeAlias = tuple[int, bytes]


@dataclass(frozen=True, eq=False)
class Level:
    """A chain's frames of one level.

    Attributes:
        first: Number of the first in the burst, in frames of the level.
        count: How many.
        products: Sums of products by lag from 1 and static bin, shape ``(8, static)``.
        total: Counts by static bin, shape ``(static,)``.
        first_sums: Counts of the first frames, eight at most, shape ``(frames, static)``.
        last_sums: Of the last ones.
        head: The first frames themselves; none where nothing can join before them.
        tail: The last ones.
    """

    first: int
    count: int
    products: Counts
    total: Counts
    first_sums: Counts
    last_sums: Counts
    head: Frames
    tail: Frames


@dataclass(frozen=True, eq=False)
class Chain:
    """Frames of one burst with the same good pixels, one after another.

    Attributes:
        key: Number of the event, and the good pixels as packed bits.
        start: Number of the first frame in the stream.
        stop: Number after the last one.
        index: Of the first in its burst.
        good: Good pixels by static bin, shape ``(static,)``.
        exposure: Of the first frame in seconds.
        levels: From level 0 on.
        segments: For the number of each segment how many frames of it are here, and counts by static bin.
    """

    key: Key
    start: int
    stop: int
    index: int
    good: Counts
    exposure: float
    levels: tuple[Level, ...]
    segments: dict[int, tuple[int, Counts]] = field(default_factory=dict[int, tuple[int, Counts]])

    @property
    def origin(self) -> int:
        """Number in the stream of the first frame of the burst."""
        return self.start - self.index


def make_chain(key: Key, start: int, index: int, good: Counts, exposure: float, frames: Stack, segment: int) -> Chain:
    """Make a chain of frames.

    Args:
        key: Of the chain.
        start: Number of the first frame in the stream.
        index: Of the first in its burst.
        good: Good pixels by static bin.
        exposure: In seconds.
        frames: Counts in the order of static bins.
        segment: Frames a segment.
    """
    levels: list[Level] = []
    sums = frames.sums()
    first, some, light = index, frames, sums
    while len(some):
        levels.append(_level(first, some, light, keep_head=index > 0))
        odd = first % 2
        some, first = some.coarser(odd), (first + 1) // 2
        light = light[odd : odd + 2 * len(some) : 2] + light[odd + 1 : odd + 2 * len(some) : 2]
    numbers = np.arange(index, index + len(frames)) // segment
    segments = {int(one): (int((numbers == one).sum()), sums[numbers == one].sum(axis=0)) for one in np.unique(numbers)}
    return Chain(key, start, start + len(frames), index, good, exposure, tuple(levels), segments)


def joined(before: Chain, after: Chain) -> Chain:
    """Join two chains, the second of which goes on where the first ends."""
    seam = before.index + before.stop - before.start
    levels: list[Level] = []
    lower: list[Frames] = []
    number = 0
    while True:
        left = before.levels[number] if number < len(before.levels) else None
        right = after.levels[number] if number < len(after.levels) else None
        middle = _across(seam, number, lower)
        if left is None and right is None and middle is None:
            break
        one = _joined_level(seam >> number, left, middle, right, keep_head=before.index > 0)
        levels.append(one)
        # What lies around the seam, for the frame of the next level that it cuts.
        tail = left.tail if left is not None else None
        head = right.head if right is not None else None
        lower = [some for some in (_last(tail), middle, _first(head)) if some is not None]
        lower = lower if _enough(seam, number, left, middle, right) else []
        number += 1
    segments = dict(before.segments)
    for place, (count, sums) in after.segments.items():
        held = segments.get(place)
        segments[place] = (count, sums) if held is None else (held[0] + count, held[1] + sums)
    return replace(before, stop=after.stop, levels=tuple(levels), segments=segments)


def closed(chain: Chain, *, before: bool, after: bool) -> Chain:
    """Drop the frames of ends at which nothing can join."""
    levels = tuple(
        replace(
            one,
            head=one.head[:0] if before else one.head,
            tail=one.tail[:0] if after else one.tail,
        )
        for one in chain.levels
    )
    return replace(chain, levels=levels)


def _level(first: int, frames: Stack, sums: Counts, *, keep_head: bool) -> Level:
    head = frames.part(0, LAGS if keep_head else 0)
    tail = frames.part(max(len(frames) - LAGS, 0), len(frames))
    ends = sums[:LAGS].copy(), sums[-LAGS:].copy()
    return Level(first, len(frames), frames.products(), sums.sum(axis=0), *ends, head, tail)


def _last(frames: Frames | None) -> Frames | None:
    return frames[-1:] if frames is not None and len(frames) else None


def _first(frames: Frames | None) -> Frames | None:
    return frames[:1] if frames is not None and len(frames) else None


def _enough(seam: int, number: int, left: Level | None, middle: Frames | None, right: Level | None) -> bool:
    """Say whether both halves of the next level's frame that the seam cuts are here."""
    low = seam >> (number + 1) << 1
    cut = bool(seam & ((1 << number) - 1))
    at = seam >> number

    def here(one: int) -> bool:
        if one < at:
            return left is not None and left.first <= one
        if cut and one == at:
            return middle is not None
        return right is not None and one < right.first + right.count

    return bool(seam & ((1 << (number + 1)) - 1)) and here(low) and here(low + 1)


def _across(seam: int, number: int, lower: list[Frames]) -> Frames | None:
    """Make the frame of a level that the seam cuts, from what lies around the seam one level below."""
    if not lower or not number:
        return None
    # Below, the seam lies between two frames, or cuts the middle one; which two are its halves follows from that.
    below = seam >> (number - 1)
    cut = bool(seam & ((1 << (number - 1)) - 1))
    if not cut:
        return added(lower[0], lower[-1])
    pair = lower[-2:] if below % 2 == 0 else lower[:2]
    return added(pair[0], pair[1])


def _joined_level(at: int, left: Level | None, middle: Frames | None, right: Level | None, *, keep_head: bool) -> Level:
    """Join the frames of a level on both sides of a seam, and that which it cuts."""
    parts: list[Level] = [] if left is None else [left]
    if middle is not None:
        one = Dense(middle)
        parts.append(_level(at, one, one.sums(), keep_head=True))
    parts += [] if right is None else [right]
    if len(parts) == 1:
        one = parts[0]
        return one if keep_head or one is not right else replace(one, head=one.head[:0])
    return reduce(lambda one, other: _next_to(one, other, keep_head=keep_head), parts)


def _next_to(left: Level, right: Level, *, keep_head: bool) -> Level:
    head = left.head
    if keep_head and left.count < LAGS:
        head = narrow(np.concatenate([left.head, right.head])[:LAGS])
    tail = right.tail
    if right.count < LAGS:
        tail = narrow(np.concatenate([left.tail, right.tail])[-LAGS:])
    return Level(
        left.first,
        left.count + right.count,
        left.products + right.products + across(left.tail, right.head),
        left.total + right.total,
        np.concatenate([left.first_sums, right.first_sums])[:LAGS],
        np.concatenate([left.last_sums, right.last_sums])[-LAGS:],
        head if keep_head else head[:0],
        tail,
    )
