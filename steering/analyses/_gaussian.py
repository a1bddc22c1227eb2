"""A Gaussian on a flat background, fitted to points: a smooth curve for the eye."""

from dataclasses import astuple, dataclass

import numpy as np

from steering.core.block import Floats

_FEWEST_POINTS = 5


@dataclass(frozen=True)
class Gaussian:
    """Height and background in the unit of the values, centre and full width at half maximum in that of the places."""

    height: float
    centre: float
    fwhm: float
    background: float

    def __call__(self, x: Floats) -> Floats:
        """Evaluate at places, shape ``(points,)``."""
        return _curve(x, np.array(astuple(self)))


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
    found = least_squares(
        lambda values: (_curve(x, values) - y) / error, np.array(astuple(start)), method="lm", x_scale="jac"
    )
    height, centre, fwhm, background = (float(value) for value in found.x)
    fwhm = abs(fwhm)
    low, high = float(x.min()), float(x.max())
    if not (found.success and height > 0 and low <= centre <= high and fwhm <= high - low):
        return None
    return Gaussian(height, centre, fwhm, background)


def _curve(x: Floats, values: Floats) -> Floats:
    height, centre, fwhm, background = values
    return height * np.exp(-4 * np.log(2) * ((x - centre) / fwhm) ** 2) + background
