"""Blobs of single frames as rows of whole numbers: sums of counts and of their moments, so that any order is exact."""

from typing import Final

import numpy as np

from steering.hedm.lit import Lit, Numbers

# Columns of a table of blobs: frame, pixels, counts, first and second moments in pixels, the peak and where it is.
FRAME, PIXELS, SUM, ROW, COLUMN, ROW_ROW, COLUMN_COLUMN, ROW_COLUMN, PEAK, PEAK_ROW, PEAK_COLUMN = range(11)
WIDTH: Final = 11
_SUMMED = slice(PIXELS, PEAK)
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
    # Equal pixels stay in their order, so of several peaks the first counts.
    order = np.lexsort((-lit.count, label))
    begins = np.flatnonzero(np.diff(label[order], prepend=-1))
    count, row, column = lit.count, lit.row, lit.column
    parts = [np.ones_like(count), count, count * row, count * column]
    parts += [count * row * row, count * column * column, count * row * column]
    table = np.empty((len(begins), WIDTH), np.int64)
    peak = order[begins]
    table[:, FRAME] = lit.frame[peak] + start
    table[:, _SUMMED] = np.add.reduceat(np.stack(parts, 1)[order], begins, axis=0)
    table[:, PEAK], table[:, PEAK_ROW], table[:, PEAK_COLUMN] = count[peak], row[peak], column[peak]
    return table
