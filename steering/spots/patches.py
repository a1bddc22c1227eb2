"""Fits the peaks of blobs in their frames, a patch of pixels around each."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.pixels import Bad, invalid
from steering.spots.blobs import FRAME, PEAK, PEAK_COLUMN, PEAK_ROW
from steering.spots.fit import SIDE, fit_peaks
from steering.spots.lit import Numbers

Fitter: TypeAlias = Callable[[Numbers], Floats]
"""Fits the peaks of a table of blobs: a row of numbers for each."""

# What is kept of a fit: place and height of the peak.
FIT_ROW, FIT_COLUMN, FIT_HEIGHT = range(3)
FITTED = 3
_HALF = SIDE // 2


def fitter_of(frames: NDArray[Any], bad: Bad, start: int, above: float, dark: Numbers | None = None) -> Fitter:
    """Make what fits the peaks of a block's blobs.

    Args:
        frames: Counts, shape ``(frames, rows, columns)``.
        bad: Which of them are no counts.
        start: Index of the first frame in the stream.
        above: Peaks with fewer counts than this, and those at the edge of a frame, are not fitted.
        dark: Counts of each pixel without beam, which are taken off, shape ``(rows, columns)``.
    """

    def fitted(blobs: Numbers) -> Floats:
        found = np.full((len(blobs), FITTED), np.nan)
        row, column = blobs[:, PEAK_ROW], blobs[:, PEAK_COLUMN]
        inside = (row >= _HALF) & (row < frames.shape[1] - _HALF)
        inside &= (column >= _HALF) & (column < frames.shape[2] - _HALF)
        chosen = np.flatnonzero(inside & (blobs[:, PEAK] >= above))
        if not len(chosen):
            return found
        windows = sliding_window_view(frames, (SIDE, SIDE), (1, 2))
        place = blobs[chosen, FRAME] - start, row[chosen] - _HALF, column[chosen] - _HALF
        counts = windows[place].astype(np.float64)
        counts[_wrong(frames, bad, place)] = np.nan
        if dark is not None:
            counts -= sliding_window_view(dark, (SIDE, SIDE))[place[1:]]
        peaks = fit_peaks(counts)
        found[chosen, FIT_ROW], found[chosen, FIT_COLUMN] = peaks.row + place[1], peaks.column + place[2]
        found[chosen, FIT_HEIGHT] = peaks.height
        return found

    return fitted


def _wrong(frames: NDArray[Any], bad: Bad, place: tuple[Numbers, Numbers, Numbers]) -> NDArray[np.bool_]:
    """Say which pixels of patches are no counts: whether -1 marks one is told by its whole frame."""
    wrong = invalid(frames, bad)
    if wrong is None:
        return np.zeros((len(place[0]), SIDE, SIDE), bool)
    return sliding_window_view(wrong, (SIDE, SIDE), (1, 2))[place]


def of_spots(fits: Floats, spot: Numbers, size: int) -> tuple[Floats, Floats]:
    """Give the place of each spot: the mean of its fitted peaks, by their heights.

    Args:
        fits: Of all blobs, shape ``(blobs, 3)``.
        spot: Number of the spot of each blob.
        size: How many spots there are.

    Returns:
        Rows and columns in pixels; NaN for a spot without a fitted peak.
    """
    known = np.isfinite(fits).all(axis=1) & (fits[:, FIT_HEIGHT] > 0)
    height, where = fits[known, FIT_HEIGHT], spot[known]
    with np.errstate(invalid="ignore"):
        whole = np.bincount(where, height, size)
        row = np.bincount(where, height * fits[known, FIT_ROW], size) / whole
        return row, np.bincount(where, height * fits[known, FIT_COLUMN], size) / whole
