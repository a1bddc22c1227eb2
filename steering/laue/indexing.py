"""Which spots of a frame belong to which of the grains that are known; several grains may be in a frame.

The grain with the most spots comes first and keeps them; then the next one, among what is left. A grain is taken if it
has enough spots, and more than as many as would be there by chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.laue.forward import Pattern, directions_of, pattern_of
from steering.laue.panel import Panel
from steering.laue.reflections import Band, Reflections
from steering.laue.strain import FEWEST, Strained, rotation_between, strain_of
from steering.laue.symmetry import rotation_in
from steering.spots.lit import Numbers

NOBODY: Final = -1
Along: TypeAlias = Literal["laboratory", "sample", "crystal"]
# 34-ID-E's X, H and F: a surface at 45 degrees to the beam has F as its normal, into the sample.
SAMPLE_AXES: Final = np.array([[1, 0, 0], [0, np.sqrt(0.5), np.sqrt(0.5)], [0, -np.sqrt(0.5), np.sqrt(0.5)]])
# Many more counts than this do not place a spot better: what is wrong then is its shape, or the geometry.
_ENOUGH_COUNTS = 500.0
# So many times as many spots as chance would give.
_BEYOND_CHANCE = 4.0
_ROUNDS = 3
# So many times as far off as half of the spots.
_OUTLIER = 5.0


@dataclass(frozen=True)
class Tolerances:
    """What is near enough.

    Attributes:
        first: How far a known orientation may be off, in degrees.
        last: How far a spot may be from where its grain has it then, in degrees.
        fewest: A grain with fewer spots is none.
    """

    first: float = 0.5
    last: float = 0.1
    fewest: int = 8


@dataclass(frozen=True, eq=False)
class Found:
    """A grain that was found in a frame.

    Attributes:
        grain: Its number among the known ones.
        spots: Places of its spots.
        indices: Of these, shape ``(spots, 3)``.
        expected: How many spots it has on the panel in the energies of the beam.
        fit: Orientation and strain.
    """

    grain: int
    spots: Numbers
    indices: Numbers
    expected: int
    fit: Strained


@dataclass(frozen=True, eq=False)
class Optics:
    """What all frames have in common.

    Attributes:
        reflections: Of the crystal.
        panel: Where it stands.
        band: Energies of the beam.
        near: What is near enough.
        reciprocal: Reciprocal edges of the crystal as columns, in its own axes: needed for strain along these.
        strain_along: Which axes components of strain are along.
    """

    reflections: Reflections
    panel: Panel
    band: Band
    near: Tolerances = field(default_factory=Tolerances)
    reciprocal: Floats | None = None
    strain_along: Along = "laboratory"

    def pattern(self, lattice: Floats) -> Pattern:
        """Find the spots of a grain on the panel."""
        found = pattern_of(lattice, self.reflections, self.panel, self.band)
        return found.chosen(self.panel.on(found.row, found.column))

    def strain_axes(self, lattice: Floats) -> Floats:
        """Give the axes that a grain's strain is along as rows, shape ``(3, 3)``."""
        if self.strain_along == "sample":
            return SAMPLE_AXES
        if self.strain_along == "crystal" and self.reciprocal is not None:
            return rotation_in(lattice, self.reciprocal).T
        return np.eye(3)

    def share(self, angle: float) -> float:
        """Say which part of the directions that the panel sees are within an angle of one of them."""
        rows, columns = ((0.0, count - 1.0) for count in self.panel.shape)
        row, column = (one.ravel() for one in np.meshgrid(rows, columns, indexing="ij"))
        top_left, top_right, low_left, low_right = self.panel.directions(row, column)
        area = np.linalg.norm(np.cross(top_right - top_left, low_left - top_left)) / 2
        area += np.linalg.norm(np.cross(top_right - low_right, low_left - low_right)) / 2
        return float(np.pi * np.radians(angle) ** 2 / area)


class Known:
    """Grains that are known, with the spots that each has on the panel."""

    def __init__(self, lattices: Sequence[Floats], optics: Optics) -> None:
        """Predict their spots.

        Args:
            lattices: Reciprocal edges as columns, in the laboratory.
            optics: Of the instrument.
        """
        self.lattices = list(lattices)
        self.optics = optics
        self._patterns = [optics.pattern(one) for one in self.lattices]
        self._directions = np.concatenate([one.directions for one in self._patterns] or [np.empty((0, 3))])
        self._grain = np.repeat(np.arange(len(self.lattices)), [len(one) for one in self._patterns])

    def find(self, directions: Floats, counts: Floats) -> list[Found]:
        """Find the grains of a frame.

        Args:
            directions: Of its spots, shape ``(spots, 3)``.
            counts: Of each, shape ``(spots,)``.
        """
        free = np.ones(len(directions), bool)
        tried = np.zeros(len(self.lattices), bool)
        found: list[Found] = []
        nearest, near = self._nearest(directions)
        while free.sum() >= self.optics.near.fewest and not tried.all():
            votes = self._votes(nearest, near, free)
            votes[tried] = 0
            grain = int(np.argmax(votes))
            # Wide tolerances have chance hits, but no grain has fewer than will be asked for.
            if votes[grain] < self.optics.near.fewest:
                break
            tried[grain] = True
            one = refined(self.lattices[grain], directions, counts, free, self.optics, grain)
            if one is not None:
                found.append(one)
                free[one.spots] = False
        return found

    def _nearest(self, directions: Floats) -> tuple[Numbers, NDArray[np.bool_]]:
        """Say for each expected spot which one is nearest, and whether it is near."""
        if not len(directions) or not len(self._directions):
            none = np.zeros(len(self._directions), np.int64)
            return none, none.astype(bool)
        return _near(self._directions, directions, self.optics.near.first)

    def _votes(self, nearest: Numbers, near: NDArray[np.bool_], free: NDArray[np.bool_]) -> Numbers:
        """Count how many free spots each grain would have; a spot that is near two of its reflections counts once."""
        hit = near & free[nearest] if len(free) else near
        pairs = np.unique(self._grain[hit] * max(len(free), 1) + nearest[hit])
        return np.bincount(pairs // max(len(free), 1), minlength=len(self.lattices))


def refined(
    lattice: Floats, directions: Floats, counts: Floats, free: NDArray[np.bool_], optics: Optics, grain: int = NOBODY
) -> Found | None:
    """Turn a lattice onto the spots of a frame, and say which are its own.

    Args:
        lattice: First guess, without strain.
        directions: Of the spots.
        counts: Of each.
        free: Which spots may be taken.
        optics: Of the instrument.
        grain: Its number.

    Returns:
        Nothing if it is not there.
    """
    near = optics.near
    places = np.flatnonzero(free)
    seen, weights = directions[places], 1 / (1 + _ENOUGH_COUNTS / np.maximum(counts[places], 1.0))
    turned = lattice
    # Each round has the spots that the one before made certain.
    for angle in np.geomspace(near.first, near.last, _ROUNDS).tolist():
        pattern = optics.pattern(turned)
        expected, spots = matched(pattern.directions, seen, angle)
        if len(spots) < max(near.fewest, FEWEST):
            return None
        turned = rotation_between(pattern.directions[expected], seen[spots], weights[spots]) @ turned
    pattern = optics.pattern(turned)
    expected, spots = matched(pattern.directions, seen, near.last)
    chance = len(pattern) * len(seen) * optics.share(near.last)
    if len(spots) < max(near.fewest, FEWEST, _BEYOND_CHANCE * chance):
        return None
    indices = pattern.indices[expected]
    axes = optics.strain_axes(turned)
    fit = strain_of(indices, seen[spots], weights[spots], turned, axes)
    off = np.sqrt(np.sum((seen[spots] - directions_of(indices, fit.lattice)) ** 2, axis=1))
    good = off <= _OUTLIER * np.median(off)
    if not good.all() and np.count_nonzero(good) >= max(near.fewest, FEWEST):
        # A spot that overlaps another one is far off; it belongs to the grain, and says nothing of it.
        fit = strain_of(indices[good], seen[spots[good]], weights[spots[good]], turned, axes)
    return Found(grain, places[spots], indices, len(pattern), fit)


def matched(expected: Floats, seen: Floats, angle: float) -> tuple[Numbers, Numbers]:
    """Pair directions that are each other's nearest, and within an angle in degrees.

    Returns:
        Places among the expected ones and among those that are seen.
    """
    if not len(expected) or not len(seen):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    there, near = _near(expected, seen, angle)
    back, _ = _near(seen, expected, angle)
    mutual = np.flatnonzero(near & (back[there] == np.arange(len(expected))))
    return mutual, there[mutual]


def _near(these: Floats, those: Floats, angle: float) -> tuple[Numbers, NDArray[np.bool_]]:
    """Say for each direction which other one is nearest, and whether it is within an angle in degrees."""
    from scipy.spatial import KDTree

    distance, place = KDTree(those).query(these)
    return np.asarray(place, np.int64), np.asarray(distance) <= 2 * np.sin(np.radians(angle) / 2)
