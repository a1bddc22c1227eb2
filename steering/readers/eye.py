"""Frames made fit for a screen: binned by their maximum, without what is no count."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.frame import Frame
from steering.core.pixels import NOTHING_BAD, Bad, Bools, invalid

# Frames larger than this along an axis are binned before they are sent: no screen shows more.
LARGEST_SIDE = 1024


def for_the_eye(frame: Frame, bad: Bad = NOTHING_BAD, largest: int = LARGEST_SIDE) -> Frame:
    """Leave out what is no count, and bin a frame that is larger than a screen.

    Args:
        frame: With pixels of shape ``(rows, columns)`` as they were read.
        bad: Which pixels are no counts, beside those that the detector marked itself.
        largest: Most pixels along an axis.
    """
    pixels = frame.pixels
    wrong = invalid(pixels, bad)
    masked = 0.0
    if wrong is not None:
        masked = float(wrong.mean())
        pixels = np.where(wrong, pixels.dtype.type(0), pixels)
    factor = max(-(-max(pixels.shape) // largest), 1)
    shown = None if wrong is None else all_bad(wrong, factor)
    return replace(frame, pixels=bin_maximum(pixels, factor), binning=factor, bad=shown, masked=masked)


def bin_maximum(pixels: NDArray[Any], factor: int) -> NDArray[Any]:
    """Bin squares of ``factor`` pixels to their maximum; squares that the edge cuts hold what is left of them.

    The maximum keeps single hot pixels and Bragg peaks visible.
    """
    # Rows first: they are contiguous, and it leaves a part of the work that the strided columns cost.
    return _bin_rows(_bin_rows(pixels, factor).T, factor).T if factor > 1 else pixels


def all_bad(bad: Bools, factor: int) -> Bools:
    """Say which squares of ``factor`` pixels hold no count at all."""
    return ~bin_maximum(~bad, factor)


def _bin_rows(pixels: NDArray[Any], factor: int) -> NDArray[Any]:
    binned = pixels[::factor].copy()
    for offset in range(1, factor):
        rows = pixels[offset::factor]
        np.maximum(binned[: len(rows)], rows, out=binned[: len(rows)])
    return binned
