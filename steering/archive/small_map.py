"""A map as small as a list of runs shows it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats

# Of the picture, in pixels.
_WIDE, _HIGH = 40, 24
_LEVELS = 255
# A pixel without a point shows its nearest neighbour, if that is so near: positions seldom lie as pixels do.
_NEAR = 2
_LARGEST = 1e150


@dataclass(frozen=True)
class SmallMap:
    """A picture of a map.

    Attributes:
        columns: How many pixels it is wide; 0 if there is none.
        levels: Its pixels, row by row from the top: 1 to 255, or 0 where nothing was measured.
    """

    columns: int = 0
    levels: bytes = b""


NO_MAP = SmallMap()


def small_map(x: Floats, y: Floats, values: Floats) -> SmallMap:
    """Draw a map in few pixels, each the mean of the points in it; of what has no extent there is none.

    Args:
        x: Positions of the points along the axis that is drawn to the right, shape ``(points,)``.
        y: The same along the axis that is drawn upwards.
        values: What gives the levels, of the same shape.
    """
    # Sums and differences of larger numbers are none; NaN is not below it either.
    known = np.all([np.abs(one) < _LARGEST for one in (x, y, values)], axis=0)
    x, y, values = x[known], y[known], values[known]
    if len(values) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return NO_MAP
    columns, rows = _size(x, y)
    across = np.rint((x - x.min()) / np.ptp(x) * (columns - 1)).astype(np.intp)
    down = np.rint((y.max() - y) / np.ptp(y) * (rows - 1)).astype(np.intp)
    place = down * columns + across
    counts = np.bincount(place, minlength=rows * columns)
    means = np.bincount(place, values, rows * columns) / np.maximum(counts, 1)
    means, filled = _neighbours(means, counts > 0, columns)
    low = float(means[filled].min())
    span = float(np.ptp(means[filled])) or 1.0
    levels = np.where(filled, 1 + np.rint((means - low) / span * (_LEVELS - 1)), 0)
    return SmallMap(columns, levels.astype(np.uint8).tobytes())


def _size(x: Floats, y: Floats) -> tuple[int, int]:
    """Choose how many pixels: at most one for each position and, where motors do not repeat theirs, for each point."""
    columns, rows = min(len(np.unique(x)), _WIDE), min(len(np.unique(y)), _HIGH)
    part = min((len(x) / (columns * rows)) ** 0.5, 1.0)
    return max(round(columns * part), 2), max(round(rows * part), 2)


def _neighbours(means: Floats, filled: NDArray[np.bool_], columns: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Fill pixels without a point."""
    rows, across = np.divmod(np.arange(len(means)), columns)
    there = np.flatnonzero(filled)
    far = np.hypot(rows[:, None] - rows[there], across[:, None] - across[there])
    nearest = far.argmin(axis=1)
    return means[there[nearest]], far[np.arange(len(means)), nearest] <= _NEAR
