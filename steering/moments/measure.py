"""Sum, maximum and centre of mass of single frames, exactly, without what is no count."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.pixels import NOTHING_BAD, Bad, invalid, top_of
from steering.moments.compiled import compiled_moments

Measures: TypeAlias = tuple[Floats, Floats, Floats, Floats, Floats]
_MEASURES = 5

# Floats hold each whole number below this.
_EXACT = 2.0**53
_EXACT_SINGLE = 2.0**24
# Of integer frames so many bytes are looked at, and converted to so many bytes of floats, at a time.
_LOOKED_AT = _CONVERTED = 1 << 21


def measure_frames(frames: NDArray[Any], bad: Bad = NOTHING_BAD) -> Measures:
    """Measure each frame by itself; what comes of a frame does not depend on which frames are measured with it.

    Args:
        frames: Pixels in counts, shape ``(frames, rows, columns)``.
        bad: Which pixels are no counts, beside those that the detector marked itself.

    Returns:
        Sums and maxima in counts, centres of mass in pixels (row, column), and the share of pixels that are no counts,
        each of shape ``(frames,)``; see :func:`steering.analyses._frames.measure`.
    """
    if not np.issubdtype(frames.dtype, np.integer) or not frames.size:
        rows = np.array([_measure_one(frame, bad) for frame in frames]).reshape(len(frames), _MEASURES)
        return _known(*(rows[:, place].copy() for place in range(_MEASURES)))
    totals, row_moments, column_moments, maxima, masked = compiled_moments(frames, bad) or moments(frames, bad)
    with np.errstate(divide="ignore", invalid="ignore"):
        in_rows = np.where(totals > 0, row_moments / totals, np.nan)
        in_columns = np.where(totals > 0, column_moments / totals, np.nan)
    # Of numbers that are not negative each partial sum is at most the whole. So what came out below 2**53 was exact at
    # each step, in whatever order it was added; the few other frames are summed in integers.
    inexact = np.maximum(np.maximum(row_moments, column_moments), totals) >= _EXACT
    if np.issubdtype(frames.dtype, np.signedinteger):
        inexact |= frames.min(axis=(1, 2)) < 0
    for place in np.flatnonzero(inexact):
        (totals[place], maxima[place], in_rows[place], in_columns[place], masked[place]) = _measure_one(
            frames[place], bad
        )
    return _known(totals, maxima, in_rows, in_columns, masked)


def _known(totals: Floats, maxima: Floats, rows: Floats, columns: Floats, masked: Floats) -> Measures:
    """Nothing is known of a frame of which each pixel is masked."""
    nothing = masked >= 1.0
    totals[nothing] = maxima[nothing] = np.nan
    return totals, maxima, rows, columns, masked


def moments(frames: NDArray[Any], bad: Bad = NOTHING_BAD) -> Measures:
    """Sum integer frames by numpy.

    Returns:
        Sum of the pixels, of pixel times row and of pixel times column, largest pixel, and the share of pixels that are
        no counts, each of shape ``(frames,)``.
    """
    count, high, wide = frames.shape
    totals, in_rows, in_columns, maxima = (np.empty(count) for _ in range(4))
    masked = np.zeros(count)
    row_numbers, column_numbers = np.arange(high, dtype=np.float64), np.arange(wide, dtype=np.float64)
    # A few frames at a time, so that their pixels are fetched from memory once.
    deep = max(1, _LOOKED_AT // max(1, frames[0].nbytes))
    kind = np.float32
    largest = _largest_count(frames, bad)
    for first in range(0, count, deep):
        some, place = frames[first : first + deep], slice(first, first + deep)
        highest = some.max(axis=(1, 2))
        maxima[place] = highest
        # Nothing is looked at a second time where the largest pixel tells.
        wrong = invalid(some, bad) if highest.max() > largest else None
        if wrong is not None:
            some = np.where(wrong, some.dtype.type(0), some)
            maxima[place] = some.max(axis=(1, 2))
            masked[place] = 1.0 - np.count_nonzero(~wrong, axis=(1, 2)) / (high * wide)
        rows, columns = _profiles(some, kind)
        # Numbers that are not negative were added exactly if what came out is below 2**24, in whatever order.
        large = np.flatnonzero(np.maximum(rows.max(axis=1), columns.max(axis=1)) >= _EXACT_SINGLE)
        if kind is np.float32 and len(large):
            rows[large], columns[large] = _profiles(some[large], np.float64)
        # The next frames will be about as bright.
        kind = np.float64 if len(large) else np.float32
        totals[place] = rows.sum(axis=1)
        in_rows[place], in_columns[place] = rows @ row_numbers, columns @ column_numbers
    return totals, in_rows, in_columns, maxima, masked


def _largest_count(frames: NDArray[Any], bad: Bad) -> float:
    """Return the number up to which each pixel is a count; minus infinity where no such number tells."""
    if bad.mask is not None or frames.dtype.kind != "u":
        return -np.inf
    top = top_of(frames.dtype, bad.saturated)
    return np.inf if top is None else top


def _profiles(frames: NDArray[Any], kind: "type[np.float32 | np.float64]") -> tuple[Floats, Floats]:
    """Sums of each row and of each column of each frame, by BLAS in floats of a kind."""
    count, high, wide = frames.shape
    rows, columns = np.empty((count, high)), np.zeros((count, wide))
    # A few frames, or some rows of one, at a time: what is converted stays in the cache until it is summed, and BLAS
    # starts no threads for so little, which would only get in the way of the other workers.
    pixels = _CONVERTED // np.dtype(kind).itemsize
    band = max(1, min(high, pixels // wide))
    deep = max(1, pixels // (high * wide)) if band == high else 1
    converted = np.empty((min(deep, count), band, wide), kind)
    along, across = np.ones(wide, kind), np.ones((1, band), kind)
    for first in range(0, count, deep):
        for top in range(0, high, band):
            some = frames[first : first + deep, top : top + band]
            part = converted[: some.shape[0], : some.shape[1]]
            np.copyto(part, some)
            rows[first : first + deep, top : top + band] = part @ along
            columns[first : first + deep] += (across[:, : some.shape[1]] @ part)[:, 0]
    return rows, columns


def _measure_one(frame: NDArray[Any], bad: Bad) -> tuple[float, float, float, float, float]:
    """Sum and maximum in counts, centre of mass in pixels, and share of pixels that are no counts, of one frame."""
    # Floats sum to other last bits in another memory layout.
    pixels = np.ascontiguousarray(frame)
    wrong, masked = invalid(pixels, bad), 0.0
    if wrong is not None:
        masked = 1.0 - np.count_nonzero(~wrong) / wrong.size
        pixels = np.where(wrong, pixels.dtype.type(0), pixels)
    if not pixels.size:
        return 0.0, float("nan"), float("nan"), float("nan"), 0.0
    wide = np.int64 if np.issubdtype(pixels.dtype, np.integer) else np.float64
    rows, columns = pixels.sum(axis=1, dtype=wide), pixels.sum(axis=0, dtype=wide)
    total = rows.sum()
    return float(total), float(pixels.max()), _centre(rows, total), _centre(columns, total), masked


def _centre(profile: NDArray[Any], total: Any) -> float:
    """Centre of mass of a profile in pixels; NaN where there are no counts."""
    if not total > 0:
        return float("nan")
    return float(profile @ np.arange(len(profile), dtype=np.float64) / total)
