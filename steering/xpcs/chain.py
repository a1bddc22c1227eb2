"""Frames that follow one another in a burst, as sums that two neighbours can join without their frames.

At each level of the multi-tau grid a chain keeps the sums of products, and its first and last eight frames. When two
chains touch, the products across the seam are made from these. A frame of level ``l`` is the sum of ``2**l`` frames
from a multiple of ``2**l`` on; where the seam cuts one, its halves are frames of the level below.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TypeAlias

import numpy as np

from steering.core.block import Floats
from steering.photons.frames import EventFrames
from steering.xpcs.levels import Level, level_of, levels_of
from steering.xpcs.photon_levels import most_events, photon_levels
from steering.xpcs.products import LAGS, Counts, Dense, Frames, across, added, narrow
from steering.xpcs.slots import Slot, joined_slots, slots_of

# So many pieces of events are kept apart before they are joined.
_PIECES = 64

Key: TypeAlias = tuple[int, bytes]


@dataclass(frozen=True, eq=False)
class Chain:
    """Frames of one burst with the same good pixels and pace, one after another.

    Attributes:
        key: Number of the event, and the good pixels as packed bits.
        start: Number of the first frame in the stream.
        stop: Number after the last one.
        index: Of the first in its burst.
        good: Good pixels by static bin, shape ``(static,)``.
        exposure: Of the first frame in seconds.
        ending: Of the last one.
        levels: From level 0 on; none while the frames are kept as events.
        segments: For the number of each segment how many frames of it are here, and their counts.
        events: The frames themselves where few pixels hold photons: these are less than sums at both ends of each level
            would be. Their pixels are places in the order of static bins.
        slots: Of two-time correlations, by number in the burst; none where these are not wanted.
    """

    key: Key
    start: int
    stop: int
    index: int
    good: Counts
    exposure: float
    ending: float
    levels: tuple[Level, ...]
    segments: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    events: tuple[EventFrames, ...] = ()
    slots: Mapping[int, Slot] = field(default_factory=dict[int, Slot])

    @property
    def origin(self) -> int:
        """Number in the stream of the first frame of the burst."""
        return self.start - self.index


def make_chain(
    key: Key,
    start: int,
    index: int,
    good: Counts,
    exposure: Floats,
    frames: Dense | EventFrames,
    segment: int,
    slot: int = 0,
) -> Chain:
    """Make a chain of frames.

    Args:
        key: Of the chain.
        start: Number of the first frame in the stream.
        index: Of the first in its burst.
        good: Good pixels by static bin.
        exposure: Of each frame in seconds.
        frames: Counts in the order of static bins.
        segment: Frames a segment.
        slot: Frames of a slot of two-time correlations; 0 if these are not wanted.
    """
    events = (frames,) if isinstance(frames, EventFrames) else ()
    levels = () if isinstance(frames, EventFrames) else tuple(levels_of(frames, index))
    numbers = np.arange(index, index + len(frames)) // segment
    counted = np.bincount(numbers - numbers[0]).tolist()
    light = np.bincount(numbers - numbers[0], frames.each()).astype(np.int64).tolist()
    segments = {int(numbers[0]) + place: pair for place, pair in enumerate(zip(counted, light, strict=True))}
    first, last = float(exposure[0]), float(exposure[-1])
    slots = slots_of(frames, index, slot)
    return Chain(key, start, start + len(frames), index, good, first, last, levels, segments, events, slots)


def joined(before: Chain, after: Chain) -> Chain:
    """Join two chains, the second of which goes on where the first ends."""
    segments, slots = _both_segments(before, after), joined_slots(before.slots, after.slots)
    events = (*before.events, *after.events)
    if before.events and after.events and sum(len(one.pixel) for one in events) <= most_events():
        held = events if len(events) < _PIECES else (EventFrames.joined(events),)
        return replace(before, stop=after.stop, ending=after.ending, segments=segments, slots=slots, events=held)
    before, after = settled(before), settled(after)
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
    ends = {"stop": after.stop, "ending": after.ending}
    return replace(before, **ends, levels=tuple(levels), segments=segments, slots=slots)


def settled(chain: Chain, *, open_ends: bool = True) -> Chain:
    """Make sums of a chain that is kept as events.

    Args:
        chain: Left as it is.
        open_ends: Whether something may still join it.
    """
    if not chain.events:
        return chain
    levels = photon_levels(EventFrames.joined(chain.events), chain.index, open_ends=open_ends)
    return replace(chain, levels=levels, events=())


def _both_segments(before: Chain, after: Chain) -> dict[int, tuple[int, int]]:
    segments = dict(before.segments)
    for place, (count, sums) in after.segments.items():
        held = segments.get(place)
        segments[place] = (count, sums) if held is None else (held[0] + count, held[1] + sums)
    return segments


def closed(chain: Chain, *, before: bool, after: bool) -> Chain:
    """Drop the frames of ends at which nothing can join; where that are both, its sums are all that is needed."""
    if before and after:
        chain = settled(chain, open_ends=False)
    levels = tuple(
        replace(
            one,
            head=one.head[:0] if before else one.head,
            tail=one.tail[:0] if after else one.tail,
        )
        for one in chain.levels
    )
    return replace(chain, levels=levels)


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
        parts.append(level_of(Dense.of(middle), at, keep_head=True))
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
