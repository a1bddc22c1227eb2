"""Spots of single frames: bright pixels that touch, and where their middle is to a part of a pixel."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.pixels import Bad
from steering.spots.blobs import COLUMN, FRAME, PEAK, PIXELS, ROW, SUM, table_of
from steering.spots.components import Grid, labelled, within
from steering.spots.lit import Cut, Lit, Numbers, lit_of
from steering.spots.patches import FIT_COLUMN, FIT_ROW, fitter_of
from steering.spots.split import split

# A fit that ends farther from the centre of mass has found another spot, or none; in pixels.
_NEAR: Final = 2.0
# No pattern has so many; a threshold within the noise does.
MOST_SPOTS: Final = 3000


@dataclass(frozen=True)
class Finder:
    """What is a spot.

    Attributes:
        cut: What is a bright pixel.
        valley: A pass between two peaks below this part of the lower one keeps them apart; 0 splits nothing.
        fewest_pixels: What has fewer is no spot.
        fit_above: Peaks with at least so many counts are fitted; the others have their centre of mass.
    """

    cut: Cut
    valley: float = 0.0
    fewest_pixels: int = 3
    fit_above: float = 50.0


@dataclass(frozen=True, eq=False)
class Spots:
    """Spots of a block, in the order of frames; of shape ``(spots,)`` if nothing else is said.

    Attributes:
        frame: Index of the frame in the stream.
        row: In pixels.
        column: Likewise.
        counts: Above the background.
        peak: Counts of the brightest pixel, likewise.
        crowded: Whether a frame had too many, shape ``(frames,)``; it has none here then.
        masked: Share of each frame's pixels that are no counts, likewise.
    """

    frame: Numbers
    row: Floats
    column: Floats
    counts: Floats
    peak: Floats
    crowded: NDArray[np.bool_]
    masked: Floats


def find_spots(frames: NDArray[Any], bad: Bad, start: int, finder: Finder) -> Spots:
    """Find the spots of a block; what comes of a frame does not depend on those beside it.

    What reaches to the edge of the frame, or of the part that is looked at, is none: nobody knows where its middle is.

    Args:
        frames: Counts, shape ``(frames, rows, columns)``.
        bad: Which of them are no counts.
        start: Index of the first frame in the stream.
        finder: What is a spot.

    Raises:
        ValueError: If the dark has another shape than the frames.
    """
    lit = lit_of(frames, bad, finder.cut)
    grid = Grid.of(lit.shape)
    key = grid.keys(lit)
    label = split(lit.count, *within(key, grid), finder.valley) if finder.valley else labelled(key, grid)[0]
    blobs = table_of(lit, label, start)
    blobs = blobs[(blobs[:, PIXELS] >= finder.fewest_pixels) & ~_at_edge(lit, label, len(blobs), finder.cut)]
    crowded = lit.crowded | (np.bincount(blobs[:, FRAME] - start, minlength=len(frames)) > MOST_SPOTS)
    blobs = blobs[~crowded[blobs[:, FRAME] - start]]
    counts = blobs[:, SUM].astype(np.float64)
    row, column = blobs[:, ROW] / counts, blobs[:, COLUMN] / counts
    fits = fitter_of(frames, bad, start, finder.fit_above, finder.cut.dark)(blobs)
    with np.errstate(invalid="ignore"):
        good = np.hypot(fits[:, FIT_ROW] - row, fits[:, FIT_COLUMN] - column) < _NEAR
    row, column = np.where(good, fits[:, FIT_ROW], row), np.where(good, fits[:, FIT_COLUMN], column)
    return Spots(blobs[:, FRAME], row, column, counts, blobs[:, PEAK].astype(np.float64), crowded, lit.masked)


def _at_edge(lit: Lit, label: Numbers, size: int, cut: Cut) -> NDArray[np.bool_]:
    """Say which blobs reach to the edge of what is looked at, where a part of them may be missing."""
    (top, bottom), (left, right) = cut.region or ((0, lit.shape[0]), (0, lit.shape[1]))
    at = (lit.row == top) | (lit.row == bottom - 1) | (lit.column == left) | (lit.column == right - 1)
    return np.bincount(label[at], minlength=size) > 0
