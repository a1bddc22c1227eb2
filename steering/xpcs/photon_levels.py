"""All levels of a chain of photons at once, compiled (``steering[fast]``): pair by pair of one pixel's photons.

Level by level each photon is touched at each of seventeen levels. A pair of photons counts at two levels at most, those
where their distance is five to eight frames, and of few photons there are few pairs. A pixel with many is looked at
level by level after all. Lags of one to four frames above level 0, which no curve shows, are left out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.machine.compiled import Aside, jit
from steering.photons.frames import EventFrames
from steering.xpcs.levels import Level, levels_of
from steering.xpcs.products import LAGS, Photons, narrow


@dataclass(frozen=True)
class _Compiled:
    """What is compiled."""

    ends: Callable[..., None]
    pairs: Callable[..., None]
    levels: Callable[..., None]
    sort: Callable[..., None]


# So many photons at a time are worth that it is compiled aside; for so many numpy takes longer than to compile does.
_MANY_PHOTONS, _WORTH_WAITING = 200_000, 1_000_000
# So many events of a burst are kept before sums are made of them.
_MOST_COMPILED, _MOST = 8_000_000, 500_000
# The level of a pair is looked up by its distance in frames, with and without so many of its last bits.
_BITS, _NEAR = 8, 1 << 12
# A pixel with more photons than this is looked at level by level.
_FEW = 48


def photon_levels(events: EventFrames, index: int, *, open_ends: bool) -> tuple[Level, ...]:
    """Sum all levels.

    Args:
        events: Of frames that follow one another, their pixels in the order of static bins.
        index: Of the first frame in its burst.
        open_ends: Whether the first and last frames of each level are kept, as something may join them.

    Returns:
        From level 0 on.
    """
    many = len(events.pixel)
    if many >= _WORTH_WAITING:
        # numpy takes longer for these than it takes to compile.
        load()
    compiled = _COMPILED.ready(many)
    if compiled is None:
        return tuple(levels_of(Photons.of(events), index))
    return _levels(compiled, _sorted(compiled, events), index, open_ends=open_ends)


def most_events() -> int:
    """Say how many events of a burst are kept before sums are made of them: about a second's work."""
    return _MOST_COMPILED if _COMPILED.there else _MOST


def _levels(compiled: _Compiled, photons: Photons, index: int, *, open_ends: bool) -> tuple[Level, ...]:
    firsts, counts = _spans(index, len(photons))
    deep, (_, static, width) = len(firsts), photons.shape
    shape = (deep, LAGS, static)
    products, sums = np.zeros(shape, np.int64), (np.zeros(shape, np.int64), np.zeros(shape, np.int64))
    # The last row is what the others are counted down from.
    total = np.zeros((deep + 1, static), np.int64)
    begins = np.flatnonzero(np.diff(photons.pixel, prepend=-1))
    kind = _kind_of(photons, begins)
    keep_head = open_ends and index > 0
    head = np.zeros((deep, LAGS, static * width if keep_head else 0), kind)
    tail = np.zeros((deep, LAGS, static * width if open_ends else 0), kind)
    given, spans = (photons.pixel, photons.frame, photons.count), (np.array(firsts), np.array(counts))
    compiled.ends(given, index, width, spans, total, sums, (head, tail))
    total = total[:-1] + total[-1]
    ends = np.append(begins[1:], len(photons.pixel))
    few = ends - begins <= _FEW
    compiled.pairs(given, begins[few], ends[few], index, width, spans, products)
    compiled.levels(given, begins[~few], ends[~few], index, width, spans, products)
    found: list[Level] = []
    for level, (first, count) in enumerate(zip(firsts, counts, strict=True)):
        some = min(count, LAGS)
        first_ones, last_ones = head[level, : some if keep_head else 0], tail[level, : some if open_ends else 0]
        found.append(
            Level(
                first, count, products[level], total[level], sums[0][level, :some], sums[1][level, :some],
                narrow(first_ones.reshape(-1, static, width)), narrow(last_ones.reshape(-1, static, width)),
            )
        )  # fmt: skip
    return tuple(found)


def load() -> None:
    """Compile it now; does nothing without numba."""
    _COMPILED.load()


def _sorted(compiled: _Compiled, events: EventFrames) -> Photons:
    """Bring events into the order of pixel and frame."""
    many = len(events.pixel)
    frame: NDArray[np.int32] = np.empty(many, np.int32)
    count: NDArray[np.int64] = np.empty(many, np.int64)
    pixel: NDArray[np.int32] = np.empty(many, np.int32)
    # What is compiled is compiled for arrays that are only read, whoever may write to these.
    given = [_only_read(one) for one in (events.begins, events.pixel, events.count)]
    compiled.sort(*given, np.zeros(events.shape[1] * events.shape[2] + 1, np.int64), (frame, pixel, count))
    return Photons(frame, pixel, count, events.shape)


def _only_read(array: NDArray[Any]) -> NDArray[Any]:
    found = np.ascontiguousarray(array).view()
    found.flags.writeable = False
    return found


def _spans(index: int, count: int) -> tuple[list[int], list[int]]:
    """Say with which frame each level begins, and how many it has."""
    firsts: list[int] = []
    counts: list[int] = []
    while count:
        firsts.append(index)
        counts.append(count)
        count = (count - index % 2) // 2
        index = (index + 1) // 2
    return firsts, counts


def _kind_of(photons: Photons, begins: NDArray[np.int64]) -> type[np.unsignedinteger[Any]]:
    """Choose numbers that hold all counts of the brightest pixel."""
    most = int(np.add.reduceat(photons.count, begins).max()) if len(begins) else 0
    return next(kind for kind in (np.uint8, np.uint16, np.uint32, np.uint64) if most <= np.iinfo(kind).max)


def _add_ends(
    photons: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    index: int,
    width: int,
    spans: tuple[NDArray[Any], NDArray[Any]],
    total: NDArray[Any],
    sums: tuple[NDArray[Any], NDArray[Any]],
    ends: tuple[NDArray[Any], NDArray[Any]],
) -> None:
    """Add each photon to the total of each level, and to the first and last frames of those that it lies in. Compiled.

    From the highest level down: once it lies neither outside a level nor among its first or last frames, it does in no
    lower level either.
    """
    pixel, frame, count = photons
    firsts, counts = spans
    first_sums, last_sums = sums
    head, tail = ends
    deep, lags = first_sums.shape[:2]
    heads, tails = head.shape[2] > 0, tail.shape[2] > 0
    for one in range(len(pixel)):
        here, at = pixel[one], pixel[one] // width
        total[deep, at] += count[one]
        for level in range(deep - 1, -1, -1):
            place = ((frame[one] + index) >> level) - firsts[level]
            back = counts[level] - 1 - place
            if place < 0 or back < 0:
                total[level, at] -= count[one]
                continue
            if place < lags:
                first_sums[level, place, at] += count[one]
                if heads:
                    head[level, place, here] += count[one]
            if back < lags:
                # They are laid out from the first of the last ones on.
                row = min(lags, counts[level]) - 1 - back
                last_sums[level, row, at] += count[one]
                if tails:
                    tail[level, row, here] += count[one]
            elif place >= lags:
                break


def _add_pairs(
    photons: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    begins: NDArray[Any],
    ends: NDArray[Any],
    index: int,
    width: int,
    spans: tuple[NDArray[Any], NDArray[Any]],
    products: NDArray[Any],
) -> None:
    """Add the products of all pairs of photons of pixels, whose photons lie from ``begins`` to ``ends``. Compiled."""
    pixel, frame, count = photons
    firsts, counts = spans
    deep, lags = products.shape[:2]
    # For distances below so many frames, and then for each 256th, the first level at which they are short enough.
    near = np.empty(_NEAR, np.uint8)
    for distance in range(_NEAR):
        level = 0
        while (distance >> level) > lags:
            level += 1
        near[distance] = level
    for run in range(len(begins)):
        at = pixel[begins[run]] // width
        for one in range(begins[run], ends[run]):
            first = frame[one] + index
            for other in range(one + 1, ends[run]):
                second = frame[other] + index
                distance = second - first
                # Of a longer one the last bits say nothing of its level.
                level = near[distance] if distance < _NEAR else near[min(distance >> _BITS, _NEAR - 1)] + _BITS
                while (distance >> level) > lags:
                    level += 1
                while level < deep:
                    low = first >> level
                    lag = (second >> level) - low
                    if lag < (1 if level == 0 else lags // 2 + 1):
                        break
                    inside = low >= firsts[level] and low + lag < firsts[level] + counts[level]
                    if lag <= lags and inside:
                        products[level, lag - 1, at] += count[one] * count[other]
                    level += 1


def _add_levels(
    photons: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    begins: NDArray[Any],
    ends: NDArray[Any],
    index: int,
    width: int,
    spans: tuple[NDArray[Any], NDArray[Any]],
    products: NDArray[Any],
) -> None:
    """Do the same level by level, each made of the one below. Compiled."""
    pixel, frame, count = photons
    firsts, counts = spans
    deep, lags = products.shape[:2]
    for run in range(len(begins)):
        at, some = pixel[begins[run]] // width, ends[run] - begins[run]
        place, sums = np.empty(some, np.int64), np.empty(some, np.int64)
        for one in range(some):
            place[one], sums[one] = frame[begins[run] + one] + index, count[begins[run] + one]
        for level in range(deep):
            kept = 0
            for one in range(some):
                here = (place[one] >> 1) if level else place[one]
                if here < firsts[level] or here >= firsts[level] + counts[level]:
                    continue
                if kept and place[kept - 1] == here:
                    sums[kept - 1] += sums[one]
                else:
                    place[kept], sums[kept] = here, sums[one]
                    kept += 1
            some = kept
            lowest = 1 if level == 0 else lags // 2 + 1
            for one in range(some):
                other = one + 1
                while other < some and place[other] - place[one] <= lags:
                    if place[other] - place[one] >= lowest:
                        products[level, place[other] - place[one] - 1, at] += sums[one] * sums[other]
                    other += 1


def _sort(
    begins: NDArray[Any],
    pixel: NDArray[Any],
    count: NDArray[Any],
    room: NDArray[Any],
    found: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
) -> None:
    """Sort events by pixel, those of one pixel by frame. Compiled.

    Args:
        begins: Of each frame's events.
        pixel: Of each event.
        count: Of each event.
        room: Zeros, one more than there are pixels.
        found: Takes frame, pixel and count of each.
    """
    frames, pixels, counts = found
    for event in range(len(pixel)):
        room[pixel[event] + 1] += 1
    for at in range(1, len(room)):
        room[at] += room[at - 1]
    for frame in range(len(begins) - 1):
        for event in range(begins[frame] - begins[0], begins[frame + 1] - begins[0]):
            at = pixel[event]
            to = room[at]
            room[at] += 1
            frames[to], pixels[to], counts[to] = frame, at, count[event]


def _compile() -> _Compiled:
    numba = import_module("numba")
    made = (jit(numba, _add_ends), jit(numba, _add_pairs), jit(numba, _add_levels), jit(numba, _sort))
    compiled = _Compiled(*made)
    events = EventFrames(np.array([0, 1]), np.zeros(1, np.int32), np.ones(1, np.uint16), (1, 1))
    photons = _sorted(compiled, events)
    _levels(compiled, photons, 0, open_ends=True)
    return compiled


_COMPILED = Aside(_compile, _MANY_PHOTONS, 1)
