"""Orientation and deviatoric strain of a grain from the directions of its spots.

A lattice M = (1 + D) M_0 turns the direction p of a reflection by (1 - p p) D p, to first order. Eight of the nine
numbers of D are found by weighted least squares, as its trace only makes the cell larger. A few turns are exact.
The deformation is (1 + D)^-T = V R: R turns the lattice, V stretches it (Chung & Ice, J. Appl. Phys. 86, 5249, 1999).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from steering.core.block import Floats
from steering.laue.forward import directions_of
from steering.spots.lit import Numbers

FEWEST: Final = 6
_TURNS, _UNKNOWNS = 4, 8
# Components in the order in which they are listed.
COMPONENTS: Final = ("xx", "yy", "zz", "yz", "xz", "xy")
_ROWS, _COLUMNS = (0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)
# Eight matrices without a trace that D is a sum of.
_BASIS = np.zeros((_UNKNOWNS, 3, 3))
_BASIS[0, [0, 1], [0, 1]] = 1, -1
_BASIS[1, [0, 1, 2], [0, 1, 2]] = 0.5, 0.5, -1
for _place, (_row, _column) in enumerate(((1, 2), (2, 1), (0, 2), (2, 0), (0, 1), (1, 0)), 2):
    _BASIS[_place, _row, _column] = 1


@dataclass(frozen=True, eq=False)
class Strained:
    """What a grain's spots say.

    Attributes:
        lattice: Its reciprocal edges as columns, as large as those without strain, shape ``(3, 3)``, in 1/angstrom.
        turn: By which the lattice is turned against the first guess, shape ``(3, 3)``.
        strain: Deviatoric: xx, yy, zz, yz, xz, xy.
        error: Standard deviations of these, from how the spots scatter.
        off: Root of the mean squared angle of the spots to where the lattice has them, in degrees.
    """

    lattice: Floats
    turn: Floats
    strain: Floats
    error: Floats
    off: float


def strain_of(
    indices: Numbers, directions: Floats, weights: Floats, lattice: Floats, axes: Floats | None = None
) -> Strained:
    """Find orientation and strain.

    Args:
        indices: Of the spots, shape ``(spots, 3)``, at least 6.
        directions: Where they are seen, as unit vectors, of the same shape.
        weights: 1 / variance of each, up to a factor, shape ``(spots,)``.
        lattice: First guess, without strain: reciprocal edges as columns.
        axes: Rows are the unit vectors that components of strain are along; those of the laboratory if left out.

    Raises:
        ValueError: If there are too few.
    """
    if len(indices) < FEWEST:
        message = f"{len(indices)} spots say too little of strain. Allowed: {FEWEST} and more."
        raise ValueError(message)
    change: Floats = np.eye(3)
    inverse: Floats = np.empty((_UNKNOWNS, _UNKNOWNS))
    for _ in range(_TURNS):
        slopes, off = _system(indices, directions, change @ lattice)
        normal: Floats = np.asarray(np.einsum("skx,slx,s->kl", slopes, slopes, weights), np.float64)
        inverse = np.asarray(np.linalg.pinv(normal), np.float64)
        towards: Floats = np.asarray(np.einsum("skx,sx,s->k", slopes, off, weights), np.float64)
        numbers: Floats = np.asarray(inverse @ towards, np.float64)
        change = (np.eye(3) + np.tensordot(numbers, _BASIS, 1)) @ change
        change /= np.cbrt(np.linalg.det(change))
    _, off = _system(indices, directions, change @ lattice)
    squared = np.sum(off * off, axis=1)
    scatter = float(np.sum(weights * squared)) / max(2 * len(indices) - _UNKNOWNS, 1)
    deformation: Floats = np.asarray(np.linalg.inv(change).T, np.float64)
    stretch, turn = _stretch_and_turn(deformation)
    off_by = math.degrees(math.sqrt(float(np.sum(squared)) / len(indices)))
    # The symmetric part of D is the strain with the other sign, for small ones.
    along = np.eye(3) if axes is None else axes
    parts = np.stack([_components(along @ (one + one.T) @ along.T / 2) for one in _BASIS], axis=1)
    error = np.sqrt(np.maximum(np.diag(parts @ inverse @ parts.T) * scatter, 0.0))
    return Strained(change @ lattice, turn, _components(along @ deviator(stretch) @ along.T), error, off_by)


def rotation_between(before: Floats, after: Floats, weights: Floats) -> Floats:
    """Find the rotation that brings directions onto others (Wahba's problem, by Kabsch's way), shape ``(3, 3)``."""
    left, _, right = np.linalg.svd(np.einsum("sx,sy,s->xy", after, before, weights))
    return left @ np.diag([1.0, 1.0, float(np.sign(np.linalg.det(left @ right)))]) @ right


def deviator(stretch: Floats) -> Floats:
    """Give the strain of a stretch with the trace 0: what is left when its size is taken off."""
    return 3 * stretch / np.trace(stretch) - np.eye(3)


def equivalent(strain: Floats) -> Floats:
    """Give the equivalent strain of von Mises, sqrt(2/3 e:e), of deviators; components along the last dimension."""
    diagonal, beside = strain[..., :3], strain[..., 3:]
    return np.sqrt(2 / 3 * (np.sum(diagonal**2, axis=-1) + 2 * np.sum(beside**2, axis=-1)))


def _components(matrix: Floats) -> Floats:
    return np.asarray(matrix[_ROWS, _COLUMNS], np.float64)


def _system(indices: Numbers, directions: Floats, lattice: Floats) -> tuple[Floats, Floats]:
    """Give how directions move with each unknown, shape ``(spots, 8, 3)``, and how far off they are, ``(spots, 3)``."""
    now = directions_of(indices, lattice)
    moved = np.einsum("kxy,sy->skx", _BASIS, now)
    moved -= np.sum(moved * now[:, np.newaxis], axis=2, keepdims=True) * now[:, np.newaxis]
    # The same kind of difference: along the sphere.
    off = directions - np.sum(directions * now, axis=1, keepdims=True) * now
    return moved, off


def _stretch_and_turn(deformation: Floats) -> tuple[Floats, Floats]:
    """Split a deformation into a stretch and the rotation before it: V R."""
    left, sizes, right = np.linalg.svd(deformation)
    return left @ np.diag(sizes) @ left.T, left @ right
