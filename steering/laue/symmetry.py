"""Turns that leave a lattice as it is, and how far two orientations are apart but for these."""

import math
from functools import lru_cache
from itertools import product

import numpy as np

from steering.core.block import Floats
from steering.spots.crystal import Crystal

_SAME = 1e-3


@lru_cache(maxsize=16)
def turns_of(crystal: Crystal) -> Floats:
    """List the rotations that bring a lattice onto itself, in the crystal's axes, shape ``(turns, 3, 3)``.

    A white-beam pattern has the symmetry of the lattice: opposite reflections are one direction.
    """
    back = crystal.reciprocal()
    edges = np.linalg.inv(back).T
    metric = edges.T @ edges
    size = float(np.abs(metric).max())
    found: list[Floats] = []
    # Edges of a cell that is reduced go to sums of edges with the factors -1, 0 and 1.
    for numbers in product((-1, 0, 1), repeat=9):
        whole = np.array(numbers, np.float64).reshape(3, 3)
        if abs(_determinant(numbers) - 1) < _SAME and np.abs(whole.T @ metric @ whole - metric).max() < _SAME * size:
            found.append(edges @ whole @ np.linalg.inv(edges))
    return np.array(found)


def apart(one: Floats, other: Floats, turns: Floats) -> float:
    """Say how far two orientations are apart, in degrees.

    Args:
        one: Takes the crystal's axes to the laboratory's, shape ``(3, 3)``.
        other: Likewise.
        turns: Those that leave the lattice as it is.
    """
    between = one.T @ other
    # The trace of a rotation is 1 + 2 cos; small angles are lost in it, so the sine is taken of those.
    trace = np.einsum("nij,ji->n", turns, between)
    best = turns[int(np.argmax(trace))] @ between
    sine = math.hypot(best[2, 1] - best[1, 2], best[0, 2] - best[2, 0], best[1, 0] - best[0, 1])
    return math.degrees(math.atan2(sine, float(np.trace(best)) - 1))


def nearness(several: Floats, one: Floats, turns: Floats) -> Floats:
    """Give the cosines of the angles of several orientations to one, but for the turns that leave the lattice.

    Args:
        several: Shape ``(orientations, 3, 3)``.
        one: Shape ``(3, 3)``.
        turns: Of the lattice.
    """
    between = np.einsum("nki,kj->nij", several, one)
    return (np.einsum("tij,nji->nt", turns, between).max(axis=1) - 1) / 2


def rotation_in(lattice: Floats, reciprocal: Floats) -> Floats:
    """Give the rotation from the crystal's axes that a reciprocal lattice contains, beside its strain.

    Args:
        lattice: Reciprocal edges as columns, in the laboratory.
        reciprocal: Those without strain, in the crystal's axes.
    """
    left, _, right = np.linalg.svd(lattice @ np.linalg.inv(reciprocal))
    return np.asarray(left @ right, np.float64)


def _determinant(numbers: tuple[int, ...]) -> int:
    a, b, c, d, e, f, g, h, i = numbers
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
