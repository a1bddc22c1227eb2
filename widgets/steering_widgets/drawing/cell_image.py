"""The cells of a large map as one image: a browser paints a hundred thousand rectangles for half a second each time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering_widgets.drawing.cells import Floats, MapCells

# With fewer cells rectangles are as quick, and stand where the motors stood.
LEAST_CELLS = 20_000
# Of a cell: so far from its place on the lattice may a motor have stood.
_ASIDE = 0.25
# An image has at most so many pixels for each point: one of a few scattered lines would be mostly empty.
_SPARSEST = 4


@dataclass(frozen=True)
class CellImage:
    """The coarsest grid of a map as pixels, and what is not of it.

    Attributes:
        value: Shape ``(rows, columns)``, upwards and rightwards; NaN where nothing was measured.
        frame: Indices of the frames there, or -1, of the same shape.
        corner: Of the first pixel, lowest x and lowest y.
        size: Of the whole image, along x and y.
        rest: Columns of the cells that are drawn above it: of finer grids, and such as have no value.
    """

    value: NDArray[np.float32]
    frame: NDArray[np.float32]
    corner: tuple[float, float]
    size: tuple[float, float]
    rest: dict[str, Floats]


def image_of(cells: MapCells) -> CellImage | None:
    """Lay the coarsest cells on a lattice; nothing if they are few, or do not stand on one."""
    columns = cells.columns
    if len(cells) < LEAST_CELLS:
        return None
    width, height = float(columns["width"][0]), float(columns["height"][0])
    known = np.isfinite(columns["value"])
    ours = (columns["width"] == width) & (columns["height"] == height)
    x, y = columns["x"][ours], columns["y"][ours]
    if len(x) < LEAST_CELLS or not (width > 0 and height > 0 and np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    across, up = (x - x.min()) / width, (y - y.min()) / height
    column, row = np.rint(across).astype(np.int64), np.rint(up).astype(np.int64)
    if max(np.abs(across - column).max(), np.abs(up - row).max()) > _ASIDE:
        return None
    wide, high = int(column.max()) + 1, int(row.max()) + 1
    if wide * high > _SPARSEST * len(x):
        return None
    value, frame = np.full((high, wide), np.nan, np.float32), np.full((high, wide), -1, np.float32)
    # Of points at one place the later one is on top, as with rectangles.
    value[row, column], frame[row, column] = columns["value"][ours], columns["frame"][ours]
    left = ~(ours & known)
    rest = {name: one[left] for name, one in columns.items()}
    corner = float(x.min() - width / 2), float(y.min() - height / 2)
    return CellImage(value, frame, corner, (wide * width, high * height), rest)
