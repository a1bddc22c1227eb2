"""What a scan is steered on: how many blobs and spots there are, how bright, and how wide in each direction."""

import numpy as np

from steering.core.block import Floats
from steering.core.result import Feature
from steering.hedm.angles import Angles
from steering.hedm.spots import Spots
from steering.spots.lit import Numbers

# Of a normal distribution: its standard deviation over the median of the distances from the median, and the error of
# a median over that of a mean.
_OF_MEDIAN, _LESS_SURE = 1.4826, 1.2533


def median_of(values: Floats) -> tuple[float, float]:
    """Give the median of some values and its standard error; NaN for none, and an unknown error for one."""
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan")
    middle = float(np.median(known))
    if len(known) == 1:
        return middle, float("nan")
    spread = _OF_MEDIAN * float(np.median(np.abs(known - middle)))
    return middle, _LESS_SURE * spread / float(np.sqrt(len(known)))


def features_of(spots: Spots, angles: Angles, chosen: Numbers, blobs: int) -> dict[str, Feature]:
    """Name numbers to steer on.

    Args:
        spots: Of all sweeps.
        angles: Of the same spots.
        chosen: Places of the spots of the newest sweep that are large enough.
        blobs: How many the newest frame has.
    """
    counted = {
        "spots": Feature(float(len(chosen)), float(np.sqrt(len(chosen))), "1"),
        "all_spots": Feature(float(len(spots.sweep)), 0.0, "1"),
        "blobs": Feature(float(blobs), float(np.sqrt(blobs)), "1"),
    }
    if not len(chosen):
        return counted
    # The first one is what a page shows first.
    found: dict[str, Feature] = {}
    for name, values, units in (
        ("eta_width", angles.eta_width, "deg"),
        ("radial_width", angles.radius_width, angles.units),
        ("omega_width", spots.omega_width, "deg"),
        ("spot_intensity", spots.intensity, "counts"),
    ):
        middle, error = median_of(values[chosen])
        found[name] = Feature(middle, error, units)
    top = float(spots.maximum[chosen].max())
    found["maximum"] = Feature(top, float(np.sqrt(top)), "counts")
    return {name: one for name, one in (found | counted).items() if np.isfinite(one.value)}
