"""Reads a block's pixels, on the worker.

Files are kept open between blocks: opening an HDF5 file for each frame costs more than reading it. A file that is still
being written is read under SWMR (single writer, multiple readers) and refreshed until the block's frames are in it.
"""

import time
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats, FrameBlock, FrameFile, Inline
from steering.core.errors import SteeringError

# A frame's event comes after its file was flushed; a network filesystem may still need this long (seconds).
PATIENCE = 10.0
_REFRESH_SECONDS = 0.005
_FILES_KEPT = 4


class _OpenFiles:
    """The newest few files of this worker, open for reading."""

    def __init__(self) -> None:
        self.lock = Lock()
        self._files: OrderedDict[str, Any] = OrderedDict()

    def get(self, path: str) -> Any:
        """Open a file, or return it if it is open; the one not used for longest is closed."""
        import h5py

        if path in self._files:
            self._files.move_to_end(path)
            return self._files[path]
        self._files[path] = h5py.File(path, "r", libver="latest", swmr=True)
        if len(self._files) > _FILES_KEPT:
            _, oldest = self._files.popitem(last=False)
            oldest.close()
        return self._files[path]

    def forget(self, path: str) -> None:
        """Close a file."""
        file = self._files.pop(path, None)
        if file is not None:
            file.close()


_FILES = _OpenFiles()


def read_frames(block: FrameBlock) -> tuple[NDArray[Any], Floats]:
    """Read a block's pixels and the times at which they were exposed.

    Args:
        block: Says where the frames lie.

    Returns:
        Frames of shape ``(len(block), rows, columns)`` and Unix times in seconds of the ends of their exposures, NaN
        where the file does not say.

    Raises:
        SteeringError: If the file cannot be read, or does not hold the frames within the patience.
    """
    match block.place:
        case Inline(frames=frames):
            return frames, np.full(len(block), np.nan)
        case FrameFile():
            return _from_file(block, block.place)
        case None:
            return np.empty((len(block), 0, 0)), np.full(len(block), np.nan)


def _from_file(block: FrameBlock, place: FrameFile) -> tuple[NDArray[Any], Floats]:
    first = block.start if block.first is None else block.first
    stop = first + len(block)
    deadline = time.monotonic() + PATIENCE
    with _FILES.lock:
        while True:
            try:
                found = _slice(place, first, stop)
            except (OSError, KeyError, RuntimeError) as error:
                _FILES.forget(place.path)
                if time.monotonic() > deadline or not Path(place.path).exists():
                    message = (
                        f"Frames {first} to {stop - 1} cannot be read from {place.path}, dataset {place.dataset} "
                        f"({error}). Check that this worker sees the detector's filesystem."
                    )
                    raise SteeringError(message) from error
                found = None
            if found is not None:
                return found
            if time.monotonic() > deadline:
                message = (
                    f"{place.path} does not hold frames {first} to {stop - 1} after {PATIENCE:g} s. "
                    "The detector's writer may have stopped, or its file is cut short."
                )
                raise SteeringError(message)
            time.sleep(_REFRESH_SECONDS)


def _slice(place: FrameFile, first: int, stop: int) -> tuple[NDArray[Any], Floats] | None:
    file = _FILES.get(place.path)
    dataset = file[place.dataset]
    dataset.id.refresh()
    if dataset.shape[0] < stop:
        return None
    frames: NDArray[Any] = dataset[first:stop]
    times = np.full(stop - first, np.nan)
    if place.times and place.times in file:
        written = file[place.times]
        written.id.refresh()
        if written.shape[0] >= stop:
            times = np.asarray(written[first:stop], dtype=np.float64)
    return frames, times
