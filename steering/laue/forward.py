"""Where a grain's spots are in white light, and how bright.

Planes with the normal q reflect the energy that fits their distance: E = h c |g| / (2 sin theta), sin theta = -k_i . q.
What is reflected does not depend on the distance, so a spot says nothing of a grain's size of cell: strain that is the
same in all directions cannot be seen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.laue.panel import Panel, reflected, unit
from steering.laue.reflections import KEV_ANGSTROM, Band, Reflections
from steering.spots.crystal import Crystal
from steering.spots.lit import Numbers


@dataclass(frozen=True, eq=False)
class Pattern:
    """Spots of a grain, all of shape ``(spots,)`` or ``(spots, 3)``.

    Attributes:
        indices: Of the lowest order that the beam has the energy for, shape ``(spots, 3)``.
        directions: Unit vectors along k_f - k_i, shape ``(spots, 3)``.
        row: In pixels; NaN where light does not go to the panel's plane.
        column: Likewise.
        energy: Of the lowest order in keV.
        strength: Of all orders together: structure factors times wavelength^2 / sin^2 theta, for a beam that has the
            same number of photons at each energy.
    """

    indices: Numbers
    directions: Floats
    row: Floats
    column: Floats
    energy: Floats
    strength: Floats

    def __len__(self) -> int:
        """Count the spots."""
        return len(self.row)

    def chosen(self, keep: NDArray[np.bool_] | Numbers) -> "Pattern":
        """Return some of them."""
        return Pattern(
            self.indices[keep], self.directions[keep], self.row[keep], self.column[keep], self.energy[keep],
            self.strength[keep],
        )  # fmt: skip


def lattice_of(crystal: Crystal, turn: Floats, strain: Floats | None = None) -> Floats:
    """Give the reciprocal edges of a grain in the laboratory.

    Args:
        crystal: Its cell without strain.
        turn: Takes the crystal's axes to the laboratory's, shape ``(3, 3)``.
        strain: In the laboratory, shape ``(3, 3)``; none if left out.

    Returns:
        Columns a*, b*, c* in 1/angstrom, without 2 pi, shape ``(3, 3)``.
    """
    plain = turn @ crystal.reciprocal()
    return plain if strain is None else np.linalg.inv(np.eye(3) + strain).T @ plain


def pattern_of(lattice: Floats, reflections: Reflections, panel: Panel, band: Band, depth: float = 0.0) -> Pattern:
    """Find the spots of a grain, also those beside the panel.

    Args:
        lattice: As :func:`lattice_of` gives it.
        reflections: Of its crystal, up to the highest energy of the band.
        panel: Where spots are looked for.
        band: Energies of the beam.
        depth: Of the grain along the beam, in mm.
    """
    vectors = _of(reflections.indices, lattice)
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    directions = vectors / length[:, np.newaxis]
    against = -directions[:, 2]
    with np.errstate(divide="ignore"):
        first = np.where(against > 0, KEV_ANGSTROM * length / (2 * np.maximum(against, 1e-12)), np.inf)
    energy = reflections.order * first[reflections.direction]
    lit = np.flatnonzero((energy >= band.low) & (energy <= band.high))
    which, order, count = reflections.direction[lit], reflections.order[lit], len(first)
    lowest = np.zeros(count, np.int64)
    # Of several orders of a direction the last one that is written stays.
    down = np.argsort(-order, kind="stable")
    lowest[which[down]] = order[down]
    bright = np.bincount(which, reflections.strength[lit] * (KEV_ANGSTROM / energy[lit]) ** 2, count)
    seen = np.flatnonzero(bright > 0)
    row, column = panel.pixels(reflected(directions[seen]), depth)
    return Pattern(
        reflections.indices[seen] * lowest[seen, np.newaxis], directions[seen], row, column,
        np.asarray(first[seen] * lowest[seen], np.float64), bright[seen] / against[seen] ** 2,
    )  # fmt: skip


def directions_of(indices: Numbers, lattice: Floats) -> Floats:
    """Give unit vectors along reflections, shape ``(reflections, 3)``."""
    return unit(_of(indices, lattice))


def _of(indices: Numbers, lattice: Floats) -> Floats:
    # No BLAS: as many threads as there are give the same bits.
    return indices[:, :1] * lattice[:, 0] + indices[:, 1:2] * lattice[:, 1] + indices[:, 2:] * lattice[:, 2]
