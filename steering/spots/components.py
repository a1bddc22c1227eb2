"""Which bright pixels belong together: neighbours within a frame, and from one frame to the next.

Pixels are known by a key that grows with frame, row and column and has room at each edge, so that a neighbour is a key
that is larger by a constant. Keys are sorted, so a search finds the first of three neighbours in a row, and the others
stand after it.
"""

from dataclasses import dataclass

import numpy as np

from steering.spots.lit import Lit, Numbers

_ROWS = (-1, 0, 1)
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class Grid:
    """How far apart the keys of neighbours are.

    Attributes:
        row: From a row to the next.
        frame: From a frame to the next.
    """

    row: int
    frame: int

    @classmethod
    def of(cls, shape: tuple[int, int]) -> "Grid":
        """Leave a pixel of room around frames of a shape."""
        return cls(shape[1] + 2, (shape[0] + 2) * (shape[1] + 2))

    def keys(self, lit: Lit) -> Numbers:
        """Give the pixels' keys, which are sorted as they are."""
        return lit.frame * self.frame + (lit.row + 1) * self.row + lit.column + 1


def within(key: Numbers, grid: Grid) -> tuple[Numbers, Numbers]:
    """Find pairs of neighbours of one frame, each once: to the right, and in the next row."""
    right = np.flatnonzero(key[1:] == key[:-1] + 1)
    first, second = _below(key, key, grid.row)
    return np.concatenate([right, first]), np.concatenate([right + 1, second])


def across(before: Numbers, after: Numbers, grid: Grid) -> tuple[Numbers, Numbers]:
    """Find pairs of neighbours of two sets, the second of which is a frame later.

    Args:
        before: Keys.
        after: Keys; those of the frame after the first one's are larger by ``grid.frame``.
        grid: Of the keys.

    Returns:
        Places in the first set and in the second.
    """
    found = [_below(before, after, grid.frame + row * grid.row) for row in _ROWS]
    return np.concatenate([one for one, _ in found]), np.concatenate([other for _, other in found])


def _below(before: Numbers, after: Numbers, far: int) -> tuple[Numbers, Numbers]:
    """Find for each key those that are larger by ``far`` - 1, ``far`` and ``far`` + 1."""
    if not len(before) or not len(after):
        return _NONE, _NONE
    wanted = before + (far - 1)
    first = np.searchsorted(after, wanted)
    places: list[Numbers] = []
    others: list[Numbers] = []
    for step in range(len(_ROWS)):
        place = first + step
        near = np.flatnonzero(place < len(after))
        near = near[after[place[near]] - wanted[near] <= 2]
        places.append(near)
        others.append(place[near])
    return np.concatenate(places), np.concatenate(others)


def labelled(key: Numbers, grid: Grid) -> tuple[Numbers, Numbers]:
    """Number the blobs of a block, and find which of them touch from one frame to the next.

    Pixels beside each other in a row are one stretch; looking at stretches gives the same as looking at pixels, sooner.

    Args:
        key: Of each pixel, sorted.
        grid: Of the keys.

    Returns:
        The number of its blob for each pixel, in the order of their first pixels; and pairs of blobs, each once, of
        shape ``(pairs, 2)``.
    """
    if not len(key):
        return _NONE, np.empty((0, 2), np.int64)
    begins = np.flatnonzero(np.diff(key, prepend=-2) != 1)
    sizes = np.diff(begins, append=len(key))
    first = key[begins]
    last = first + sizes - 1
    blob = grouped(len(first), *_touching(first, last, grid.row))
    found = [_touching(first, last, grid.frame + row * grid.row) for row in _ROWS]
    one, other = (blob[np.concatenate(places)] for places in zip(*found, strict=True))
    count = int(blob.max()) + 1
    pairs = np.stack(np.divmod(np.unique(one * count + other), count), 1)
    return np.repeat(blob, sizes), pairs


def _touching(first: Numbers, last: Numbers, far: int) -> tuple[Numbers, Numbers]:
    """Find for each stretch those that overlap it, a pixel at either side too, when it is moved by ``far``."""
    low = np.searchsorted(last, first + (far - 1))
    counts = np.searchsorted(first, last + (far + 1), "right") - low
    some = np.flatnonzero(counts > 0)
    counts = counts[some]
    inside = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(some, counts), np.repeat(low[some], counts) + inside


def grouped(size: int, first: Numbers, second: Numbers) -> Numbers:
    """Number what hangs together, in the order of the first member of each group.

    Args:
        size: How many things there are.
        first: Of pairs that belong together.
        second: The other of each pair.

    Returns:
        Number of its group for each thing.
    """
    if not size:
        return _NONE
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(size, size)).tocsr()
    groups = np.asarray(connected_components(graph, directed=False)[1], np.int64)
    return in_order(groups)


def in_order(groups: Numbers) -> Numbers:
    """Number groups anew, in the order of their first members."""
    _, begins, number = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.empty(len(begins), np.int64)
    rank[np.argsort(begins)] = np.arange(len(begins))
    return rank[number.reshape(-1)]
