"""Times that are counted from another day than 1970."""

import time
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# EPICS counts from 1990 (in seconds since 1970).
EPICS_EPOCH = 631_152_000.0
# Before 2010 nobody wrote frames that anybody follows now: such a time counts from 1990.
_OLDEST = 1_262_304_000.0
# Clocks of detectors may go fast by a day, but no frame is of tomorrow's tomorrow.
_FUTURE_SECONDS = 2 * 86_400.0


def unix_seconds(times: ArrayLike) -> NDArray[Any]:
    """Turn times in seconds into Unix times: one that would be before 2010 counts from 1990.

    Returns:
        NaN where that gives no time of a frame: before 2010, or in the future.
    """
    found = np.array(times, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        found = np.where((found > 0) & (found < _OLDEST), found + EPICS_EPOCH, found)
        plausible = (found >= _OLDEST) & (found < time.time() + _FUTURE_SECONDS)
    return np.where(plausible, found, np.nan)
