"""hexrd's frame caches in HDF5 (``.fch5``).

``data`` and ``indices`` (rows and columns) hold the pixels of all frames, in any order of the frames; ``frame_ids``,
which is written last, says where those of each frame begin and end. Angles are in ``metadata/omega``, in degrees.
"""

from collections.abc import Generator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.readers.cached import Bright, FrameCache, OpenCache, checked
from steering.readers.hdf5_frames import need_filters
from steering.readers.hdf5_nodes import text
from steering.readers.open_files import OpenFiles

_VERSION = "HEXRD_FRAMECACHE_VERSION"


@contextmanager
def opened_fch5(path: Path) -> Generator[OpenCache]:
    """Open a file; what it raises while it is read are mistakes of the file.

    Raises:
        ValueError: If it is no frame cache, is cut short, or lacks something.
        OSError: If it cannot be read.
        SteeringError: If what decompresses it is not installed.
    """
    with closing(OpenFiles(1)) as files:
        try:
            with files.use(str(path)) as file:
                held, ends = _look(file)
                yield held, partial(_pixels, file, ends)
        except (KeyError, TypeError, AttributeError, RuntimeError, OverflowError) as error:
            message = f"it is no whole frame cache of hexrd ({error})"
            raise ValueError(message) from error


def _look(file: Any) -> tuple[FrameCache, NDArray[np.int64]]:
    """Return what a file holds, and where the pixels of each frame begin and end."""
    if _VERSION not in file.attrs or int(file.attrs[_VERSION]) != 1:
        message = f"it is no frame cache of hexrd that is known: its {_VERSION} is not 1"
        raise ValueError(message)
    for name in ("data", "indices", "frame_ids"):
        need_filters(file[name])
    omega = file["metadata"]["omega"][()] if "omega" in file["metadata"] else None
    kind = np.dtype(text(file["dtype"][()]))
    held = checked(file["shape"][()], int(np.asarray(file["nframes"][()]).item()), kind, omega)
    ends = np.asarray(file["frame_ids"][()]).astype(np.int64).reshape(-1, 2)
    pixels, most = ends[:, 1] - ends[:, 0], min(len(file["data"]), len(file["indices"]))
    if len(ends) != held.frames or ends.min() < 0 or ends.max() > most or pixels.min() < 0:
        message = f"it has not all of its {held.frames} frames"
        raise ValueError(message)
    if pixels.max() > held.shape[0] * held.shape[1]:
        message = f"one of its frames has {pixels.max():,} pixels, which is more than a frame has"
        raise ValueError(message)
    return held, ends


def _pixels(file: Any, ends: NDArray[np.int64], index: int) -> Bright:
    begin, end = (int(one) for one in ends[index])
    indices = np.asarray(file["indices"][begin:end]).reshape(-1, 2)
    return indices[:, 0], indices[:, 1], np.asarray(file["data"][begin:end]).reshape(-1)
