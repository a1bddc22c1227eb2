"""Reads when frames were exposed, in seconds since 1970, from what detectors write."""

from typing import Any

import numpy as np

from steering.core.block import Floats
from steering.readers.epochs import EPICS_EPOCH, unix_seconds
from steering.readers.hdf5_nodes import child, parent_path
from steering.readers.hdf5_written import look_anew

_SECONDS_BESIDE = "NDArrayEpicsTSSec"
_NEAR_SECONDS = 3600.0


def read_times(file: Any, dataset: str, first: int, stop: int) -> Floats:
    """Read the times of frames ``first`` to ``stop - 1``.

    areaDetector's ``NDArrayTimeStamp`` is in the time of the driver: mostly EPICS', which counts from 1990. The seconds
    that it writes beside it always are, so they tell; without them a time before areaDetector existed does.

    Returns:
        Unix times in seconds; NaN where nothing plausible is written.
    """
    written = np.asarray(file[dataset][first:stop], dtype=np.float64)
    beside = child(file, f"{parent_path(dataset)}/{_SECONDS_BESIDE}")
    if beside is not None and beside.shape[:1] and beside.shape[0] >= stop:
        look_anew(beside)
        seconds = np.asarray(beside[first:stop], dtype=np.float64)
        from_epics = np.abs(written - seconds) < _NEAR_SECONDS
        return unix_seconds(np.where(from_epics & (seconds > 0), written + EPICS_EPOCH, written))
    return unix_seconds(written)
