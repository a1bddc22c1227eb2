"""By how much something changed while it was watched."""

import numpy as np

from steering.core.block import Floats

_FEWEST = 3


def drift_of(values: Floats, errors: Floats) -> tuple[float, float] | None:
    """Say by how much values changed from the first to the last, in percent of their mean, by a straight line.

    What they scatter around the line counts where that is more than their errors say.

    Args:
        values: At equal distances, shape ``(points,)``; NaN where nothing is known.
        errors: Their standard deviations.

    Returns:
        The change and its standard deviation in percent; nothing for fewer than three known values, or a mean that is
        not above 0.
    """
    use = np.isfinite(values) & np.isfinite(errors) & (errors > 0)
    if use.sum() < _FEWEST or not values[use].mean() > 0:
        return None
    along = np.linspace(-0.5, 0.5, len(values))[use]
    weight = 1 / errors[use] ** 2
    middle = np.average(along, weights=weight)
    inertia = float(np.sum(weight * (along - middle) ** 2))
    mean = float(np.average(values[use], weights=weight))
    slope = float(np.sum(weight * (along - middle) * (values[use] - mean))) / inertia
    left = values[use] - mean - slope * (along - middle)
    spread = max(float(np.sum(weight * left**2)) / (len(left) - 2), 1.0)
    return 100 * slope / mean, 100 * float(np.sqrt(spread / inertia)) / mean
