"""Whether frames follow one another at the same pace."""

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats

# A clock that is read back jitters by less.
_JITTER = 1e-3


def paces_of(period: Floats) -> NDArray[np.int64]:
    """Number the stretches of frames of one pace.

    Args:
        period: Of each frame in seconds, shape ``(frames,)``; those that are not known are of one pace.

    Returns:
        From 0, rising, of that shape.
    """
    return np.concatenate([[0], np.cumsum(~same_pace(period[:-1], period[1:]))])


def same_pace(before: Floats | float, after: Floats | float) -> NDArray[np.bool_]:
    """Say whether periods in seconds, or arrays of them, are the same but for what a clock jitters."""
    one, other = np.asarray(before, np.float64), np.asarray(after, np.float64)
    with np.errstate(invalid="ignore"):
        near = np.abs(one - other) <= _JITTER * np.abs(one)
    return np.asarray(near | (one == other) | (np.isnan(one) & np.isnan(other)))
