"""The points of a map as rectangles, finer grids above coarser ones."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering_widgets.drawing.region import MapAxes

Floats = NDArray[np.float64]

# What a map may be coloured by, if the result has it, best first.
QUANTITIES = ("intensity", "frame_maximum", "com_row", "com_column")


@dataclass(frozen=True)
class MapCells:
    """Rectangles in drawing order.

    Attributes:
        columns: ``x``, ``y`` (middles), ``width``, ``height``, ``value``, and ``frame``: the index of the frame, or -1.
        low: Smallest finite value.
        high: Largest finite value.
        smallest_positive: Smallest value above 0, for a logarithmic scale; 1 if there is none.
    """

    columns: dict[str, Floats]
    low: float
    high: float
    smallest_positive: float

    def __len__(self) -> int:
        """Count the rectangles."""
        return len(self.columns["x"])


def quantities_of(data: xr.Dataset) -> list[str]:
    """Name what a map can be coloured by."""
    present = [name for name in QUANTITIES if name in data]
    skip = {*present, "grid", "frame"}
    others = [
        str(name)
        for name, values in data.data_vars.items()
        if values.dims == ("point",) and str(name) not in skip and not str(name).endswith("_step")
    ]
    return present + others


def make_cells(data: xr.Dataset, axes: MapAxes, quantity: str, monitor: str = "") -> MapCells:
    """Lay out the points of a result; coarse cells first, so that finer ones are drawn above them.

    Args:
        data: Of the result.
        axes: Of the map.
        quantity: What gives the colours.
        monitor: Column to normalise to, if the result has it: each value times the column's mean over its value there.
    """
    names = {"x": axes.x, "y": axes.y, "width": f"{axes.x}_step", "height": f"{axes.y}_step", "value": quantity}
    columns = {column: np.asarray(data[name].values, dtype=np.float64) for column, name in names.items()}
    columns["width"], columns["height"] = _sizes(columns)
    if monitor in data.variables:
        column = np.asarray(data[monitor].values, dtype=np.float64)
        columns["value"] = columns["value"] * (column.mean() / column)
    unknown = np.full(len(columns["x"]), -1.0)
    columns["frame"] = np.asarray(data["frame"].values, dtype=np.float64) if "frame" in data else unknown
    # Stable: points of one grid stay in the order in which they were measured.
    order = np.argsort(-columns["width"] * columns["height"], kind="stable")
    columns = {column: values[order] for column, values in columns.items()}
    finite = columns["value"][np.isfinite(columns["value"])]
    if finite.size == 0:
        return MapCells(columns, 0.0, 1.0, 1.0)
    positive = finite[finite > 0]
    return MapCells(columns, float(finite.min()), float(finite.max()), float(positive.min()) if positive.size else 1.0)


def _sizes(columns: dict[str, Floats]) -> tuple[Floats, Floats]:
    """Return width and height of each cell; of a plan that does not record them, the usual distances."""
    usual = [_usual(columns[axis]) for axis in ("x", "y")]
    known = max(usual) or 1.0
    width, height = (
        np.where(np.isfinite(columns[name]), columns[name], one or known)
        for name, one in zip(("width", "height"), usual, strict=True)
    )
    return width, height


def _usual(places: Floats) -> float:
    """Say how far rows or columns are apart; 0 if there is one only."""
    apart = np.diff(np.sort(places[np.isfinite(places)]))
    # Positions that were read back jitter: within a row they are less apart than half of the largest distance.
    return float(np.median(apart[apart > apart.max() / 2])) if apart.size and apart.max() > 0 else 0.0
