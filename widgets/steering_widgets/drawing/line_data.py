"""An array of two dimensions as lines, one for each row: which there are, what each is called, and its colour."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.archive.picture import is_logarithmic
from steering.core.block import Floats
from steering_widgets.drawing.curve_data import Curve, thin
from steering_widgets.parts.units import shown_unit
from steering_widgets.parts.wording import title

# One lightness and all hues, so that each is read on both themes' backgrounds.
COLOURS = (
    "#7679de", "#4586de", "#0092d1", "#009cb8", "#00a196", "#00a16d",
    "#4d9b40", "#7f9100", "#a38300", "#bd7300", "#cc6525", "#d15c56",
)  # fmt: skip
MOST_LINES = len(COLOURS)
# Fewer points say nothing of how they are spread.
_FEWEST = 5
# So many of the values are to be above zero, and to differ by so much.
_MOSTLY, _DECADES = 0.8, 30.0
# What stands beside an array and belongs to it, by the end of its name.
COMPANIONS = ("_error", "_fit")


@dataclass(frozen=True)
class Line:
    """One row.

    Attributes:
        label: What it is called, with unit: ``q = 0.0023 1/Å``.
        colour: As ``#rrggbb``.
        points: With errors, which are 0 where they are not known.
        fit: Values of its fit at ``fit_x``; empty if there is none.
        fit_x: Where the fit is known.
    """

    label: str
    colour: str
    points: Curve
    fit: Floats
    fit_x: Floats


@dataclass(frozen=True)
class Lines:
    """What is drawn.

    Attributes:
        lines: Twelve at most, chosen evenly from all.
        rows: How many rows there are.
        x: Name and unit along the horizontal axis.
        y: Likewise along the vertical one.
        log_x: Whether the points are spaced as on a logarithmic axis.
        log_y: Whether they also span so much that a logarithmic vertical axis shows more of them.
    """

    lines: tuple[Line, ...]
    rows: int
    x: tuple[str, str]
    y: tuple[str, str]
    log_x: bool
    log_y: bool


def line_names(data: xr.Dataset) -> list[str]:
    """Name the arrays whose rows are lines: the columns have positions, and the rows are things without any.

    An array with positions along both dimensions is an image. Errors and fits are drawn with what they belong to.
    """
    found = [str(name) for name in data.data_vars if _is_lines(data, str(name))]
    return [name for name in found if not any(name == f"{one}{end}" for one in found for end in COMPANIONS)]


def lines_of(data: xr.Dataset, name: str) -> Lines:
    """Cut an array into lines.

    Args:
        data: The result.
        name: One of :func:`line_names`.
    """
    array = data[name]
    rows, along = (str(dimension) for dimension in array.dims)
    values, x = _floats(array), _floats(array[along])
    errors, fits = (_beside(data, name, end) for end in COMPANIONS)
    x_name, y_name = _named(array[along], along), _named(array, name)
    chosen = np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_LINES)).round().astype(int))
    lines: list[Line] = []
    for place, row in enumerate(chosen.tolist()):
        known = np.isfinite(x) & np.isfinite(values[row])
        error = np.nan_to_num(errors[row][known], nan=0.0) if errors is not None else np.zeros(int(known.sum()))
        points = Curve(*x_name, x[known], values[row][known], error, np.flatnonzero(known), y_name[1], int(known.sum()))
        seen = np.isfinite(x) & np.isfinite(fits[row]) if fits is not None else np.zeros(len(x), bool)
        fit = fits[row][seen] if fits is not None else np.empty(0)
        colour = COLOURS[round(place * (MOST_LINES - 1) / max(len(chosen) - 1, 1))]
        lines.append(Line(row_label(data, rows, row), colour, thin(points), fit, x[seen]))
    log_x = is_logarithmic(x)
    return Lines(tuple(lines), len(values), x_name, y_name, log_x, log_x and spans_decades(values))


def spans_decades(values: Floats) -> bool:
    """Say whether values are above zero, but for a few that are zero, and differ by a factor of 30 in the main."""
    known = values[np.isfinite(values)]
    above = known[known > 0]
    if len(above) < _FEWEST or (known < 0).any() or len(above) < _MOSTLY * len(known):
        return False
    low, high = np.percentile(above, [5, 95])
    return bool(high > _DECADES * low)


def _is_lines(data: xr.Dataset, name: str) -> bool:
    array = data[name]
    if array.ndim != 2 or not array.size or array.dtype.kind not in "iuf":
        return False
    rows, along = (str(dimension) for dimension in array.dims)
    return along in data.coords and data[along].dtype.kind in "iuf" and rows not in data.coords


def _beside(data: xr.Dataset, name: str, end: str) -> Floats | None:
    """Return what belongs to an array, if it is there and of its shape."""
    other = f"{name}{end}"
    if other not in data or data[other].dims != data[name].dims or data[other].dtype.kind not in "iuf":
        return None
    return _floats(data[other])


def row_label(data: xr.Dataset, dimension: str, row: int) -> str:
    """Say what a row of an array is called, with unit: ``q = 0.0023 1/Å``."""
    for name in data.coords:
        place = data[str(name)]
        if place.dims == (dimension,):
            value: Any = place.values[row]
            if place.dtype.kind not in "iuf":
                # A word says what it is by itself.
                return str(value)
            text = f"{float(value):.4g}" if math.isfinite(float(value)) else str(value)
            return f"{name} = {text} {shown_unit(_units(place))}".strip()
    return f"{dimension} {row}"


def _named(array: xr.DataArray, name: str) -> tuple[str, str]:
    """Return what an array is called on the screen, and its unit; data may say better than their identifier."""
    return str(array.attrs.get("long_name") or title(name)), _units(array)


def _units(array: xr.DataArray) -> str:
    return str(array.attrs.get("units", ""))


def _floats(array: xr.DataArray) -> NDArray[np.float64]:
    return np.asarray(array.values, dtype=np.float64)
