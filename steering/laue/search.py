"""Orientations of grains that nobody knew: from the angles between pairs of bright spots.

Each pair of spots is compared with the angles between short directions of the crystal. What fits gives an orientation;
the one that explains the most spots is taken. It takes some ten milliseconds a grain, so it is for the spots that the
known grains leave.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.laue.forward import directions_of
from steering.laue.indexing import NOBODY, Found, Optics, refined
from steering.laue.panel import unit
from steering.laue.symmetry import turns_of
from steering.spots.crystal import Crystal
from steering.spots.lit import Numbers

_DIRECTIONS, _BRIGHT, _TRIED = 400, 12, 8
# Spots closer than this say too little of an orientation; in degrees.
_LEAST: Final = 5.0


class Search:
    """Looks for one crystal, whatever its orientation."""

    def __init__(self, crystal: Crystal, optics: Optics) -> None:
        """List the angles between its directions.

        Args:
            crystal: Of which there are grains.
            optics: Of the instrument.
        """
        from scipy.spatial import KDTree

        self._optics, self._reciprocal = optics, crystal.reciprocal()
        lengths = np.linalg.norm(optics.reflections.indices @ self._reciprocal.T, axis=1)
        order = np.argsort(lengths, kind="stable")
        self._directions = directions_of(optics.reflections.indices[order], self._reciprocal)
        self._tree = KDTree(self._directions)
        short = self._directions[:_DIRECTIONS]
        # Of directions that the crystal's symmetry makes the same the first one is enough.
        same = np.abs(np.einsum("tij,nj->tni", turns_of(crystal), short) @ short.T).max(axis=0) > 1 - 1e-9
        self._firsts = short[same.argmax(axis=1) == np.arange(len(short))]
        angles = np.degrees(np.arccos(np.clip(self._firsts @ short.T, -1, 1))).ravel()
        self._order = np.argsort(angles, kind="stable")
        self._angles = angles[self._order]
        self._short = short

    def find(self, directions: Floats, counts: Floats, free: NDArray[np.bool_], most: int = 4) -> list[Found]:
        """Find grains among the spots that are left.

        Args:
            directions: Of all spots of a frame, shape ``(spots, 3)``.
            counts: Of each.
            free: Which of them may be taken.
            most: So many grains at most.
        """
        left, found = free.copy(), list[Found]()
        while left.sum() >= self._optics.near.fewest and len(found) < most:
            one = self._one(directions, counts, left)
            if one is None:
                break
            found.append(one)
            left[one.spots] = False
        return found

    def _one(self, directions: Floats, counts: Floats, free: NDArray[np.bool_]) -> Found | None:
        found = self._best(directions, counts, free, _BRIGHT)
        if found is None or 2 * len(found.spots) < found.expected:
            # A twin shares a third of its spots with the grain that is there. More pairs tell them apart.
            more = self._best(directions, counts, free, 2 * _BRIGHT)
            found = more if found is None or (more is not None and len(more.spots) > len(found.spots)) else found
        return found

    def _best(self, directions: Floats, counts: Floats, free: NDArray[np.bool_], most: int) -> Found | None:
        """Find the orientation that explains the most spots, from pairs of so many bright ones."""
        places = np.flatnonzero(free)
        bright = places[np.argsort(-counts[places], kind="stable")[:most]]
        turns = self._candidates(directions[bright])
        if not len(turns):
            return None
        # In the crystal's axes every spot of the right orientation lies on one of its directions.
        seen = np.einsum("nij,sj->nsi", turns.transpose(0, 2, 1), directions[places])
        distance = self._tree.query(seen.reshape(-1, 3))[0].reshape(len(turns), len(places))
        hits = (distance < 2 * np.sin(np.radians(self._optics.near.last))).sum(axis=1)
        best: Found | None = None
        for place in np.argsort(-hits, kind="stable")[:_TRIED].tolist():
            one = refined(turns[place] @ self._reciprocal, directions, counts, free, self._optics, NOBODY)
            if one is not None and (best is None or len(one.spots) > len(best.spots)):
                best = one
        return best

    def _candidates(self, bright: Floats) -> Floats:
        """List the orientations that bring two directions of the crystal onto two spots, shape ``(found, 3, 3)``."""
        one, other = (place.ravel() for place in np.indices((len(bright), len(bright))))
        cosine = np.sum(bright[one] * bright[other], axis=1)
        angle: Floats = np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))), np.float64)
        far = angle > _LEAST
        one, other, angle = one[far], other[far], angle[far]
        wide = 2 * self._optics.near.last
        low: Numbers = np.asarray(np.searchsorted(self._angles, angle - wide), np.int64)
        count: Numbers = np.searchsorted(self._angles, angle + wide) - low
        inside = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        first, second = np.divmod(self._order[np.repeat(low, count) + inside], len(self._short))
        there = _frames(np.repeat(bright[one], count, axis=0), np.repeat(bright[other], count, axis=0))
        here = _frames(self._firsts[first], self._short[second])
        return np.einsum("nik,njk->nij", there, here)


def _frames(one: Floats, other: Floats) -> Floats:
    """Make right-handed axes of pairs of directions: columns along the first, across both, and across these."""
    across = unit(np.cross(one, other))
    return np.stack([one, across, np.cross(one, across)], axis=2)
