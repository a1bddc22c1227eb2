"""Compiled sums of large amounts of integer pixels, where numba is installed (``steering[fast]``).

numpy looks at each pixel four times (largest, conversion, two matrix products), compiled code once: three times as
fast for pixels that lie in the cache, and twice from a file in memory. To load and compile it takes a process one to
four seconds, which a scan of some hundred frames never gets back. So that begins once a process has been given many
frames at a time again and again, in a thread of its own, and numpy goes on until it is done. Both are exact, so
nobody can tell from a result which of them it was.
"""

import logging
import threading
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

# So many bytes at a time are a backlog, and so many such calls are worth it.
_MANY_BYTES = 16 << 20
_CALLS = 4
# Sums of so few pixels of 16 bits stay below 2**32.
_LONGEST = 1 << 16

_LOG = logging.getLogger(__name__)

Moments = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
_Kernel = Callable[..., None]


class Compiled:
    """The sums of one kind of pixels, compiled when it is worth it."""

    def __init__(self, kind: type[np.unsignedinteger[Any]]) -> None:
        """Prepare for a kind of unsigned integers."""
        self._kind = kind
        self._calls = 0
        self._kernel: _Kernel | None = None
        self._thread: threading.Thread | None = None

    def moments(self, frames: NDArray[Any]) -> Moments | None:
        """Sum frames of this kind.

        Args:
            frames: Pixels in counts, shape ``(frames, rows, columns)``.

        Returns:
            Sum of the pixels, of pixel times row and of pixel times column, and the largest pixel, each of shape
            ``(frames,)``; exact where it is below 2**53. Nothing if numpy has to do it.
        """
        if not frames.flags.c_contiguous or max(frames.shape[1:]) > _LONGEST:
            return None
        if self._kernel is None:
            self._consider(frames.nbytes)
            return None
        found = (np.empty(len(frames)), np.empty(len(frames)), np.empty(len(frames)), np.empty(len(frames)))
        # What is compiled is compiled for pixels that are only read, whoever may write to these.
        pixels = frames.view(np.ndarray)
        pixels.flags.writeable = False
        self._kernel(pixels, *found)
        return found

    def load(self) -> None:
        """Load and compile it now; does nothing without numba."""
        if self._kernel is None and find_spec("numba") is not None:
            self._kernel = _compile(self._kind)

    def _consider(self, size: int) -> None:
        """Begin to compile when there was enough to do."""
        if self._thread is not None or size < _MANY_BYTES:
            return
        self._calls += 1
        if self._calls >= _CALLS:
            self._thread = threading.Thread(target=self._load_aside, name="steering-compile")
            self._thread.start()

    def _load_aside(self) -> None:
        try:
            self.load()
        except Exception:  # noqa: BLE001  (whatever is wrong with numba here, numpy goes on)
            _LOG.warning("numba is installed but could not compile; frames are summed by numpy.", exc_info=True)


_COMPILED = {np.dtype(kind): Compiled(kind) for kind in (np.uint8, np.uint16, np.uint32)}


def compiled_moments(frames: NDArray[Any]) -> Moments | None:
    """Sum integer frames by compiled code, if that is there; see :meth:`Compiled.moments`."""
    compiled = _COMPILED.get(frames.dtype)
    return None if compiled is None else compiled.moments(frames)


def _compile(kind: type[np.unsignedinteger[Any]]) -> _Kernel:
    numba = import_module("numba")
    wide = np.uint64 if kind is np.uint32 else np.uint32
    try:
        kernel = numba.njit(nogil=True, cache=True)(_sum_frames)
    except RuntimeError:
        # There is no folder that the compiled code could be kept in until next time.
        kernel = numba.njit(nogil=True)(_sum_frames)
    few = np.ones((1, 2, 2), kind)
    few.flags.writeable = False
    kernel(few, np.zeros(2, wide), *(np.empty(1) for _ in range(4)))

    def summed(frames: NDArray[Any], *found: NDArray[np.float64]) -> None:
        kernel(frames, np.empty(frames.shape[2], wide), *found)

    return summed


def _sum_frames(
    frames: NDArray[Any],
    columns: NDArray[Any],
    totals: NDArray[np.float64],
    in_rows: NDArray[np.float64],
    in_columns: NDArray[np.float64],
    maxima: NDArray[np.float64],
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
