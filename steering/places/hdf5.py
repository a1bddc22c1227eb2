"""Frames in an HDF5 file."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.core.pixels import NOTHING_BAD, Bad
from steering.core.place import Place
from steering.places.hdf5_times import read_times
from steering.readers.hdf5_frames import count_frames, fetch_range, refresh
from steering.readers.hdf5_masks import mask_beside
from steering.readers.hdf5_written import is_being_written, look_anew
from steering.readers.open_files import OpenFiles
from steering.readers.paths import local_path

# A frame's event comes after its file was flushed; a network filesystem may still need this long (seconds).
PATIENCE = 10.0
# A file that has not changed for so long (seconds), and that nobody has open for writing, will not change any more.
SETTLED = 60.0
_REFRESH_SECONDS = 0.005

_FILES = OpenFiles()
_MASKS = OpenFiles(2)


@dataclass(frozen=True)
class FrameFile:
    """Frames in an HDF5 file that may still grow (SWMR).

    Attributes:
        path: File on a filesystem that the worker sees.
        dataset: Dataset of shape ``(frames, rows, columns)``, or ``(rows, columns)`` for a single frame.
        times: Dataset with one Unix time in seconds a frame (the end of its exposure), or empty.
    """

    path: str
    dataset: str
    times: str = ""

    def read(self, first: int, stop: int) -> tuple[NDArray[Any], Floats]:
        """Read frames; those that are still being written are waited for.

        Raises:
            SteeringError: If they cannot be read, or do not come within the patience.
        """
        # Frames are mostly there: whether the file is still being written is looked at when they are not.
        patience, deadline = 0.0, -1.0
        while True:
            path = local_path(self.path)
            try:
                found = None if path is None else self._slice(path, first, stop)
                problem = "it is not there" if path is None else ""
            except (OSError, KeyError, RuntimeError, ValueError) as error:
                found, problem = None, str(error) or type(error).__name__
                _FILES.forget(str(path))
            if found is not None:
                return found
            if deadline < 0:
                patience = self._patience()
                deadline = time.monotonic() + patience
            if problem and (path is None or time.monotonic() > deadline):
                message = (
                    f"Frames {first} to {stop - 1} cannot be read from {self.path}, dataset {self.dataset} "
                    f"({problem}). Check that this worker sees the detector's filesystem."
                )
                raise SteeringError(message)
            if time.monotonic() > deadline:
                message = (
                    f"{self.path} does not hold frames {first} to {stop - 1}, also not after {patience:g} s. "
                    "The detector's writer may have stopped, or its file is cut short."
                )
                raise SteeringError(message)
            time.sleep(_REFRESH_SECONDS)

    def bad(self, shape: tuple[int, int]) -> Bad:
        """Read the mask that the file has beside the frames."""
        path = local_path(self.path)
        try:
            return NOTHING_BAD if path is None else _beside(path, _writing(path), self.dataset, shape)
        except (OSError, KeyError, RuntimeError, ValueError, TypeError):
            # The frames could be read; what is said beside them cannot, this time.
            return NOTHING_BAD

    def part(self, part: slice) -> Place:
        """Return itself: a file holds frames by number."""
        del part
        return self

    def goes_on_in(self, after: Place) -> bool:
        """Say whether the others lie in the same dataset."""
        return self == after

    def joined(self, others: Sequence[Place]) -> Place:
        """Return itself."""
        del others
        return self

    def weight(self, frames: int) -> int:
        """Say that a file of many frames needs one reference."""
        del frames
        return 0

    def asked(self, done: int, first: int, stop: int) -> dict[str, str | int]:
        """Say how a beamline's service is asked for frames."""
        del done
        return {"path": self.path, "dataset": self.dataset, "times": self.times, "first": first, "stop": stop}

    def _patience(self) -> float:
        """Say how long frames are waited for: not at all in a file that nobody has touched for longer than that."""
        path = local_path(self.path)
        try:
            settled = path is not None and time.time() - path.stat().st_mtime > SETTLED and not is_being_written(path)
        except OSError:
            return PATIENCE
        return 0.0 if settled else PATIENCE

    def _slice(self, path: Path, first: int, stop: int) -> tuple[NDArray[Any], Floats] | None:
        times = np.full(stop - first, np.nan)
        with _FILES.use(str(path)) as file:
            dataset = file[self.dataset]
            refresh(dataset, stop)
            if count_frames(dataset) < stop:
                return None
            finish = fetch_range(dataset, first, stop)
            if self.times and self.times in file:
                written = file[self.times]
                if written.shape[0] < stop:
                    look_anew(written)
                if written.shape[0] >= stop:
                    times = read_times(file, self.times, first, stop)
        # Other threads may use HDF5 while this one decompresses.
        return finish(), times


def _writing(path: Path) -> int:
    """Tell a file from the next one under its name: by its last change, and by its number while it grows."""
    known = path.stat()
    return known.st_ino if is_being_written(path) else known.st_mtime_ns


@lru_cache(maxsize=32)
def _beside(path: Path, writing: int, dataset: str, shape: tuple[int, int]) -> Bad:
    """Read a mask once for each writing of its file; one that could not be read is tried again."""
    del writing
    try:
        with _MASKS.use(str(path)) as file:
            return mask_beside(file, dataset, shape)
    finally:
        _MASKS.forget(str(path))
