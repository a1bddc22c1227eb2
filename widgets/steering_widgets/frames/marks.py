"""Marks pixels that are no counts in a frame that comes as it was read, or that a person calls saturated."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from steering.core.frame import MASKED, SATURATED, Frame
from steering.readers.eye import count_marks
from steering_widgets.frames.pixels import native


def mark(frame: Frame, saturation: float | None = None) -> Frame:
    """Mark what is no finite number, and what is saturated, in a frame; what is marked already stays so.

    Args:
        frame: With pixels of shape ``(rows, columns)``.
        saturation: Counts from which on a pixel is saturated; ``None`` is the largest number of whole ones. Of a frame
            that was binned each square that holds such a pixel counts as one.

    Returns:
        The frame with its pixels in this machine's byte order; a saturated pixel keeps its number.
    """
    pixels, marks = native(frame.pixels), frame.marks
    kind = pixels.dtype.kind
    if kind == "f" and not np.isfinite(pixels).all():
        finite = np.isfinite(pixels)
        marks = _joined(marks, ~finite, MASKED)
        pixels = np.where(finite, pixels, pixels.dtype.type(0))
    limit = saturation
    if limit is None and kind in "ui" and frame.pixels.dtype.kind != "b":
        limit = float(np.iinfo(pixels.dtype).max)
    if limit is not None and pixels.size and pixels.max() >= limit:
        marks = _joined(marks, pixels >= limit, SATURATED)
    if marks is frame.marks:
        return replace(frame, pixels=pixels)
    new = np.array(count_marks(marks)) if marks is not None else np.zeros(3, int)
    old = np.array((0, 0, 0) if frame.marks is None else count_marks(frame.marks))
    masked, dead, saturated = (int(count) for count in np.array(frame.marked) + new - old)
    share = (masked + dead + saturated) / max(pixels.size * frame.binning**2, 1)
    return replace(frame, pixels=pixels, marks=marks, marked=(masked, dead, saturated), masked=share)


def _joined(marks: NDArray[np.uint8] | None, where: NDArray[np.bool_], kind: int) -> NDArray[np.uint8]:
    joined = np.zeros(where.shape, np.uint8) if marks is None else marks.copy()
    joined[where & (joined == 0)] = kind
    return joined
