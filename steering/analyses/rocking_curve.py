"""Rocking curve: intensity against the angle of a crystal, and where its peak is.

Definitions, for intensity ``I`` = frame sum / exposure (counts/s) sampled at angles ``x``:

* ``peak``: angle of the highest sample; uncertainty: local sampling step / sqrt(12).
* ``fwhm``: distance between the crossings of half the maximum above background on both sides of the peak, each by
  linear interpolation between two samples; uncertainty: for both crossings an eighth of the gap between their samples
  (a bound of what a smooth flank departs from a line) and the counting error over the slope.
* ``centre_of_mass``: of the part above a tenth of the maximum around the peak, integrated by the trapezoidal rule, so
  that neither the extent of the scan nor a denser middle shifts it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.analyses.frame_table import EMPTY, FrameTable, measure
from steering.core.analysis import Exactness
from steering.core.block import Floats, FrameBlock
from steering.core.json import Json
from steering.core.result import Feature, Outcome

_FEWEST_POINTS = 3
# Part of the maximum above which a point belongs to the peak, for the centre of mass.
_PEAK_PART = 0.1
_FIT_POINTS = 200


class RockingCurve:
    """Total, maximum, centre of mass and width of a Bragg peak from its detector frames."""

    name = "rocking_curve"
    exactness: Exactness = "bitwise"

    def __init__(self, axis: str = "th", exposure: str = "exposure") -> None:
        """Choose the columns of the events.

        Args:
            axis: Angle.
            exposure: Exposure time in seconds.
        """
        self._axis = axis
        self._exposure = exposure

    @property
    def parameters(self) -> Mapping[str, Json]:
        """The columns."""
        return {"axis": self._axis, "exposure": self._exposure}

    def empty(self) -> FrameTable:
        """Table of no frames."""
        return EMPTY

    def update(self, state: FrameTable, block: FrameBlock, frames: NDArray[Any]) -> FrameTable:
        """Add a block's frames.

        Raises:
            ValueError: If the block lacks the angle or the exposure.
        """
        missing = [name for name in (self._axis, self._exposure) if name not in block.columns]
        if missing:
            message = f"the events have no column {' and '.join(missing)}; they have: {', '.join(block.columns)}"
            raise ValueError(message)
        return state.merge(measure(block, frames))

    def merge(self, left: FrameTable, right: FrameTable) -> FrameTable:
        """Unite two tables."""
        return left.merge(right)

    def result(self, state: FrameTable) -> Outcome:
        """Say where the peak is and how wide."""
        data = self._curve(state)
        position, intensity = data[self._axis].values, data["intensity"].values
        error, units = data["intensity_error"].values, str(data[self._axis].attrs["units"])
        features: dict[str, Feature] = {}
        if len(state):
            total = float(data["frame_sum"].sum())
            features["total"] = Feature(total, float(np.sqrt(total)), "counts")
        if len(position) >= _FEWEST_POINTS and intensity.max() > 0:
            top = int(np.argmax(intensity))
            features["maximum"] = Feature(float(intensity[top]), float(error[top]), "counts/s")
            features["peak"] = Feature(float(position[top]), _gap(position, top) / np.sqrt(12), units)
            width = _width(position, intensity, error, top)
            if width is not None:
                features["fwhm"] = Feature(*width, units)
            features["centre_of_mass"] = Feature(*_centre(position, intensity, top), units)
            if width is not None:
                data = _with_fit(data, self._axis, position[top], width[0])
        return Outcome(features, data)

    def _curve(self, table: FrameTable) -> xr.Dataset:
        """Sort the usable frames by angle."""
        nothing = np.empty(0)
        position = table.columns.get(self._axis, nothing)
        exposure = table.columns.get(self._exposure, nothing)
        usable = np.flatnonzero(np.isfinite(position) & (exposure > 0))
        order = usable[np.argsort(position[usable], kind="stable")]

        def column(name: str) -> Floats:
            return table.columns.get(name, nothing)[order]

        counts, seconds = column("frame_sum"), exposure[order]
        variables: dict[str, tuple[str, NDArray[Any], dict[str, str]]] = {
            "intensity": ("point", counts / seconds, {"units": "counts/s"}),
            "intensity_error": ("point", np.sqrt(np.maximum(counts, 1)) / seconds, {"units": "counts/s"}),
            "frame_sum": ("point", counts, {"units": "counts"}),
            "frame_maximum": ("point", column("frame_maximum"), {"units": "counts"}),
            "com_row": ("point", column("com_row"), {"units": "px"}),
            "com_column": ("point", column("com_column"), {"units": "px"}),
            "exposure": ("point", seconds, {"units": "s"}),
            "frame": ("point", table.index[order], {"units": "1"}),
        }
        angle = ("point", position[order], {"units": table.units.get(self._axis, "deg"), "long_name": self._axis})
        return xr.Dataset(variables, {self._axis: angle}, {"left_out": len(table) - len(order)})


def _gap(position: Floats, index: int) -> float:
    """Mean distance to the neighbouring samples; samples at the same angle are skipped."""
    distances = np.abs(np.delete(position, index) - position[index])
    below, above = position < position[index], position > position[index]
    sides = [distances[np.delete(side, index)].min() for side in (below, above) if side.any()]
    return float(np.mean(sides)) if sides else float("nan")


def _width(position: Floats, intensity: Floats, error: Floats, top: int) -> tuple[float, float] | None:
    """Full width at half maximum and its uncertainty; nothing unless both sides fall below half."""
    background = float(intensity.min())
    half = background + (intensity[top] - background) / 2
    crossings: list[tuple[float, float]] = []
    for direction in (-1, 1):
        index = top
        while 0 <= index + direction < len(position) and intensity[index] >= half:
            index += direction
        if intensity[index] >= half:
            return None
        inside = index - direction
        gap = abs(position[inside] - position[index])
        fall = intensity[inside] - intensity[index]
        share = (half - intensity[index]) / fall
        at = position[index] + share * (position[inside] - position[index])
        counting = gap * float(np.hypot(error[inside], error[index])) / fall
        # Between two samples the curve is not a line; an eighth of the gap bounds what a smooth flank departs from it.
        crossings.append((float(at), float(np.hypot(gap / 8, counting))))
    (low, low_error), (high, high_error) = crossings
    return high - low, float(np.hypot(low_error, high_error))


def _centre(position: Floats, intensity: Floats, top: int) -> tuple[float, float]:
    background = float(intensity.min())
    above = intensity - background
    threshold = _PEAK_PART * above[top]
    first = top
    while first > 0 and above[first - 1] > threshold:
        first -= 1
    last = top
    while last < len(position) - 1 and above[last + 1] > threshold:
        last += 1
    if last == first:
        return float(position[top]), _gap(position, top) / float(np.sqrt(12))
    x, y = position[first : last + 1], above[first : last + 1]
    weight = np.trapezoid(y, x)
    if weight <= 0:
        return float(position[top]), _gap(position, top) / float(np.sqrt(12))
    gap = float(x[-1] - x[0]) / (last - first)
    return float(np.trapezoid(x * y, x) / weight), gap / float(np.sqrt(12 * (last - first + 1)))


def _with_fit(data: xr.Dataset, axis: str, centre: float, width: float) -> xr.Dataset:
    """Add a Gaussian fitted to the peak, for the eye; left out where it does not converge."""
    from scipy.optimize import curve_fit

    near = np.abs(data[axis].values - centre) < 2 * width
    x, y = data[axis].values[near], data["intensity"].values[near]
    if len(x) <= 4:
        return data
    try:
        (height, middle, spread, base), _ = curve_fit(
            _gaussian, x, y, [float(y.max()), centre, width, 0.0], sigma=data["intensity_error"].values[near]
        )
    except RuntimeError:
        return data
    along = np.asarray(np.linspace(float(x.min()), float(x.max()), _FIT_POINTS), dtype=np.float64)
    name = f"{axis}_fit"
    whole = data.copy()
    whole["fit"] = ("fit_point", _gaussian(along, height, middle, spread, base), {"units": "counts/s"})
    whole[name] = ("fit_point", along, {"units": data[axis].attrs["units"]})
    whole.attrs |= {"fit_centre": float(middle), "fit_fwhm": float(abs(spread))}
    return whole.set_coords(name)


def _gaussian(x: Floats, height: float, centre: float, fwhm: float, base: float) -> Floats:
    return height * np.exp(-4 * np.log(2) * ((x - centre) / fwhm) ** 2) + base
