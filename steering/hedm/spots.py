"""Spots: blobs of neighbouring frames that touch, where the rotation goes on from one frame to the next.

A wedge is what was rotated through in one go. It ends where a frame is missing or crowded, where the angle jumps, stays
or turns back, where its position was lost, and where another sweep begins; no spot reaches over such a break. Spots are
compared by sweeps: a sweep is all frames of an event, whether or not a detector came late in it, or a wedge where each
frame is an event.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.hedm.run import CROWDED, EXPOSURE, INSIDE, OMEGA, SLOW, Run
from steering.spots.blobs import COLUMN, COLUMN_COLUMN, FRAME, PEAK, PIXELS, ROW, ROW_COLUMN, ROW_ROW, SUM
from steering.spots.components import grouped
from steering.spots.lit import Numbers

# A step of the rotation may differ so much from the usual one, which is the median; and be so large within an event,
# where a detector may have come late.
_LEAST_STEP, _MOST_STEP, _LATE_STEP = 0.5, 1.5, 2.5


@dataclass(frozen=True, eq=False)
class Spots:
    """Spots, in the order of their first frames; all arrays have shape ``(spots,)``.

    Attributes:
        wedge: Number of the wedge, from 0.
        sweep: Number of the sweep, from 0.
        frames: In how many frames each is.
        first: Index of its first frame in the stream.
        pixels: In how many pixels of all frames.
        intensity: Sum of its counts.
        maximum: Its largest count.
        row: Centre of mass, in pixels.
        column: Likewise.
        row_row: Variance along the rows in square pixels.
        column_column: Along the columns.
        row_column: Covariance.
        omega: Centre of mass along the rotation, in degrees; NaN where angles are not known.
        omega_width: Standard deviation along it.
        slow: Mean position of the slow axis.
        exposure: Mean exposure of a frame in seconds; NaN where nobody says.
        blob: For each blob of the runs, in their order, the number of its spot.
    """

    wedge: Numbers
    sweep: Numbers
    frames: Numbers
    first: Numbers
    pixels: Numbers
    intensity: Floats
    maximum: Floats
    row: Floats
    column: Floats
    row_row: Floats
    column_column: Floats
    row_column: Floats
    omega: Floats
    omega_width: Floats
    slow: Floats
    exposure: Floats
    blob: Numbers


def goes_on(
    omega: Floats, crowded: NDArray[np.bool_], inside: Floats, wedge: int = 0, start: int = 0
) -> NDArray[np.bool_]:
    """Say of each frame but the last whether the rotation goes on from it to the next.

    Within an event an axis may slow down, or arrive before the last frames are taken; from one event to the next the
    same angle means that another sweep begins.

    Args:
        omega: Angle of each frame in degrees, shape ``(frames,)``; NaN throughout where nobody says.
        crowded: Whether a frame was left out, of that shape.
        inside: Index of each frame in its event.
        wedge: So many frames are a wedge; 0 where angles alone say it.
        start: Index of the first frame in the stream.
    """
    found = ~(crowded[1:] | crowded[:-1])
    if wedge:
        found &= np.arange(start + 1, start + len(omega)) % wedge > 0
    if np.isnan(omega).all():
        return found
    step = np.diff(omega)
    moved = np.abs(step[np.isfinite(step) & (step != 0)])
    usual = float(np.median(moved)) if len(moved) else np.nan
    with np.errstate(invalid="ignore"):
        same, size = np.diff(inside) == 1, np.abs(step) / usual
        found &= (size <= np.where(same, _LATE_STEP, _MOST_STEP)) & (same | (size >= _LEAST_STEP))
    turned = found[1:] & found[:-1] & (np.sign(step[1:]) * np.sign(step[:-1]) < 0)
    found[1:] &= ~turned
    return found


@dataclass(frozen=True, eq=False)
class Parts:
    """To which wedge and which sweep each frame belongs, both of shape ``(frames,)``."""

    wedge: Numbers
    sweep: Numbers


def spots_of(runs: Sequence[Run], wedge: int = 0) -> tuple[Spots, Parts]:
    """Put blobs together.

    Args:
        runs: In the order of their frames.
        wedge: As in :func:`goes_on`.

    Returns:
        The spots, and where each frame of the runs belongs.
    """
    wedges: list[Numbers] = []
    sweeps: list[Numbers] = []
    pairs: list[Numbers] = []
    blobs = count = swept = 0
    event = -1
    for run in runs:
        on = goes_on(run.frames[:, OMEGA], run.frames[:, CROWDED] > 0, run.frames[:, INSIDE], wedge, run.start)
        wedges.append(count + np.concatenate([[0], np.cumsum(~on)]).astype(np.int64))
        count = int(wedges[-1][-1]) + 1
        inside = run.frames[:, INSIDE]
        if inside.any():
            # A frame that is missing in an event cuts it in two runs.
            first = run.start - int(inside[0])
            swept, event = swept + (first != event), first
            sweeps.append(np.full(len(inside), swept))
        else:
            sweeps.append(wedges[-1] - wedges[-1][0] + swept + 1)
            swept, event = int(sweeps[-1][-1]), -1
        kept = on[run.blobs[run.links[:, 0], FRAME] - run.start] if len(on) else np.zeros(len(run.links), bool)
        pairs.append(run.links[kept] + blobs)
        blobs += len(run.blobs)
    parts = Parts(np.concatenate(wedges), np.concatenate(sweeps) - 1)
    frame_of = np.concatenate([np.repeat(np.arange(len(run.frames)) + at, run.sizes) for run, at in _offsets(runs)])
    links = np.concatenate(pairs)
    spot = grouped(blobs, links[:, 0], links[:, 1])
    frames = np.concatenate([run.frames for run in runs])
    own = Parts(parts.wedge[frame_of], parts.sweep[frame_of])
    return _summed(np.concatenate([run.blobs for run in runs]), spot, frames[frame_of], own), parts


def _offsets(runs: Sequence[Run]) -> list[tuple[Run, int]]:
    ends = np.cumsum([0, *(len(run.frames) for run in runs)]).tolist()
    return list(zip(runs, ends[:-1], strict=True))


def _summed(blobs: Numbers, spot: Numbers, known: Floats, parts: Parts) -> Spots:
    """Sum up the blobs of each spot.

    Args:
        blobs: Table of blobs.
        spot: Of each blob the number of its spot.
        known: What is known of each blob's frame.
        parts: Where each blob belongs.
    """
    size = int(spot.max()) + 1 if len(spot) else 0
    _, begins = np.unique(spot, return_index=True)

    def total(values: NDArray[np.generic]) -> Floats:
        return np.bincount(spot, values, size).astype(np.float64)

    sums = blobs[:, SUM].astype(np.float64)
    whole = total(sums)
    with np.errstate(invalid="ignore"):
        row, column = total(blobs[:, ROW]) / whole, total(blobs[:, COLUMN]) / whole
        omega, slow, exposure = (total(sums * known[:, one]) / whole for one in (OMEGA, SLOW, EXPOSURE))
        # Moments about each spot's own middle: squares of large numbers would lose their last digits.
        own_row, own_column = blobs[:, ROW] / sums, blobs[:, COLUMN] / sums
        off_row, off_column = own_row - row[spot], own_column - column[spot]
        row_row = total(blobs[:, ROW_ROW] - sums * own_row**2 + sums * off_row**2) / whole
        column_column = total(blobs[:, COLUMN_COLUMN] - sums * own_column**2 + sums * off_column**2) / whole
        row_column = total(blobs[:, ROW_COLUMN] - sums * own_row * own_column + sums * off_row * off_column) / whole
        width = np.sqrt(np.maximum(total(sums * (known[:, OMEGA] - omega[spot]) ** 2) / whole, 0))
    maximum = np.zeros(size)
    np.maximum.at(maximum, spot, blobs[:, PEAK].astype(np.float64))
    last, first = np.full(size, -1), blobs[begins, FRAME]
    np.maximum.at(last, spot, blobs[:, FRAME])
    return Spots(
        parts.wedge[begins], parts.sweep[begins], last - first + 1, first,
        total(blobs[:, PIXELS]).astype(np.int64), whole, maximum,
        row, column, np.maximum(row_row, 0), np.maximum(column_column, 0), row_column,
        omega, width, slow, exposure, spot,
    )  # fmt: skip
