"""Sets of frames as sorted, disjoint ranges of indices. A run without gaps is one range, however long."""

from collections.abc import Iterable
from typing import TypeAlias

Range: TypeAlias = tuple[int, int]
Ranges: TypeAlias = tuple[Range, ...]


def unite(first: Iterable[Range], second: Iterable[Range]) -> tuple[Ranges, int]:
    """Unite two sets of ranges.

    Args:
        first: Ranges ``(start, stop)``, stop excluded.
        second: Likewise.

    Returns:
        The union, and the number of indices that were in both.
    """
    united: list[Range] = []
    both = 0
    for start, stop in sorted([*first, *second]):
        if united and start <= united[-1][1]:
            last_start, last_stop = united[-1]
            both += max(min(stop, last_stop) - start, 0)
            united[-1] = (last_start, max(stop, last_stop))
        else:
            united.append((start, stop))
    return tuple(united), both


def count(ranges: Iterable[Range]) -> int:
    """Count the indices."""
    return sum(stop - start for start, stop in ranges)


def without(start: int, stop: int, ranges: Ranges) -> Ranges:
    """Return the parts of one range that are in none of the others."""
    left: list[Range] = []
    for taken_start, taken_stop in ranges:
        if taken_stop <= start or taken_start >= stop:
            continue
        if taken_start > start:
            left.append((start, taken_start))
        start = max(start, taken_stop)
    return (*left, (start, stop)) if start < stop else tuple(left)


def common(first: Ranges, second: Ranges) -> Ranges:
    """Return the intersection of two sets of ranges."""
    parts = [(max(start, low), min(stop, high)) for start, stop in first for low, high in second]
    return tuple((start, stop) for start, stop in parts if start < stop)
