"""Blobs of single frames as rows of whole numbers: sums of counts and of their moments, so that any order is exact."""

from typing import Final

import numpy as np

from steering.spots.lit import Lit, Numbers

# Columns of a table of blobs: frame, pixels, counts, first and second moments in pixels, the peak and where it is.
FRAME, PIXELS, SUM, ROW, COLUMN, ROW_ROW, COLUMN_COLUMN, ROW_COLUMN, PEAK, PEAK_ROW, PEAK_COLUMN = range(11)
WIDTH: Final = 11
NO_BLOBS = np.empty((0, WIDTH), np.int64)


def table_of(lit: Lit, label: Numbers, start: int) -> Numbers:
    """Sum up blobs.

    Args:
        lit: Bright pixels.
        label: Number of the blob of each; they are numbered in the order of their first pixels.
        start: Index of the first frame in the stream.

    Returns:
        A row a blob, shape ``(blobs, 11)``.
    """
    if not len(label):
        return NO_BLOBS
    order = np.argsort(label, kind="stable")
    label = label[order]
    begins = np.flatnonzero(np.diff(label, prepend=-1))
    frame, count, row, column = (one[order] for one in (lit.frame, lit.count, lit.row, lit.column))
    table = np.empty((len(begins), WIDTH), np.int64)
    table[:, PIXELS] = np.diff(begins, append=len(label))
    by_row, by_column = count * row, count * column
    parts = (count, by_row, by_column, by_row * row, by_column * column, by_row * column)
    for place, part in zip(range(SUM, PEAK), parts, strict=True):
        table[:, place] = np.add.reduceat(part, begins)
    top = np.maximum.reduceat(count, begins)
    # Of several peaks the first counts: pixels stay in their order.
    peaks = np.flatnonzero(count == top[label])
    peaks = peaks[np.flatnonzero(np.diff(label[peaks], prepend=-1))]
    table[:, FRAME], table[:, PEAK] = frame[begins] + start, top
    table[:, PEAK_ROW], table[:, PEAK_COLUMN] = row[peaks], column[peaks]
    return table
