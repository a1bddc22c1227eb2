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

    def append(self, frame: NDArray[Any], time: float, number: int) -> None:
        """Append a frame and flush, so that a reader who is told of it finds it.

        Raises:
            OSError: If the disk is full; then the frame is not in the file, and the next one takes its place.
        """
        count = self.count + 1
        try:
            for dataset, value in ((self._times, time), (self._numbers, number), (self._frames, frame)):
                dataset.resize(count, axis=0)
                dataset[count - 1] = value
                dataset.flush()
        except (OSError, RuntimeError) as error:
            # As HDF5 says it, which knows no kinds of errors.
            message = f"the frame cannot be written: {error}"
            raise OSError(message) from error
        self.count = count

    def close(self) -> None:
        """Close the file."""
        self._file.close()
