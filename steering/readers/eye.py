"""Frames made fit for a screen: binned by their maximum, without what is no count."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.frame import DEAD, MASKED, SATURATED, Frame
from steering.core.pixels import NOTHING_BAD, Bad, Bools, invalid

# Frames larger than this along an axis are binned before they are sent: no screen shows more.
LARGEST_SIDE = 1024
# Of unsigned pixels of so many bytes the two largest numbers are markers; Pilatus marks its dead pixels by -2.
_MARKING_BYTES, _DEAD_SIGNED = 4, -2


def for_the_eye(frame: Frame, bad: Bad = NOTHING_BAD, largest: int = LARGEST_SIDE) -> Frame:
    """Leave out what is no count, and bin a frame that is larger than a screen.

    Args:
        frame: With pixels of shape ``(rows, columns)`` as they were read.
        bad: Which pixels are no counts, beside those that the detector marked itself.
        largest: Most pixels along an axis.
    """
    pixels, marks = frame.pixels, why_no_count(frame.pixels, bad)
    factor = max(-(-max(pixels.shape) // largest), 1)
    if marks is None:
        return replace(frame, pixels=bin_maximum(pixels, factor), binning=factor)
    nothing = pixels.dtype.type(0)
    binned, shown = bin_maximum(np.where(marks > 0, nothing, pixels), factor), bin_marks(marks, factor)
    masked, dead, saturated = count_marks(marks)
    return replace(
        frame,
        pixels=np.where(shown > 0, nothing, binned),
        binning=factor,
        marks=shown,
        marked=(masked, dead, saturated),
        masked=(masked + dead + saturated) / marks.size,
    )


def why_no_count(pixels: NDArray[Any], bad: Bad = NOTHING_BAD) -> NDArray[np.uint8] | None:
    """Say of each pixel why it is no count: masked, dead, or saturated; 0 for counts.

    What a mask says goes before what the detector wrote. Of unsigned pixels of 8 or 16 bits the largest number is that
    of a saturated one (of any camera); of those of 32 bits and more the two largest are Eiger's gaps and dead pixels.

    Args:
        pixels: Of shape ``(rows, columns)``, as they were read.
        bad: What is known of them beside their markers.

    Returns:
        An array in the shape of the pixels; nothing if each is a count.
    """
    wrong = invalid(pixels, bad)
    if wrong is None:
        return None
    kind, marks = pixels.dtype.kind, np.where(wrong, np.uint8(MASKED), np.uint8(0))
    with np.errstate(invalid="ignore"):
        over = wrong & (pixels >= bad.saturated) & (pixels < np.inf)
    if kind == "i":
        marks[wrong & (pixels == _DEAD_SIGNED)] = DEAD
    if kind == "u":
        top = int(np.iinfo(pixels.dtype).max)
        marking = pixels.dtype.itemsize >= _MARKING_BYTES
        marks[wrong & (pixels == top - 1) & marking] = DEAD
        over = over & (pixels < top - 1) if marking else over | (wrong & (pixels == top))
    marks[over] = SATURATED
    if bad.mask is not None:
        marks[bad.mask] = MASKED
    return marks


def count_marks(marks: NDArray[np.uint8]) -> tuple[int, int, int]:
    """Count masked, dead and saturated pixels."""
    found = np.bincount(marks.ravel(), minlength=SATURATED + 1)
    return int(found[MASKED]), int(found[DEAD]), int(found[SATURATED])


def bin_marks(marks: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Bin squares of ``factor`` pixels: one is marked if no pixel of it is a count, or if one is saturated."""
    if factor <= 1:
        return marks
    binned = bin_maximum(marks, factor)
    return np.where(all_bad(marks > 0, factor) | (binned == SATURATED), binned, np.uint8(0))


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
