"""Compiled sums of large amounts of integer pixels, where numba is installed (``steering[fast]``).

numpy looks at each pixel four times (largest, conversion, two matrix products), compiled code once: three times as
fast for pixels that lie in the cache, and twice from a file in memory. Both are exact, so nobody can tell from a result
which of them it was.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.pixels import NOTHING_BAD, Bad, top_of
from steering.machine.compiled import Aside, jit

# So many bytes at a time are a backlog, and so many such calls are worth it.
_MANY_BYTES = 16 << 20
_CALLS = 4
# Sums of so few pixels of 16 bits stay below 2**32.
_LONGEST = 1 << 16

Floats = NDArray[np.float64]
Moments = tuple[Floats, Floats, Floats, Floats, Floats]
_Kernel = Callable[..., None]


class Compiled:
    """The sums of one kind of pixels, compiled when it is worth it."""

    def __init__(self, kind: type[np.unsignedinteger[Any]]) -> None:
        """Prepare for a kind of unsigned integers."""
        self._kind = kind
        self._kernels = Aside(lambda: _compile(kind), _MANY_BYTES, _CALLS)
        self._marked = False

    def moments(self, frames: NDArray[Any], bad: Bad = NOTHING_BAD) -> Moments | None:
        """Sum frames of this kind.

        Args:
            frames: Pixels in counts, shape ``(frames, rows, columns)``.
            bad: Which pixels are no counts, beside those that the detector marked itself.

        Returns:
            Sum of the pixels, of pixel times row and of pixel times column, the largest pixel, and the share of pixels
            that are no counts, each of shape ``(frames,)``; exact where it is below 2**53. Nothing if numpy has to do
            it.
        """
        if not frames.flags.c_contiguous or max(frames.shape[1:]) > _LONGEST:
            return None
        top = top_of(frames.dtype, bad.saturated)
        kernels = self._kernels.ready(frames.nbytes)
        if kernels is None or (top is not None and top < 0):
            return None
        plain, careful = kernels
        count, largest = len(frames), int(np.iinfo(self._kind).max) if top is None else top
        found = (np.empty(count), np.empty(count), np.empty(count), np.empty(count), np.zeros(count))
        # What is compiled is compiled for pixels that are only read, whoever may write to these.
        pixels = frames.view(np.ndarray)
        pixels.flags.writeable = False
        if bad.mask is not None or self._marked:
            careful(pixels, largest, bad.mask, *found)
            self._marked = bool(found[-1].any())
            return found
        plain(pixels, *found[:-1])
        wrong = np.flatnonzero(found[3] > largest)
        if len(wrong):
            # A detector with gaps has them in each frame: the next ones are looked at with care at once.
            self._marked = True
            some = pixels[wrong]
            some.flags.writeable = False
            again = tuple(np.empty(len(wrong)) for _ in found)
            careful(some, largest, None, *again)
            for whole, part in zip(found, again, strict=True):
                whole[wrong] = part
        return found

    def load(self) -> None:
        """Load and compile it now; does nothing without numba."""
        self._kernels.load()


_COMPILED = {np.dtype(kind): Compiled(kind) for kind in (np.uint8, np.uint16, np.uint32)}


def compiled_moments(frames: NDArray[Any], bad: Bad = NOTHING_BAD) -> Moments | None:
    """Sum integer frames by compiled code, if that is there; see :meth:`Compiled.moments`."""
    compiled = _COMPILED.get(frames.dtype)
    return None if compiled is None else compiled.moments(frames, bad)


def _compile(kind: type[np.unsignedinteger[Any]]) -> tuple[_Kernel, _Kernel]:
    """Compile what sums frames plainly, and what leaves out pixels that are no counts."""
    numba = import_module("numba")
    wide = np.uint64 if kind is np.uint32 else np.uint32
    plainly, carefully = jit(numba, _sum_plainly), jit(numba, _sum_carefully)
    few = np.ones((1, 2, 2), kind)
    few.flags.writeable = False

    def plain(frames: NDArray[Any], *found: Floats) -> None:
        plainly(frames, np.empty(frames.shape[2], wide), *found)

    def careful(frames: NDArray[Any], top: int, mask: NDArray[np.bool_] | None, *found: Floats) -> None:
        good = np.ones(frames.shape[1:], wide) if mask is None else (~mask).astype(wide)
        carefully(frames, kind(top), good, np.empty(frames.shape[2], wide), *found)

    room = tuple(np.empty(1) for _ in range(5))
    plain(few, *room[:4])
    careful(few, 1, None, *room)
    return plain, careful


def _sum_plainly(
    frames: NDArray[Any],
    columns: NDArray[Any],
    totals: Floats,
    in_rows: Floats,
    in_columns: Floats,
    maxima: Floats,
) -> None:
    """Look at each pixel once. Compiled; ``columns`` is room for sums of columns, of the type that sums are made in."""
    count, high, wide = frames.shape
    for frame in range(count):
        columns[:] = 0
        largest = frames[frame, 0, 0]
        total = row_moment = column_moment = 0.0
        for row in range(high):
            along = columns[0] - columns[0]
            for column in range(wide):
                pixel = frames[frame, row, column]
                along += pixel
                columns[column] += pixel
                largest = max(largest, pixel)
            total += along
            row_moment += float(along) * row
        for column in range(wide):
            column_moment += float(columns[column]) * column
        totals[frame], maxima[frame] = total, largest
        in_rows[frame], in_columns[frame] = row_moment, column_moment


def _sum_carefully(
    frames: NDArray[Any],
    top: Any,
    good: NDArray[Any],
    columns: NDArray[Any],
    totals: Floats,
    in_rows: Floats,
    in_columns: Floats,
    maxima: Floats,
    masked: Floats,
) -> None:
    """Do the same, but for pixels above ``top``, or where ``good`` is 0 instead of 1: these are no counts.

    All is done in the type of the sums, without a branch: so it is half as fast, and not a sixth.
    """
    count, high, wide = frames.shape
    kind = columns.dtype.type
    limit = kind(top)
    for frame in range(count):
        columns[:] = 0
        largest = kind(0)
        total = row_moment = column_moment = 0.0
        counted = 0
        for row in range(high):
            along, right = kind(0), kind(0)
            for column in range(wide):
                pixel = kind(frames[frame, row, column])
                keep = kind(pixel <= limit)
                keep &= good[row, column]
                value = pixel * keep
                right += keep
                along += value
                columns[column] += value
                largest = max(largest, value)
            total += along
            row_moment += float(along) * row
            counted += right
        for column in range(wide):
            column_moment += float(columns[column]) * column
        totals[frame], maxima[frame] = total, largest
        in_rows[frame], in_columns[frame] = row_moment, column_moment
        masked[frame] = 1.0 - counted / (high * wide)
