"""A crystal: its cell, which reflections it has, and how bright they are.

Structure factors are those of equal points at the atoms' places: they say which reflections are absent, and roughly how
bright the others are.
"""

import math
from dataclasses import dataclass

import numpy as np

from steering.core.block import Floats
from steering.spots.lit import Numbers

_ABSENT = 1e-6
_MOST_INDEX = 60


@dataclass(frozen=True)
class Crystal:
    """A cell with its atoms.

    Attributes:
        lengths: Of the edges a, b and c in angstrom.
        angles: Alpha, beta and gamma in degrees.
        atoms: Where they are, as parts of the edges.
    """

    lengths: tuple[float, float, float]
    angles: tuple[float, float, float] = (90.0, 90.0, 90.0)
    atoms: tuple[tuple[float, float, float], ...] = ((0.0, 0.0, 0.0),)

    def __post_init__(self) -> None:
        """Check that it is a cell.

        Raises:
            ValueError: If not; with a sentence.
        """
        if not all(math.isfinite(one) and one > 0 for one in self.lengths):
            message = f"the cell has edges of {self.lengths} angstrom. Allowed: above 0 angstrom."
            raise ValueError(message)
        if not (all(0 < one < 180 for one in self.angles) and np.linalg.det(self._edges()) > 0):
            message = f"the cell has angles of {self.angles} deg. Allowed: 0 to 180 deg, of a cell that has a volume."
            raise ValueError(message)

    def _edges(self) -> Floats:
        """Edges as columns: a along x, b in the plane of x and y."""
        alpha, beta, gamma = np.radians(self.angles)
        a, b, c = self.lengths
        along = (math.cos(alpha) - math.cos(beta) * math.cos(gamma)) / math.sin(gamma)
        up = math.sqrt(max(1 - math.cos(beta) ** 2 - along**2, 0.0))
        return np.array(
            [[a, b * math.cos(gamma), c * math.cos(beta)], [0, b * math.sin(gamma), c * along], [0, 0, c * up]]
        )

    def reciprocal(self) -> Floats:
        """Give the reciprocal edges as columns, in 1/angstrom, without 2 pi, as hexrd has them."""
        return np.asarray(np.linalg.inv(self._edges()).T, np.float64)

    def reflections(self, shortest: float) -> tuple[Numbers, Floats]:
        """List the reflections whose planes are at least so far apart; absent ones are left out.

        Args:
            shortest: In angstrom.

        Returns:
            Indices, shape ``(reflections, 3)``, and the squares of their structure factors over that of the forward
            direction, shape ``(reflections,)``.

        Raises:
            ValueError: If there would be too many.
        """
        if not (math.isfinite(shortest) and shortest > 0):
            message = f"the shortest spacing is {shortest:g} angstrom. Allowed: above 0 angstrom."
            raise ValueError(message)
        most = [math.floor(length / shortest) for length in np.linalg.norm(self._edges(), axis=0).tolist()]
        if max(most) > _MOST_INDEX:
            message = (
                f"planes {shortest:g} angstrom apart have indices up to {max(most)}. Allowed: up to {_MOST_INDEX}; "
                "choose a longer spacing."
            )
            raise ValueError(message)
        indices = (np.indices([2 * one + 1 for one in most]).reshape(3, -1).T - most).astype(np.int64)
        lengths = np.linalg.norm(indices @ self.reciprocal().T, axis=1)
        phases = np.exp(2j * np.pi * (indices @ np.array(self.atoms).T))
        strength = np.abs(phases.mean(axis=1)) ** 2
        keep = (lengths > 0) & (lengths <= 1 / shortest) & (strength > _ABSENT)
        return indices[keep], strength[keep]
