"""The intensity along the rings, with its errors, and what is read off it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from steering.core.block import Floats
from steering.core.result import Feature
from steering.moments.gaussian import Gaussian, fit_gaussian
from steering.radial.rings import SCALE, Rings
from steering.radial.sums import MONITOR, PARTS, Sums

# A ring that sees less of a pixel than this sees nothing.
_LEAST = 1e-6
# So many widths to each side of the highest point a peak is fitted.
_NEAR = 2.0

Range = tuple[float, float]


@dataclass(frozen=True)
class RadialCurve:
    """The intensity along the rings, all of shape ``(rings,)``.

    Attributes:
        x: Middles of the rings.
        width: Their widths.
        counts: Counts in each.
        seen: What they would have counted of an intensity of 1: pixels, corrected, times frames or monitor.
    """

    x: Floats
    width: Floats
    counts: Floats
    seen: Floats

    @property
    def intensity(self) -> Floats:
        """Counts a pixel and frame, or a pixel and unit of the monitor; NaN where nothing was seen."""
        return self.counts / self.seen

    @property
    def error(self) -> Floats:
        """Its standard error, that of counting; where nothing was counted that of one count."""
        return np.sqrt(np.maximum(self.counts, 1.0)) / self.seen

    def within(self, limits: Range | None) -> "RadialCurve":
        """The rings that were seen and whose middle lies within limits."""
        keep = np.isfinite(self.seen)
        if limits is not None:
            keep &= (self.x >= limits[0]) & (self.x <= limits[1])
        return RadialCurve(self.x[keep], self.width[keep], self.counts[keep], self.seen[keep])


def curve_of(sums: Sums, rings: Rings) -> RadialCurve:
    """Make the curve of sums: the sum of the counts over the sum of the shares, which gives each pixel its weight."""
    if sums.monitor is None or sums.monitored is None:
        seen = (rings.whole.astype(np.float64) * sums.frames - sums.lost) / SCALE
        least = _LEAST * sums.frames
    else:
        kept = rings.whole.astype(object) * sums.monitor - sums.monitored
        seen = np.array([value / (SCALE * MONITOR) for value in kept.tolist()])
        least = _LEAST * (sums.monitor / MONITOR)
    seen = np.where(seen > least, seen, math.nan)
    return RadialCurve(rings.middles, np.diff(rings.edges), sums.counts + sums.parts / PARTS, seen)


def features_of(
    curve: RadialCurve, x_units: str, units: str, peak: Range | None, average: Range | None
) -> Mapping[str, Feature]:
    """Read numbers off a curve; one that it does not allow is left out.

    Args:
        curve: Of all frames.
        x_units: Of the rings' middles.
        units: Of the intensity.
        peak: Where the peak is looked for; everywhere if left out.
        average: Where the mean is taken; everywhere if left out.
    """
    found: dict[str, Feature] = {}
    known = curve.within(None)
    if not len(known.x):
        return found
    total = float(known.counts.sum())
    found["total"] = Feature(total, math.sqrt(max(total, 0.0)), "counts")
    mean = curve.within(average)
    if len(mean.x):
        counts, seen = float(mean.counts.sum()), float(mean.seen.sum())
        found["mean_intensity"] = Feature(counts / seen, math.sqrt(max(counts, 1.0)) / seen, units)
    if x_units == "1/angstrom":
        weight = known.x**2 * known.width
        value, error = float(weight @ known.intensity), math.sqrt(float(weight**2 @ known.error**2))
        # The part of the whole integral that the rings cover.
        found["invariant"] = Feature(value, error, f"({units})/angstrom^3")
    fitted = peak_of(curve.within(peak))
    if fitted is not None:
        found["peak_position"] = Feature(fitted.centre, fitted.centre_error, x_units)
        found["peak_width"] = Feature(fitted.fwhm, fitted.fwhm_error, x_units)
        found["peak_height"] = Feature(fitted.height, math.nan, units)
    return found


def peak_of(curve: RadialCurve) -> Gaussian | None:
    """Fit a Gaussian on a flat background around the highest point; nothing where there is no such peak."""
    if not len(curve.x):
        return None
    y = curve.intensity
    top, background = int(np.argmax(y)), float(np.median(y))
    below = np.flatnonzero(y < (y[top] + background) / 2)
    before, after = below[below < top], below[below > top]
    if not len(before) or not len(after):
        # It does not fall to half on both sides: the begin of a curve that only falls is no peak.
        return None
    width = float(curve.x[after[0]] - curve.x[before[-1]])
    near = np.abs(curve.x - curve.x[top]) <= _NEAR * width
    start = Gaussian(float(y[top]) - background, float(curve.x[top]), width / 2, background)
    fitted = fit_gaussian(curve.x[near], y[near], curve.error[near], start)
    # A peak whose width or place is not known to a part of the width is none.
    sure = fitted is not None and max(fitted.centre_error, fitted.fwhm_error) < fitted.fwhm
    return fitted if sure else None
