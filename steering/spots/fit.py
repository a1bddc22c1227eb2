"""Fits many peaks at once: a pseudo-Voigt in two dimensions on a flat background, by Levenberg-Marquardt.

Each peak has a damping and an end of its own, so its numbers do not depend on the peaks beside it. A fit in a loop over
peaks costs ten times as much, most of it for the loop.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats

SIDE = 11
_LN2 = float(np.log(2))
# Height, place and half widths along rows and columns, share of the Lorentzian, background.
_HEIGHT, _ROW, _COLUMN, _HIGH, _WIDE, _MIX, _BASE = range(7)
_NUMBERS = 7
_LOW = np.array([-np.inf, 0, 0, 0.3, 0.3, 0, -np.inf])
_TOP = np.array([np.inf, SIDE - 1, SIDE - 1, SIDE / 2, SIDE / 2, 1, np.inf])
_MOST_TURNS = 12
_ENOUGH, _SMALL = 1e-3, 1e-12
_DAMPING, _LESS, _MORE = 1e-2, 0.2, 6.0
_DOWN, _RIGHT = (one.ravel().astype(np.float64) for one in np.indices((SIDE, SIDE)))
_FLOOR = SIDE * SIDE // 8


@dataclass(frozen=True, eq=False)
class Peaks:
    """Fitted peaks, all of shape ``(peaks,)``; NaN where there is nothing to fit.

    Attributes:
        row: In pixels of the patch, from 0.
        column: Likewise.
        height: In counts.
        row_width: Half of the full width at half maximum, in pixels.
        column_width: Likewise.
        mix: Share of the Lorentzian, 0 to 1.
        background: In counts.
        misfit: Mean squared residual in units of the variance of the counts.
    """

    row: Floats
    column: Floats
    height: Floats
    row_width: Floats
    column_width: Floats
    mix: Floats
    background: Floats
    misfit: Floats


def fit_peaks(patches: NDArray[np.generic]) -> Peaks:
    """Fit a peak in the middle of each patch.

    Args:
        patches: Counts, shape ``(peaks, 11, 11)``; NaN for a pixel that is no count.

    Raises:
        ValueError: If they have another shape.
    """
    if patches.ndim != 3 or patches.shape[1:] != (SIDE, SIDE):
        message = f"patches have shape {patches.shape}. Allowed: (peaks, {SIDE}, {SIDE})."
        raise ValueError(message)
    counts = patches.reshape(len(patches), SIDE * SIDE).astype(np.float64)
    known = np.isfinite(counts)
    counts = np.where(known, counts, 0.0)
    usable = known.sum(axis=1) > 2 * _NUMBERS
    # Of few counts the variance is that of the next larger one.
    weights = known / np.sqrt(np.maximum(counts, 0) + 1)
    found = _begin(counts, known)
    misfit = np.full(len(counts), np.nan)
    active = np.flatnonzero(usable)
    damping = np.full(len(counts), _DAMPING)
    for _ in range(_MOST_TURNS):
        if not len(active):
            break
        active = _turn(counts, weights, found, misfit, damping, active)
    found[~usable] = np.nan
    freedom = np.maximum(known.sum(axis=1) - _NUMBERS, 1)
    height, row, column, high, wide, mix, base = found.T
    return Peaks(row, column, height, high, wide, mix, base, misfit / freedom)


def _begin(counts: Floats, known: NDArray[np.bool_]) -> Floats:
    """Guess: the brightest pixel, and the centre of mass around it."""
    base = np.partition(np.where(known, counts, np.inf), _FLOOR, axis=1)[:, _FLOOR]
    base = np.where(np.isfinite(base), base, 0.0)
    top = counts.argmax(axis=1)
    up, left = np.divmod(top, SIDE)
    above = np.maximum(counts - base[:, np.newaxis], 0)
    above *= (np.abs(_DOWN - up[:, np.newaxis]) <= 2) & (np.abs(_RIGHT - left[:, np.newaxis]) <= 2)
    whole = np.maximum(above.sum(axis=1), _SMALL)
    row, column = above @ _DOWN / whole, above @ _RIGHT / whole
    found = np.empty((len(counts), _NUMBERS))
    found[:, _HEIGHT] = np.maximum(counts[np.arange(len(counts)), top] - base, 1.0)
    found[:, _ROW], found[:, _COLUMN] = row, column
    found[:, _HIGH] = found[:, _WIDE] = 1.5
    found[:, _MIX], found[:, _BASE] = 0.3, base
    return np.clip(found, _LOW, _TOP)


def _turn(
    counts: Floats, weights: Floats, found: Floats, misfit: Floats, damping: Floats, active: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Improve the peaks that are not done yet; return those that are not done then."""
    now, weight, seen = found[active], weights[active], counts[active]
    model, slopes = _model(now)
    off = (seen - model) * weight
    before = (off * off).sum(axis=1)
    misfit[active] = before
    slopes *= weight[:, np.newaxis]
    square = slopes @ slopes.transpose(0, 2, 1)
    towards = (slopes @ off[:, :, np.newaxis])[:, :, 0]
    diagonal = np.arange(_NUMBERS)
    square[:, diagonal, diagonal] = square[:, diagonal, diagonal] * (1 + damping[active, np.newaxis]) + 1e-9
    step = np.linalg.solve(square, towards[:, :, np.newaxis])[:, :, 0]
    tried = np.clip(now + step, _LOW, _TOP)
    off = (seen - _shape(tried)[0]) * weight
    after = (off * off).sum(axis=1)
    better = after < before
    found[active[better]] = tried[better]
    misfit[active[better]] = after[better]
    damping[active] *= np.where(better, _LESS, _MORE)
    moved = np.abs(tried[:, [_ROW, _COLUMN]] - now[:, [_ROW, _COLUMN]]).max(axis=1)
    done = better & (moved < _ENOUGH) & (before - after < 1e-3 * before)
    return active[~(done | (damping[active] > 1e6))]


def _shape(now: Floats) -> tuple[Floats, tuple[Floats, ...]]:
    """Give the counts that peaks have, and what their slopes are made of."""
    high, wide = now[:, _HIGH, np.newaxis], now[:, _WIDE, np.newaxis]
    down, right = (_DOWN - now[:, _ROW, np.newaxis]) / high, (_RIGHT - now[:, _COLUMN, np.newaxis]) / wide
    squared = down * down + right * right
    lorentz, gauss = 1 / (1 + squared), np.exp(-_LN2 * squared)
    mix, height = now[:, _MIX, np.newaxis], now[:, _HEIGHT, np.newaxis]
    both = mix * lorentz + (1 - mix) * gauss
    return height * both + now[:, _BASE, np.newaxis], (down, right, lorentz, gauss, both, high, wide, mix, height)


def _model(now: Floats) -> tuple[Floats, Floats]:
    """Give the counts of peaks, shape ``(peaks, 121)``, and their slopes, shape ``(peaks, 7, 121)``."""
    model, (down, right, lorentz, gauss, both, high, wide, mix, height) = _shape(now)
    fall = -2 * height * (mix * lorentz * lorentz + (1 - mix) * _LN2 * gauss)
    slopes = np.empty((len(now), _NUMBERS, SIDE * SIDE))
    slopes[:, _HEIGHT], slopes[:, _MIX], slopes[:, _BASE] = both, height * (lorentz - gauss), 1.0
    slopes[:, _ROW] = -fall * down / high
    slopes[:, _COLUMN] = -fall * right / wide
    slopes[:, _HIGH], slopes[:, _WIDE] = slopes[:, _ROW] * down, slopes[:, _COLUMN] * right
    return model, slopes
