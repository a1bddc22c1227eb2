"""Writes frames as areaDetector's HDF5 plugin does: one growing file, readable while it grows (SWMR)."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

_DATA = "entry/data/data"
_TIMES = "entry/instrument/NDAttributes/NDArrayTimeStamp"
_NUMBERS = "entry/instrument/NDAttributes/NDArrayUniqueId"


class FrameWriter:
    """An open file."""

    def __init__(self, path: Path, shape: tuple[int, int]) -> None:
        """Create the file.

        Args:
            path: Must not exist yet.
            shape: Rows and columns of a frame.
        """
        self.count = 0
        self._file = h5py.File(path, "x", libver="latest")
        self._frames = self._file.create_dataset(
            _DATA, (0, *shape), np.int32, maxshape=(None, *shape), chunks=(1, *shape)
        )
        self._times = self._file.create_dataset(_TIMES, (0,), np.float64, maxshape=(None,), chunks=(16384,))
        self._numbers = self._file.create_dataset(_NUMBERS, (0,), np.int32, maxshape=(None,), chunks=(16384,))
        self._file.swmr_mode = True

    def append(self, frames: NDArray[Any], times: NDArray[Any], numbers: NDArray[Any]) -> None:
        """Append frames and flush, so that a reader who is told of them finds them.

        Args:
            frames: Shape ``(frames, rows, columns)``.
            times: Unix time in seconds of each.
            numbers: Number of each.

        Raises:
            OSError: If the disk is full; then none of them is in the file, and the next ones take their place.
        """
        count = self.count + len(frames)
        try:
            for dataset, values in ((self._times, times), (self._numbers, numbers), (self._frames, frames)):
                dataset.resize(count, axis=0)
                dataset[self.count : count] = values
                dataset.flush()
        except (OSError, RuntimeError) as error:
            # As HDF5 says it, which knows no kinds of errors.
            message = f"the frame cannot be written: {error}"
            raise OSError(message) from error
        self.count = count

    def close(self) -> None:
        """Close the file."""
        self._file.close()
