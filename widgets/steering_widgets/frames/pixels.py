"""Detector pixels made fit for a screen: binned first, then mapped to 8 bit.

Binning first makes the mapping cheap: of 2048 x 2048 pixels a view of 512 needs a sixteenth. The maximum is taken, so
that a single hot pixel or a Bragg peak stays visible.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Levels are taken from at most about so many pixels.
_LEVEL_SAMPLE = 65_536


@dataclass(frozen=True)
class Levels:
    """What is drawn darkest and brightest, in counts, and whether steps in between are logarithmic."""

    low: float
    high: float
    log: bool


def native(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return pixels in this machine's byte order, as real numbers."""
    if pixels.dtype.kind == "b":
        return pixels.view(np.uint8)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def binning_of(shape: tuple[int, int], width: float, height: float) -> int:
    """Find how many pixels to bin along each axis so that the screen has one for each that remains."""
    return max(math.ceil(shape[1] / max(width, 1.0)), math.ceil(shape[0] / max(height, 1.0)), 1)


def find_levels(
    pixels: NDArray[Any], low: float, high: float, *, log: bool, bad: NDArray[np.bool_] | None = None
) -> Levels:
    """Find the counts between which to draw.

    Args:
        pixels: Binned pixels.
        low: Percentile drawn darkest.
        high: Percentile drawn brightest; 100 is the very maximum.
        log: Whether steps in between are logarithmic; then the darkest level is above 0.
        bad: Pixels that are no counts.
    """
    counts = pixels if bad is None else pixels[~bad]
    values = counts[np.isfinite(counts)] if pixels.dtype.kind == "f" else counts.ravel()
    if values.size == 0:
        return Levels(1.0 if log else 0.0, 2.0 if log else 1.0, log)
    sample = values[:: max(values.size // _LEVEL_SAMPLE, 1)]
    bottom, top = (float(value) for value in np.percentile(sample, (low, high)))
    top = float(values.max()) if high >= 100 else top
    bottom = float(values.min()) if low <= 0 else bottom
    if not log:
        return Levels(bottom, top if top > bottom else bottom + 1.0, log)
    top = max(top, 2.0) if pixels.dtype.kind in "ui" else max(top, float(np.finfo(np.float32).tiny))
    # Counts below one photon, or six decades below the top, are all the same dark.
    floor = 0.5 if pixels.dtype.kind in "ui" else top * 1e-6
    bottom = max(bottom, floor)
    return Levels(bottom, top if top > bottom else bottom * 2.0, log)


def to_bytes(pixels: NDArray[Any], levels: Levels, bad: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
    """Map counts to 0..255, or to 1..255 where 0 stands for pixels that are no counts; NaN becomes the darkest."""
    scaled = pixels.astype(np.float32)
    low, high = levels.low, levels.high
    if levels.log:
        np.maximum(scaled, np.float32(low), out=scaled)
        np.log(scaled, out=scaled)
        low, high = float(np.log(low)), float(np.log(high))
    darkest = 0.0 if bad is None else 1.0
    scaled -= np.float32(low)
    scaled *= np.float32((255.0 - darkest) / (high - low))
    scaled += np.float32(darkest)
    np.clip(scaled, darkest, 255.0, out=scaled)
    if pixels.dtype.kind == "f":
        np.nan_to_num(scaled, copy=False, nan=darkest)
    drawn = scaled.astype(np.uint8)
    if bad is not None:
        drawn[bad] = 0
    return drawn
