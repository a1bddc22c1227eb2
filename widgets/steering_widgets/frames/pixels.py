"""Detector pixels made fit for a screen: binned first, then mapped to 8 bit.

Binning first makes the mapping cheap: of 2048 x 2048 pixels a view of 512 needs a sixteenth. The maximum is taken, so
that a single hot pixel or a Bragg peak stays visible.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.frame import SATURATED
from steering_widgets.frames.limits import Levels, place_between

# The lowest of the 256 levels stand for what is no count, in a frame that has such: see ``drawing.colours``.
MARK_LEVELS = SATURATED


def native(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return pixels in this machine's byte order, as real numbers."""
    if pixels.dtype.kind == "b":
        return pixels.view(np.uint8)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def binning_of(shape: tuple[int, int], width: float, height: float) -> int:
    """Find how many pixels to bin along each axis so that the screen has one for each that remains."""
    return max(math.ceil(shape[1] / max(width, 1.0)), math.ceil(shape[0] / max(height, 1.0)), 1)


def to_bytes(pixels: NDArray[Any], levels: Levels, marks: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Map counts to 0..255; where there are marks, to ``MARK_LEVELS``..255, and a mark to the level below its number.

    NaN becomes the darkest.
    """
    darkest = 0.0 if marks is None else float(MARK_LEVELS)
    scaled = place_between(pixels, levels)
    scaled *= np.float32(255.0 - darkest)
    scaled += np.float32(darkest)
    if pixels.dtype.kind == "f":
        np.nan_to_num(scaled, copy=False, nan=darkest)
    drawn = scaled.astype(np.uint8)
    if marks is not None:
        np.copyto(drawn, marks - np.uint8(1), where=marks > 0)
    return drawn
