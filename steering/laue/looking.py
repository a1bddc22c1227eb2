"""What is made of the spots of a frame: their grains, as rows of the tables."""

from dataclasses import dataclass

import numpy as np

from steering.core.block import Floats
from steering.laue.indexing import NOBODY, Found, Known, Optics
from steering.laue.panel import BEAM
from steering.laue.search import Search
from steering.laue.symmetry import apart, nearness, rotation_in, turns_of
from steering.laue.tables import (
    APART,
    COUNTS,
    DIRECTION,
    EXPECTED,
    GRAIN,
    GRAIN_COLUMNS,
    INDICES,
    NEW_GRAIN,
    OF_GRAIN,
    OFF,
    OWN,
    STRAIN,
    STRAIN_ERROR,
    TURN,
)  # fmt: skip
from steering.spots.crystal import Crystal
from steering.spots.lit import Numbers


class Looker:
    """Looks at frames one by one."""

    def __init__(self, known: Known, turns: list[Floats], crystal: Crystal, search: Search | None = None) -> None:
        """Choose what is looked for.

        Args:
            known: Grains that are known.
            turns: Their rotations from the crystal's axes to the laboratory's.
            crystal: Of which all are.
            search: Looks for others, if any are looked for.
        """
        self._known, self._turns, self._search = known, turns, search
        self._reciprocal, self._symmetry = crystal.reciprocal(), turns_of(crystal)

    def look(self, table: Floats) -> Floats:
        """Find the grains of a frame.

        Args:
            table: Rows of its spots, with directions and counts, shape ``(spots, 11)``; grains and indices are written
                into it.

        Returns:
            Rows of its grains, most spots first, shape ``(grains, 26)``.
        """
        directions, counts = table[:, DIRECTION : DIRECTION + 3], table[:, COUNTS]
        # In the direct beam there is no direction; no plane has that of the beam.
        directions = np.where(np.isfinite(directions), directions, BEAM)
        found = self._known.find(directions, counts)
        if self._search is not None:
            free = np.ones(len(table), bool)
            for one in found:
                free[one.spots] = False
            found += self._search.find(directions, counts, free)
        # A grain that nobody knew may have more spots than those that are known.
        found.sort(key=lambda one: -len(one.spots))
        for one in found:
            table[one.spots, OF_GRAIN] = one.grain if one.grain != NOBODY else NEW_GRAIN
            table[one.spots, INDICES : INDICES + 3] = one.indices
        rows = [self._row(one) for one in found]
        return np.array(rows) if rows else np.empty((0, GRAIN_COLUMNS))

    def _row(self, one: Found) -> Floats:
        """Write a grain as a row."""
        turn = rotation_in(one.fit.lattice, self._reciprocal)
        is_known = one.grain != NOBODY
        row = np.empty(GRAIN_COLUMNS)
        row[GRAIN] = one.grain if is_known else NEW_GRAIN
        row[OWN], row[EXPECTED], row[OFF] = len(one.spots), one.expected, one.fit.off
        row[APART] = apart(self._turns[one.grain], turn, self._symmetry) if is_known else np.nan
        row[TURN:STRAIN] = turn.ravel()
        row[STRAIN:STRAIN_ERROR], row[STRAIN_ERROR:] = one.fit.strain, one.fit.error
        return row


@dataclass(frozen=True, eq=False)
class Indexed:
    """A grain that a search has found.

    Attributes:
        turn: Rotation from the crystal's axes to the laboratory's, shape ``(3, 3)``.
        spots: How many spots it has.
        expected: How many it should have.
        off: Root of the mean squared angle of these to where they should be, in degrees.
    """

    turn: Floats
    spots: int
    expected: int
    off: float


def indexed_by_search(directions: Floats, counts: Floats, crystal: Crystal, optics: Optics) -> list[Indexed]:
    """Index the spots of one frame, whatever is known.

    Args:
        directions: Unit vectors along k_f - k_i, shape ``(spots, 3)``.
        counts: Of each spot.
        crystal: Of which the grains are.
        optics: Of the instrument.
    """
    found = Search(crystal, optics).find(directions, counts, np.ones(len(directions), bool))
    turns = [rotation_in(one.fit.lattice, crystal.reciprocal()) for one in found]
    return [Indexed(turn, len(one.spots), one.expected, one.fit.off) for turn, one in zip(turns, found, strict=True)]


def numbered(grains: Floats, known: int, crystal: Crystal, same: float) -> tuple[Floats, Floats]:
    """Number the grains that nobody knew, in the order in which they came.

    Args:
        grains: Rows of grains.
        known: How many were known: the first new one has this number.
        crystal: Of which they are.
        same: Orientations that are nearer are those of one grain, in degrees.

    Returns:
        Number of its grain for each row, and the rotations of the new ones, shape ``(new, 3, 3)``.
    """
    number, symmetry = grains[:, GRAIN].copy(), turns_of(crystal)
    least = float(np.cos(np.radians(same)))
    places = np.flatnonzero(number == NEW_GRAIN)
    turns = grains[places, TURN:STRAIN]
    before = _NUMBERED.get((crystal, same), _NOTHING)
    # Those that came first have the same numbers, whatever comes after them.
    some = min(len(before.turns), len(turns))
    differs = np.flatnonzero((before.turns[:some] != turns[:some]).any(axis=1))
    held = int(differs[0]) if len(differs) else some
    found = np.empty(len(turns), np.int64)
    found[:held] = before.number[:held]
    new = before.new[: int(found[:held].max()) + 1 if held else 0]
    for place in range(held, len(turns)):
        turn = turns[place].reshape(3, 3)
        near = nearness(new, turn, symmetry) if len(new) else np.empty(0)
        found[place] = int(np.argmax(near)) if len(new) and near.max() >= least else len(new)
        if found[place] == len(new):
            new = np.concatenate([new, turn[np.newaxis]])
    if len(_NUMBERED) >= _MOST_HELD:
        _NUMBERED.clear()
    _NUMBERED[crystal, same] = _Numbered(turns, found, new)
    number[places] = known + found
    return number, new


@dataclass(frozen=True, eq=False)
class _Numbered:
    """Grains that nobody knew and their numbers, as they were counted last: a result is made several times a second.

    Attributes:
        turns: Rotation of each row, shape ``(rows, 9)``.
        number: Of its grain, from 0, shape ``(rows,)``.
        new: Rotations of the grains, shape ``(grains, 3, 3)``.
    """

    turns: Floats
    number: Numbers
    new: Floats


_NOTHING = _Numbered(np.empty((0, 9)), np.empty(0, np.int64), np.empty((0, 3, 3)))
_NUMBERED: dict[tuple[Crystal, float], _Numbered] = {}
_MOST_HELD = 4
