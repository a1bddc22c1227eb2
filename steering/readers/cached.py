"""What a frame cache of hexrd holds, however it is written."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats

_MOST_SIDE, _MOST_FRAMES = 1 << 14, 1 << 20
_OLD = 2


@dataclass(frozen=True, eq=False)
class FrameCache:
    """What a frame cache holds.

    Attributes:
        frames: How many.
        shape: Rows and columns.
        dtype: Of a pixel.
        omega: Angle in the middle of each frame in degrees, shape ``(frames,)``; nothing if it does not say.
    """

    frames: int
    shape: tuple[int, int]
    dtype: "np.dtype[Any]"
    omega: Floats | None


# What an open one holds, and what reads rows, columns and counts of the bright pixels of a frame.
Bright: TypeAlias = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
OpenCache: TypeAlias = tuple[FrameCache, Callable[[int], Bright]]


def checked(sides: Any, count: int, kind: "np.dtype[Any]", omega: Any) -> FrameCache:
    """Return what a cache says that it holds: its shape, how many frames, their type and its array of angles, if any.

    Raises:
        ValueError: If that cannot be.
    """
    shape = [int(side) for side in np.asarray(sides).reshape(-1)]
    if len(shape) != 2 or not all(0 < side <= _MOST_SIDE for side in shape) or not 0 < count <= _MOST_FRAMES:
        message = f"its shape is {shape} px and it has {count} frames; allowed are two sides and one frame or more"
        raise ValueError(message)
    if kind.kind not in "biuf":
        message = f"its pixels are {kind}; allowed are numbers"
        raise ValueError(message)
    return FrameCache(count, (shape[0], shape[1]), kind, None if omega is None else _omega(np.asarray(omega), count))


def _omega(told: NDArray[Any], count: int) -> Floats | None:
    """Return the middle of each frame in degrees; nothing of what is written in another way."""
    if told.dtype.kind not in "iuf":
        return None
    if told.ndim == 2 and told.shape == (count, 2):
        return told.astype(np.float64).mean(axis=1)
    if told.shape == (_OLD,):
        return np.asarray(np.degrees(float(told[0]) + float(told[1]) * (np.arange(count) + 0.5)), np.float64)
    return None
