"""A Gaussian on a flat background, fitted to points."""

import math
from dataclasses import dataclass

import numpy as np

from steering.core.block import Floats

_FEWEST_POINTS = 5
# Half of the height is reached half a width from the centre.
_EXPONENT = -4 * math.log(2)


@dataclass(frozen=True)
class Gaussian:
    """Height and background in the unit of the values, centre and full width at half maximum in that of the places.

    Attributes:
        centre_error: Standard deviation of the centre; NaN where it is not known.
        fwhm_error: Likewise of the width.
    """

    height: float
    centre: float
    fwhm: float
    background: float
    centre_error: float = math.nan
    fwhm_error: float = math.nan

    @property
    def values(self) -> Floats:
        """What is fitted, in the order of the fields, shape ``(4,)``."""
        return np.array([self.height, self.centre, self.fwhm, self.background])

    def __call__(self, x: Floats) -> Floats:
        """Evaluate at places, shape ``(points,)``."""
        return _curve(x, self.values)


def fit_gaussian(x: Floats, y: Floats, error: Floats, start: Gaussian) -> Gaussian | None:
    """Fit to points by least squares (Levenberg-Marquardt).

    Args:
        x: Places, shape ``(points,)``.
        y: Values there.
        error: Their standard deviations, above 0.
        start: Where to begin.

    Returns:
        The Gaussian; nothing for fewer than five points, or where the fit does not converge to a peak between the first
        and the last of them that is no wider than all of them.
    """
    from scipy.optimize import least_squares

    if len(x) < _FEWEST_POINTS:
        return None

    def slopes(values: Floats) -> Floats:
        return _slopes(x, values) / error[:, None]

    found = least_squares(
        lambda values: (_curve(x, values) - y) / error,
        start.values,
        jac=slopes,
        method="lm",
        x_scale="jac",
    )
    height, centre, fwhm, background = (float(value) for value in found.x)
    fwhm = abs(fwhm)
    low, high = float(x.min()), float(x.max())
    if not (found.success and height > 0 and low <= centre <= high and fwhm <= high - low):
        return None
    return Gaussian(height, centre, fwhm, background, *_errors(found.jac, found.fun))


def _errors(slopes: Floats, residuals: Floats) -> tuple[float, float]:
    """Return the standard deviations of centre and width, from the covariance of the fit.

    The points' errors are those of counting. Where the points scatter more than that, so do the values: the covariance
    is scaled by the reduced chi square then, and never below what counting allows.

    Args:
        slopes: Derivatives of the residuals by the values, shape ``(points, 4)``.
        residuals: In standard deviations, shape ``(points,)``.
    """
    free = len(residuals) - slopes.shape[1]
    try:
        covariance = np.linalg.inv(slopes.T @ slopes)
    except np.linalg.LinAlgError:
        return math.nan, math.nan
    scatter = max(float(residuals @ residuals) / free, 1.0) if free > 0 else 1.0
    return _root(covariance[1, 1] * scatter), _root(covariance[2, 2] * scatter)


def _root(variance: float) -> float:
    """Take the root; a matrix that is nearly singular means nothing, and may have variances below 0."""
    return math.sqrt(variance) if variance > 0 else math.nan


def _curve(x: Floats, values: Floats) -> Floats:
    height, centre, fwhm, background = values
    return height * np.exp(_EXPONENT * ((x - centre) / fwhm) ** 2) + background


def _slopes(x: Floats, values: Floats) -> Floats:
    """Derivatives of the curve by each value, shape ``(points, 4)``."""
    height, centre, fwhm, _ = values
    away = (x - centre) / fwhm
    part = np.exp(_EXPONENT * away**2)
    slope = -2 * _EXPONENT * height / fwhm * away * part
    return np.stack([part, slope, slope * away, np.ones_like(x)], axis=1)
