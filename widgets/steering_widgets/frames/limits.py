"""Between which counts a frame is drawn, in which steps, and how its counts are spread about them."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCALES = ("linear", "log", "sqrt")
# Automatic limits, as percentiles of the counts: a few hot pixels would darken all others.
LOW_PERCENTILE, HIGH_PERCENTILE = 0.0, 99.9
# Percentiles are taken from at most about so many pixels.
_SAMPLE = 65_536
BARS = 64


@dataclass(frozen=True)
class Levels:
    """What is drawn darkest and brightest, in counts, and in which steps between: one of ``SCALES``."""

    low: float
    high: float
    scale: str = "linear"


def find_levels(
    pixels: NDArray[Any],
    low: float | None,
    high: float | None,
    scale: str = "linear",
    bad: NDArray[np.bool_] | None = None,
) -> Levels:
    """Find the counts between which to draw; they are always in order.

    Args:
        pixels: Binned pixels.
        low: Counts drawn darkest; ``None`` finds them.
        high: Counts drawn brightest; ``None`` finds them.
        scale: One of ``SCALES``; on a logarithmic one the darkest level is above 0.
        bad: Pixels that are no counts.
    """
    log, whole = scale == "log", pixels.dtype.kind in "ui"
    bottom, top = (low, high) if low is not None and high is not None else _find_ends(pixels, bad, low, high)
    if not log:
        return Levels(bottom, top if top > bottom else bottom + 1.0, scale)
    if high is None:
        top = max(top, 2.0) if whole else top
    # Counts below one photon, or six decades below the top, are all the same dark.
    floor = 0.5 if whole else max(top * 1e-6, float(np.finfo(np.float32).tiny))
    bottom = max(bottom, floor)
    return Levels(bottom, top if top > bottom else bottom * 2.0, scale)


def _find_ends(
    pixels: NDArray[Any], bad: NDArray[np.bool_] | None, low: float | None, high: float | None
) -> tuple[float, float]:
    counts = pixels.ravel() if bad is None else pixels[~bad]
    values = counts[np.isfinite(counts)] if pixels.dtype.kind == "f" else counts
    if values.size == 0:
        return 0.0 if low is None else low, 1.0 if high is None else high
    sample = values[:: max(values.size // _SAMPLE, 1)]
    top = float(np.percentile(sample, HIGH_PERCENTILE)) if high is None else high
    return float(values.min()) if low is None else low, top


def place_between(pixels: NDArray[Any], levels: Levels) -> NDArray[np.float32]:
    """Say where counts lie between the levels: 0 is the darkest and 1 the brightest, what is outside is cut off.

    NaN stays NaN.
    """
    scaled = pixels.astype(np.float32)
    low, high = levels.low, levels.high
    if levels.scale == "log":
        np.maximum(scaled, np.float32(low), out=scaled)
        np.log(scaled, out=scaled)
        low, high = math.log(low), math.log(high)
    scaled -= np.float32(low)
    scaled *= np.float32(1.0 / (high - low))
    np.clip(scaled, 0.0, 1.0, out=scaled)
    if levels.scale == "sqrt":
        np.sqrt(scaled, out=scaled)
    return scaled


@dataclass(frozen=True)
class Histogram:
    """How many pixels have how many counts.

    Attributes:
        pixels: Of each bar, shape ``(BARS,)``; the bars are equally wide on the scale.
        low: Counts at which the first bar begins.
        high: Counts at which the last one ends. What lies outside is in the first and the last.
    """

    pixels: list[int]
    low: float
    high: float


def make_histogram(pixels: NDArray[Any], levels: Levels, bad: NDArray[np.bool_] | None = None) -> Histogram:
    """Count the shown pixels, about as far below and above the levels as these lie apart, if there are counts.

    Args:
        pixels: Binned pixels.
        levels: Between which they are drawn.
        bad: Pixels that are no counts.
    """
    counts = pixels.ravel() if bad is None else pixels[~bad]
    values = counts[np.isfinite(counts)] if pixels.dtype.kind == "f" else counts
    if values.size == 0:
        return Histogram([0] * BARS, levels.low, levels.high)
    least, most = float(values.min()), float(values.max())
    if levels.scale == "log":
        ratio = levels.high / levels.low
        below, above = levels.low / ratio, levels.high * ratio
    else:
        width = levels.high - levels.low
        below, above = levels.low - width, levels.high + width
    low = min(levels.low, max(least, below))
    high = max(levels.high, min(most, above))
    bars = (place_between(values, Levels(low, high, levels.scale)) * np.float32(BARS)).astype(np.intp)
    np.minimum(bars, BARS - 1, out=bars)
    return Histogram([int(bar) for bar in np.bincount(bars, minlength=BARS)], low, high)
