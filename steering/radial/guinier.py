"""The radius of gyration, by Guinier's law: I(q) = I(0) exp(-(q Rg)^2 / 3) where q Rg is small.

The counts of the rings are those of Poisson with this mean, so I(0) and Rg are those with the greatest likelihood. No
logarithm of a count is taken: rings with few counts, or none, are as good as others.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.result import Feature
from steering.radial.curve import RadialCurve, Range

# Up to this q Rg the law holds for compact particles.
_REACH = 1.3
_FEWEST_RINGS = 4
_MOST_ROUNDS = 30
_SETTLED = 1e-10


@dataclass(frozen=True)
class Guinier:
    """What was fitted.

    Attributes:
        intensity: I(0), in the unit of the curve.
        intensity_error: Its standard deviation.
        radius: Rg in angstrom.
        radius_error: Its standard deviation.
        last: The largest q that was used, in 1/angstrom.
        first: The smallest.
    """

    intensity: float
    intensity_error: float
    radius: float
    radius_error: float
    first: float
    last: float

    def features(self, units: str) -> Mapping[str, Feature]:
        """Name its numbers; units are those of the curve."""
        return {
            "radius_of_gyration": Feature(self.radius, self.radius_error, "angstrom"),
            "forward_intensity": Feature(self.intensity, self.intensity_error, units),
        }

    def __call__(self, q: Floats) -> Floats:
        """Evaluate at places; NaN where it was not fitted."""
        inside = (q >= self.first) & (q <= self.last)
        return np.where(inside, self.intensity * np.exp(-((q * self.radius) ** 2) / 3), np.nan)


def fit_guinier(curve: RadialCurve, limits: Range) -> Guinier | None:
    """Fit the part of a range in which q Rg is at most 1.3.

    Args:
        curve: Along q in 1/angstrom.
        limits: Lowest and highest q.

    Returns:
        The fit; nothing where fewer than four rings are left, or the intensity does not fall with q.
    """
    part = curve.within(limits)
    last, found = math.inf, None
    for _ in range(_MOST_ROUNDS):
        # The rings that are used follow from the radius, and the radius from them.
        used = part.x <= last
        found = _fitted(part, used)
        if found is None or _REACH / found.radius == last:
            return found
        last = _REACH / found.radius
        if (used == (part.x <= last)).all():
            return found
    # It goes to and fro between neighbouring rings: any of them will do.
    return found


def _fitted(part: RadialCurve, used: NDArray[np.bool_]) -> Guinier | None:
    """Fit rings by iterated weighted least squares of the logarithm of the mean, as is done for counts."""
    counts, seen = part.counts[used], part.seen[used]
    if len(counts) < _FEWEST_RINGS or not counts.sum() > 0:
        return None
    squares = part.x[used] ** 2
    level, slope = math.log(counts.sum() / seen.sum()), 0.0
    scale = float(squares.max())
    along = squares / scale
    for _ in range(_MOST_ROUNDS):
        mean = seen * np.exp(level + slope * along)
        left = counts - mean
        sums = [float(np.sum(mean * along**power)) for power in range(3)]
        pulls = [float(np.sum(left * along**power)) for power in range(2)]
        inertia = sums[0] * sums[2] - sums[1] ** 2
        if not (inertia > 0 and math.isfinite(inertia)):
            return None
        up = (sums[2] * pulls[0] - sums[1] * pulls[1]) / inertia
        tilt = (sums[0] * pulls[1] - sums[1] * pulls[0]) / inertia
        # From far away a whole step may overshoot.
        whole = max(abs(up), abs(tilt))
        level, slope = (one + step / max(whole, 1.0) for one, step in ((level, up), (slope, tilt)))
        if whole < _SETTLED:
            break
    else:
        return None
    if not slope < 0:
        return None
    radius = math.sqrt(-3 * slope / scale)
    radius_error = 1.5 * math.sqrt(sums[0] / inertia) / scale / radius
    intensity = math.exp(level)
    intensity_error = intensity * math.sqrt(sums[2] / inertia)
    first, last = float(part.x[used][0]), float(part.x[used][-1])
    return Guinier(intensity, intensity_error, radius, radius_error, first, last)
