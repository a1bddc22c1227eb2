"""What a panel shows, as columns: every point, also where a screen shows fewer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from steering.core.block import Floats
from steering.core.history import Trend
from steering_widgets.drawing.curve_data import Curve
from steering_widgets.drawing.kept_file import Table
from steering_widgets.drawing.line_data import COMPANIONS, row_label

_Column = tuple[str, str, Sequence[Any]]


def table_of_curve(curve: Curve, about: Mapping[str, object]) -> Table:
    """Lay out a curve: position, intensity with its error (one standard deviation), and frame."""
    return Table(
        [
            (curve.axis, curve.units, curve.positions.tolist()),
            ("intensity", curve.value_units, curve.values.tolist()),
            ("intensity_error", curve.value_units, curve.errors.tolist()),
            ("frame", "", curve.frames.tolist()),
        ],
        about,
    )


def table_along(data: xr.Dataset, dimension: str, about: Mapping[str, object]) -> Table:
    """Lay out all numeric columns along a dimension of a result, its positions first."""
    names = [*data.coords, *(name for name in data.variables if name not in data.coords)]
    kept = [name for name in names if data[name].dims == (dimension,) and data[name].dtype.kind in "iufb"]
    return Table([(str(name), _units(data[name]), data[name].values.tolist()) for name in kept], about)


def table_of_lines(data: xr.Dataset, name: str, about: Mapping[str, object]) -> Table:
    """Lay out an array whose rows are lines: positions, and of each row the values, with errors and fit if known."""
    rows, along = (str(dimension) for dimension in data[name].dims)
    columns: list[_Column] = [(along, _units(data[along]), data[along].values.tolist())]
    beside = [name, *(f"{name}{end}" for end in COMPANIONS)]
    for row in range(data.sizes[rows]):
        columns += [
            (f"{one} [{row_label(data, rows, row)}]", _units(data[one]), data[one].values[row].tolist())
            for one in beside
            if one in data and data[one].dims == data[name].dims
        ]
    return Table(columns, about)


def table_of_picture(
    values: Floats,
    x: tuple[str, str, float, float],
    y: tuple[str, str, float, float],
    shown: tuple[str, str],
    about: Mapping[str, object],
) -> Table:
    """Lay out an image as it is shown, a cell a line: the middle of the cell, and its value.

    Args:
        values: Shape ``(rows, columns)``.
        x: Name, unit, lowest and highest edge along the columns.
        y: Likewise along the rows.
        shown: Name and unit of the values.
        about: What it is of.
    """
    rows, columns = values.shape
    across, up = _middles(x[2], x[3], columns), _middles(y[2], y[3], rows)
    return Table(
        [
            (x[0], x[1], np.tile(across, rows).tolist()),
            (y[0], y[1], np.repeat(up, columns).tolist()),
            (*shown, values.ravel().tolist()),
        ],
        about,
    )


def table_of_trend(trend: Trend) -> Table:
    """Lay out how all features of a run went: frames and time of each result, values and uncertainties."""
    columns: list[_Column] = [
        ("frames", "", trend.frames.tolist()),
        ("time since the first result", "s", (trend.times - trend.times[:1]).tolist()),
    ]
    for name, course in trend.features.items():
        columns.append((name, course.units, course.values.tolist()))
        columns.append((f"{name}_uncertainty", course.units, course.uncertainties.tolist()))
    return Table(columns, {"run": trend.run, "analysis": trend.analysis})


def _middles(low: float, high: float, count: int) -> Floats:
    return low + (np.arange(count, dtype=np.float64) + 0.5) * (high - low) / count


def _units(array: xr.DataArray) -> str:
    return str(array.attrs.get("units", ""))
