"""Rocking curve: intensity against the angle of a crystal, and where its peak is.

Definitions, for intensity ``I`` = frame sum / exposure (counts/s) sampled at angles ``x``. Its uncertainty is that of
counting, sqrt(frame sum) / exposure; the background is the lowest sample:

* ``peak``: angle of the highest sample; uncertainty: local sampling step / sqrt(12).
* ``fwhm``: distance between the crossings of half the maximum above background on both sides of the peak, each by
  linear interpolation between two samples; uncertainty: for both crossings an eighth of the gap between their samples
  (a bound of what a smooth flank departs from a line) and the counting error over the slope.
* ``centre_of_mass``: of the part above a tenth of the maximum above background around the peak, integrated by the
  trapezoidal rule between interpolated ends, so that neither the extent of the scan nor a denser middle shifts it;
  uncertainty: each sample's place within its cell (cell / sqrt(12)) and its counting error, propagated.
* ``fit_centre`` and ``fit_fwhm``: of a Gaussian on a flat background, fitted to the samples within two widths of the
  peak; uncertainty: from the covariance of the fit, scaled by the reduced chi square where that is above 1.
* ``maximum``: intensity at the peak. ``total``: sum of all frame sums, uncertain by its square root.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.analyses._choices import TimedChoices
from steering.analyses._frames import EMPTY, FrameTable, masked_feature, measure
from steering.core.analysis import Exactness, Needs
from steering.core.block import Floats, FrameBlock
from steering.core.json import Json
from steering.core.result import Feature, Outcome
from steering.moments.gaussian import Gaussian, fit_gaussian

_FEWEST_POINTS = 3
# Part of the maximum above which a point belongs to the peak, for the centre of mass.
_PEAK_PART = 0.1
_FIT_POINTS = 200
_USUAL_UNIT = "deg"

# A dimension, values along it, and the unit.
Column: TypeAlias = tuple[str, NDArray[Any], dict[str, str]]


class RockingCurve:
    """Total, maximum, centre of mass and width of a Bragg peak from its detector frames."""

    name = "rocking_curve"
    exactness: Exactness = "bitwise"
    leaves_out_markers = True

    Parameters = TimedChoices

    def __init__(
        self,
        axis: str = "th",
        exposure: str = "exposure",
        region: Mapping[str, Any] | None = None,
        masked: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Choose the columns of the events, and what is looked at.

        Args:
            axis: Angle.
            exposure: Exposure time in seconds.
            region: ``{"rows": (10, 20), "columns": (5, 40)}``: the only pixels that are looked at, without the last row
                and column that are named; all of them if left out.
            masked: Likewise, parts that are left out.

        Raises:
            ValueError: If there is no such region.
        """
        self._chosen = TimedChoices.model_validate({"exposure": exposure, "region": region, "masked": masked})
        self._axis = axis
        self._exposure = exposure

    @property
    def parameters(self) -> Mapping[str, Json]:
        """The columns, and the parts of the detector."""
        return {"axis": self._axis, **self._chosen.plain()}

    @property
    def needs(self) -> Needs:
        """The columns."""
        return Needs((self._axis, self._exposure), {self._exposure: "s"})

    def empty(self) -> FrameTable:
        """Table of no frames."""
        return EMPTY

    def update(self, state: FrameTable, block: FrameBlock, frames: NDArray[Any]) -> FrameTable:
        """Add a block's frames.

        Args:
            state: Left as it is.
            block: With the columns of the angle and of the exposure.
            frames: Pixels in counts, shape ``(len(block), rows, columns)``.

        Raises:
            ValueError: If the block lacks the angle or the exposure, or the frames have the wrong shape.
        """
        columns, chosen = (self._axis, self._exposure), self._chosen
        return state.merge(measure(block, frames, columns, chosen.region, chosen.masked))

    def merge(self, left: FrameTable, right: FrameTable) -> FrameTable:
        """Unite two tables."""
        return left.merge(right)

    def result(self, state: FrameTable) -> Outcome:
        """Say where the peak is and how wide.

        Frames without an angle, without exposure, or with a pixel that is not a number are left out, and counted in
        ``data.attrs["left_out"]``. A feature that the rest does not allow is left out too: none but ``total`` for fewer
        than three points or no counts, no ``fwhm`` and no fit unless the curve falls below half its height on both
        sides.
        """
        index, curve = self._curve(state)
        position, units = curve[self._axis][1], curve[self._axis][2]["units"]
        intensity, error = curve["intensity"][1], curve["intensity_error"][1]
        attributes: dict[str, float] = {"left_out": len(state) - len(index)}
        features: dict[str, Feature] = {}
        if len(state):
            total = float(np.sum(curve["frame_sum"][1]))
            # Float frames may be background-subtracted, and so below zero.
            features["total"] = Feature(total, float(np.sqrt(max(total, 0.0))), "counts")
            features |= masked_feature(float(np.nanmean(state.column("frame_masked"))))
        if len(position) >= _FEWEST_POINTS and intensity.max() > 0:
            top = int(np.argmax(intensity))
            features["maximum"] = Feature(float(intensity[top]), float(error[top]), "counts/s")
            features["peak"] = Feature(float(position[top]), _gap(position, top) / float(np.sqrt(12)), units)
            width = _width(position, intensity, error, top)
            if width is not None:
                features["fwhm"] = Feature(*width, units)
            features["centre_of_mass"] = Feature(*_centre(position, intensity, error, top), units)
            peak = None if width is None else _fit(position, intensity, error, top, width[0])
            if peak is not None:
                fitted, along = peak
                features["fit_centre"] = Feature(fitted.centre, fitted.centre_error, units)
                features["fit_fwhm"] = Feature(fitted.fwhm, fitted.fwhm_error, units)
                curve["fit"] = ("fit_point", fitted(along), {"units": "counts/s"})
                curve[f"{self._axis}_fit"] = ("fit_point", along, {"units": units})
                attributes |= {"fit_centre": fitted.centre, "fit_fwhm": fitted.fwhm}
        # Made once, of all that is in it: each time costs as much as the fit.
        places = {name: curve.pop(name) for name in (self._axis, f"{self._axis}_fit") if name in curve}
        return Outcome(features, xr.Dataset(curve, places, attributes))

    def _curve(self, table: FrameTable) -> tuple[NDArray[np.int64], dict[str, Column]]:
        """Sort the usable frames by angle; return their rows in the table, and each column's dimension and values."""
        position, exposure = table.column(self._axis), table.column(self._exposure)
        timed = np.isfinite(exposure) & (exposure > 0)
        usable = np.flatnonzero(timed & np.isfinite(position) & np.isfinite(table.column("frame_sum")))
        order = usable[np.argsort(position[usable], kind="stable")]

        def column(name: str) -> Floats:
            return table.column(name)[order]

        counts, seconds = column("frame_sum"), exposure[order]
        angle = {"units": table.unit(self._axis, _USUAL_UNIT), "long_name": self._axis}
        return order, {
            "intensity": ("point", counts / seconds, {"units": "counts/s"}),
            "intensity_error": ("point", np.sqrt(np.maximum(counts, 1)) / seconds, {"units": "counts/s"}),
            "frame_sum": ("point", counts, {"units": "counts"}),
            "frame_maximum": ("point", column("frame_maximum"), {"units": "counts"}),
            "com_row": ("point", column("com_row"), {"units": "px"}),
            "com_column": ("point", column("com_column"), {"units": "px"}),
            "exposure": ("point", seconds, {"units": "s"}),
            "frame": ("point", table.index[order], {"units": "1"}),
            self._axis: ("point", position[order], angle),
        }


def _gap(position: Floats, index: int) -> float:
    """Mean distance to the neighbouring samples; samples at the same angle are skipped."""
    distances = np.abs(np.delete(position, index) - position[index])
    below, above = position < position[index], position > position[index]
    sides = [distances[np.delete(side, index)].min() for side in (below, above) if side.any()]
    return float(np.mean(sides)) if sides else float("nan")


def _width(position: Floats, intensity: Floats, error: Floats, top: int) -> tuple[float, float] | None:
    """Full width at half maximum and its uncertainty; nothing unless both sides fall below half at other angles."""
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
        gap = abs(position[inside] - position[index]) or _gap(position, index)
        fall = intensity[inside] - intensity[index]
        share = (half - intensity[index]) / fall
        at = position[index] + share * (position[inside] - position[index])
        counting = gap * float(np.hypot(error[inside], error[index])) / fall
        # Between two samples the curve is not a line; an eighth of the gap bounds what a smooth flank departs from it.
        crossings.append((float(at), float(np.hypot(gap / 8, counting))))
    (low, low_error), (high, high_error) = crossings
    return (high - low, float(np.hypot(low_error, high_error))) if high > low else None


def _centre(position: Floats, intensity: Floats, error: Floats, top: int) -> tuple[float, float]:
    """Centre of mass of the part around the peak, and its uncertainty."""
    above = intensity - float(intensity.min())
    threshold = _PEAK_PART * above[top]
    outside = np.flatnonzero(above <= threshold)
    before = max(outside[outside < top], default=0)
    after = min(outside[outside > top], default=len(position) - 1)
    part = np.arange(before, after + 1)
    x, y = position[part], above[part]
    # The ends are interpolated, so that the part does not jump with a sample that happens to lie above or below.
    if y[0] <= threshold < y[1]:
        x[0], y[0] = np.interp(threshold, y[:2], x[:2]), threshold
    if y[-1] <= threshold < y[-2]:
        x[-1], y[-1] = np.interp(threshold, y[:-3:-1], x[:-3:-1]), threshold
    # What the trapezoidal rule gives each sample: half the distance between its neighbours.
    cell = np.diff(np.concatenate([x[:1], (x[1:] + x[:-1]) / 2, x[-1:]]))
    weight = float(np.sum(cell * y))
    if weight <= 0:
        return float(position[top]), _gap(position, top) / float(np.sqrt(12))
    centre = float(np.sum(cell * y * x)) / weight
    sampling = np.sum((cell * y * cell) ** 2) / 12
    counting = np.sum((cell * (x - centre) * error[part]) ** 2)
    return centre, float(np.sqrt(sampling + counting)) / weight


def _fit(position: Floats, intensity: Floats, error: Floats, top: int, width: float) -> tuple[Gaussian, Floats] | None:
    """Fit a Gaussian to the peak; return it and where it is drawn, or nothing where it does not converge."""
    near = np.abs(position - position[top]) < 2 * width
    x, y = position[near], intensity[near]
    fitted = fit_gaussian(x, y, error[near], Gaussian(float(y.max()), position[top], width, 0.0))
    return None if fitted is None else (fitted, np.linspace(float(x.min()), float(x.max()), _FIT_POINTS))
