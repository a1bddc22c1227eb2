"""Cuts blobs that overlap, where a valley lies between two peaks.

Each pixel climbs to its brightest neighbour until it is on a peak. Two peaks stay apart if the highest pass between
them is lower than a part of the lower peak; they are joined from the highest pass down. Ties are broken by the order of
the pixels, so the same frame is always cut in the same way.
"""

import numpy as np

from steering.spots.components import in_order
from steering.spots.lit import Numbers


def split(count: Numbers, first: Numbers, second: Numbers, valley: float) -> Numbers:
    """Number the pixels by the peak that they belong to.

    Args:
        count: Of each pixel, in their order.
        first: Of pairs of neighbours.
        second: The other of each pair.
        valley: A pass below this part of the lower peak keeps two peaks apart.
    """
    size = len(count)
    rank = np.empty(size, np.int64)
    rank[np.lexsort((-np.arange(size), count))] = np.arange(size)
    by_rank = np.argsort(rank)
    best = rank.copy()
    np.maximum.at(best, first, rank[second])
    np.maximum.at(best, second, rank[first])
    top = by_rank[best]
    while not np.array_equal(higher := top[top], top):
        top = higher
    low, high = _passes(top, first, second)
    apart = low != high
    low, high = low[apart], high[apart]
    saddle = np.minimum(count[first], count[second])[apart]
    return in_order(_joined(top, count, low, high, saddle, valley)[top])


def passes(
    first: Numbers, second: Numbers, height: Numbers | None, peaks: tuple[Numbers, Numbers], valley: float
) -> tuple[Numbers, Numbers]:
    """Choose of pairs of blobs that touch those whose highest pass is no valley, each once.

    Args:
        first: Blob of each pair of touching pixels.
        second: The other blob.
        height: The lower count of the two pixels; nothing if all pairs are taken.
        peaks: Counts of the peaks of the first blobs and of the second ones, by their numbers.
        valley: As in :func:`split`.
    """
    if not len(first):
        return first, second
    if height is None:
        both = first * len(peaks[1]) + second
        # Most pixels have a neighbour of the same pair of blobs before them.
        return np.divmod(np.unique(both[np.flatnonzero(np.diff(both, prepend=-1))]), len(peaks[1]))
    order = np.lexsort((-height, second, first))
    first, second, height = first[order], second[order], height[order]
    begins = np.flatnonzero(np.diff(first, prepend=-1) | np.diff(second, prepend=-1))
    first, second, height = first[begins], second[begins], height[begins]
    lower = np.minimum(peaks[0][first], peaks[1][second])
    keep = height >= valley * lower
    return first[keep], second[keep]


def _passes(top: Numbers, first: Numbers, second: Numbers) -> tuple[Numbers, Numbers]:
    one, other = top[first], top[second]
    return np.minimum(one, other), np.maximum(one, other)


def _joined(top: Numbers, count: Numbers, low: Numbers, high: Numbers, saddle: Numbers, valley: float) -> Numbers:
    """Join peaks from the highest pass down; say for each pixel that is a peak which one it belongs to."""
    parent = np.arange(len(top))
    order = np.lexsort((high, low, -saddle))
    pairs = np.stack([low[order], high[order]], 1)
    # Of the passes between two peaks the first is the highest.
    _, firsts = np.unique(pairs[:, 0] * len(top) + pairs[:, 1], return_index=True)
    chosen = order[np.sort(firsts)]

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = int(parent[one])
        return one

    for one, other, height in zip(low[chosen].tolist(), high[chosen].tolist(), saddle[chosen].tolist(), strict=True):
        here, there = root(one), root(other)
        if here != there and height >= valley * min(count[here], count[there]):
            lower, upper = sorted((here, there), key=lambda at: (int(count[at]), -at))
            parent[lower] = upper
    found = np.arange(len(top))
    peaks = np.unique(np.concatenate([low, high]))
    found[peaks] = [root(at) for at in peaks.tolist()]
    return found
