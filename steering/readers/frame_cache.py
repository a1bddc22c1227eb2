"""hexrd's frame caches: the bright pixels of each frame, in NumPy archives (``.npz``) or in HDF5 (``.fch5``).

In an archive ``0_row``, ``0_col``, ``0_data`` and so on are the pixels of frame 0, ``shape`` is rows and columns. New
ones have ``nframes``, ``dtype`` and the first and last angle of each frame in degrees (``omega``, two columns); old
ones only the first angle and the step, in radians. Nothing in them is unpickled.
"""

import re
import zipfile
import zlib
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.readers.cached import Bright, FrameCache, OpenCache, checked
from steering.readers.file_names import CACHE_IN_HDF5
from steering.readers.frame_cache_fch5 import opened_fch5

# A pixel takes a row, a column and a count, of eight bytes at most each, after a header.
_PIXEL_BYTES, _HEADER_BYTES = 8, 1 << 12
_FRAME = re.compile(r"(\d+)_data")
_USUAL = np.dtype(np.uint16)
_BROKEN = (zipfile.BadZipFile, zlib.error, KeyError, TypeError, EOFError, AttributeError, NotImplementedError)


def look_into(path: Path) -> FrameCache:
    """Say what a frame cache holds.

    Raises:
        ValueError: If it is none, or cut short.
        OSError: If it cannot be read.
        SteeringError: If what decompresses it is not installed.
    """
    with _opened(path) as (held, _):
        return held


def read_frame_cache(path: Path, indices: Sequence[int] | None = None) -> NDArray[Any]:
    """Read frames with all their pixels.

    Args:
        path: The file.
        indices: Which, from 0; all if left out.

    Returns:
        Array of shape ``(frames, rows, columns)``.

    Raises:
        ValueError: If it is no frame cache, or cut short.
        IndexError: If it does not hold so many frames.
        OSError: If it cannot be read.
        SteeringError: If what decompresses it is not installed.
    """
    with _opened(path) as (held, pixels):
        wanted = range(held.frames) if indices is None else indices
        frames = np.zeros((len(wanted), *held.shape), held.dtype)
        for frame, index in zip(frames, wanted, strict=True):
            if not 0 <= index < held.frames:
                message = f"frame {index} of {held.frames}"
                raise IndexError(message)
            row, column, data = pixels(index)
            if not row.shape == column.shape == data.shape or not _within(row, column, held.shape):
                message = f"the pixels of its frame {index} do not fit into {held.shape[0]} x {held.shape[1]} px"
                raise ValueError(message)
            frame[row, column] = data
        return frames


def _opened(path: Path) -> AbstractContextManager[OpenCache]:
    return opened_fch5(path) if path.suffix.lower() in CACHE_IN_HDF5 else _opened_npz(path)


@contextmanager
def _opened_npz(path: Path) -> Generator[OpenCache]:
    """Open an archive; what it raises while it is read are mistakes of the file.

    Raises:
        ValueError: If it is no archive, is cut short, or lacks something.
    """
    try:
        # A single array has no such protocol, and says so.
        with np.load(path, allow_pickle=False) as archive:
            held = _look(archive)
            yield held, partial(_pixels, archive, held)
    except _BROKEN as error:
        message = f"it is no whole frame cache of hexrd ({error})"
        raise ValueError(message) from error


def _look(archive: Any) -> FrameCache:
    names = set(archive.files)
    found = [int(number[1]) for name in names if (number := _FRAME.fullmatch(name))]
    count = int(archive["nframes"]) if "nframes" in names else max(found, default=-1) + 1
    kind = np.dtype(np.asarray(archive["dtype"]).astype(str).item()) if "dtype" in names else _USUAL
    held = checked(archive["shape"], count, kind, archive["omega"] if "omega" in names else None)
    if not {f"{number}_{part}" for number in range(count) for part in ("row", "col", "data")} <= names:
        message = f"it has not all of its {count} frames"
        raise ValueError(message)
    return held


def _pixels(archive: Any, held: FrameCache, index: int) -> Bright:
    row, column, data = (_member(archive, f"{index}_{name}", held) for name in ("row", "col", "data"))
    return row, column, data


def _member(archive: Any, name: str, held: FrameCache) -> NDArray[Any]:
    """Read an array of a frame; one that is larger than a frame is not unpacked."""
    size = archive.zip.getinfo(f"{name}.npy").file_size
    if size > held.shape[0] * held.shape[1] * _PIXEL_BYTES + _HEADER_BYTES:
        message = f"its array {name} has {size:,} bytes, which is more than a frame has"
        raise ValueError(message)
    return np.asarray(archive[name]).reshape(-1)


def _within(row: NDArray[Any], column: NDArray[Any], shape: tuple[int, int]) -> bool:
    """Say whether pixels lie within a frame."""
    if row.dtype.kind not in "iu" or column.dtype.kind not in "iu":
        return False
    return not len(row) or (
        min(int(row.min()), int(column.min())) >= 0 and int(row.max()) < shape[0] and int(column.max()) < shape[1]
    )
