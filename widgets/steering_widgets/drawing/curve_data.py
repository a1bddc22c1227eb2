"""The points of a curve, out of a result: normalised, as a difference, and thinned for a screen."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# A screen has fewer columns of pixels than this: of each column the lowest and the highest point are drawn.
PAIRS = 4_000
# Columns of a curve that are what it shows, or where and when; all others may be monitors.
_NO_MONITORS = frozenset(
    {
        "intensity", "intensity_error", "frame", "frame_sum", "frame_maximum", "frame_masked", "com_row", "com_column",
        "exposure", "grid", "time",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Curve:
    """Points along one axis.

    Attributes:
        axis: Name of the axis.
        units: Its unit.
        positions: Shape ``(points,)``, in ``units``.
        values: Shape ``(points,)``, in ``value_units``.
        errors: One standard deviation each, in ``value_units``; 0 where it is not known.
        frames: Index of the frame of each point in its run; -1 where it is not known.
        value_units: Unit of values and errors.
        all: How many points there are, of which these may be a part.
    """

    axis: str
    units: str
    positions: Floats
    values: Floats
    errors: Floats
    frames: NDArray[np.int64]
    value_units: str
    all: int

    @property
    def columns(self) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
        """What a plot draws."""
        low, high = self.values - self.errors, self.values + self.errors
        return {
            "x": self.positions, "y": self.values, "low": low, "high": high, "error": self.errors, "frame": self.frames,
        }  # fmt: skip


@dataclass(frozen=True)
class Overlay:
    """A curve of an earlier run.

    Attributes:
        label: What it is called.
        positions: Shape ``(points,)``, in the unit of the axis.
        values: Shape ``(points,)``.
        errors: One standard deviation each; 0 where it is not known.
    """

    label: str
    positions: Floats
    values: Floats
    errors: Floats


def axis_of(data: xr.Dataset) -> str:
    """Name the coordinate that the points were taken along."""
    dimension = str(data["intensity"].dims[0])
    along = [name for name in _coordinates(data, dimension) if name != dimension]
    with_units = [name for name in along if data[name].attrs.get("units")]
    return (with_units or along or [dimension])[0]


def fit_of(data: xr.Dataset) -> tuple[Floats, Floats]:
    """Return the fitted line's positions and values; empty before there is one."""
    if "fit" not in data or data["fit"].size == 0:
        return np.empty(0), np.empty(0)
    fit = data["fit"]
    along = _coordinates(data, str(fit.dims[0]))
    positions = _floats(data[along[0]]) if along else np.arange(fit.size, dtype=np.float64)
    return positions, _floats(fit)


def monitors_of(data: xr.Dataset) -> list[str]:
    """Name the columns that the intensity may be normalised to: recorded at each point, and nowhere 0 or less."""
    dims = data["intensity"].dims
    places = {axis_of(data), *(str(name).removesuffix("_step") for name in data if str(name).endswith("_step"))}
    return [
        str(name)
        for name, column in data.variables.items()
        if column.dims == dims
        and str(name) not in _NO_MONITORS | places
        and not str(name).endswith(("_step", "_error", "_fit"))
        and _positive(column.values)
    ]


def curve_of(data: xr.Dataset, monitor: str = "") -> Curve:
    """Take the curve out of a result.

    Args:
        data: Of a result that has an intensity along one axis.
        monitor: Column to normalise to: each value is multiplied by the column's mean over its value there, so the
            unit stays.
    """
    axis = axis_of(data)
    values = _floats(data["intensity"])
    errors = _floats(data["intensity_error"]) if "intensity_error" in data else np.zeros_like(values)
    if monitor in data.variables:
        column = _floats(data[monitor])
        share = column.mean() / column
        values, errors = values * share, errors * share
    frames = np.asarray(data["frame"].values, dtype=np.int64) if "frame" in data else np.full(len(values), -1)
    units = str(data[axis].attrs.get("units", ""))
    counted = str(data["intensity"].attrs.get("units", "counts/s"))
    return Curve(axis, units, _floats(data[axis]), values, np.nan_to_num(errors), frames, counted, len(values))


def minus(curve: Curve, other: Overlay) -> Curve:
    """Subtract an earlier curve, interpolated linearly to the same positions; points beyond its ends are left out.

    The errors of the two points that a value lies between are propagated with it.
    """
    order = np.argsort(other.positions, kind="stable")
    order = order[np.isfinite(other.positions[order]) & np.isfinite(other.values[order])]
    x, y, error = other.positions[order], other.values[order], other.errors[order]
    inside = (curve.positions >= x[0]) & (curve.positions <= x[-1]) if len(x) else np.zeros(len(curve.values), bool)
    at = curve.positions[inside]
    after = np.searchsorted(x, at).clip(0, max(len(x) - 1, 0))
    before = (after - 1).clip(0)
    gap = x[after] - x[before]
    part = np.divide(at - x[before], gap, out=np.ones_like(at), where=gap > 0)
    values = curve.values[inside] - ((1 - part) * y[before] + part * y[after])
    errors = np.sqrt(
        np.square(curve.errors[inside]) + np.square((1 - part) * error[before]) + np.square(part * error[after])
    )
    return replace(curve, positions=at, values=values, errors=errors, frames=curve.frames[inside])


def thin(curve: Curve) -> Curve:
    """Keep of many points the lowest and the highest of each of :data:`PAIRS` equal parts of the axis."""
    finite = np.isfinite(curve.positions) & np.isfinite(curve.values)
    if np.count_nonzero(finite) <= 2 * PAIRS:
        return curve
    rows = np.flatnonzero(finite)
    x, y = curve.positions[rows], curve.values[rows]
    low, high = float(x.min()), float(x.max())
    part = ((x - low) * (PAIRS / ((high - low) or 1.0))).astype(np.uint16).clip(0, PAIRS - 1)
    order = np.argsort(part, kind="stable")
    begins = np.flatnonzero(np.diff(part[order].astype(np.int64), prepend=-1))
    counts = np.diff(np.append(begins, len(order)))
    kept: list[NDArray[np.int64]] = []
    for extreme in (np.minimum, np.maximum):
        found = np.flatnonzero(y[order] == np.repeat(extreme.reduceat(y[order], begins), counts))
        _, first = np.unique(part[order][found], return_index=True)
        kept.append(order[found[first]])
    chosen = rows[np.unique(np.concatenate(kept))]
    return replace(
        curve,
        positions=curve.positions[chosen],
        values=curve.values[chosen],
        errors=curve.errors[chosen],
        frames=curve.frames[chosen],
    )


def _positive(values: NDArray[Any]) -> bool:
    return values.dtype.kind in "iuf" and bool((values > 0).all())


def _floats(values: xr.DataArray) -> Floats:
    return np.asarray(values.values, dtype=np.float64)


def _coordinates(data: xr.Dataset, dimension: str) -> list[str]:
    return [str(name) for name in data.coords if data[str(name)].dims == (dimension,)]
