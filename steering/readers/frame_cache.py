"""hexrd's frame caches: NumPy archives (``.npz``) with the bright pixels of each frame.

``0_row``, ``0_col``, ``0_data`` and so on are the pixels of frame 0, ``shape`` is rows and columns. New ones have
``nframes``, ``dtype`` and the first and last angle of each frame in degrees (``omega``, two columns); old ones only the
first angle and the step, in radians. Nothing in them is unpickled.
"""

import re
import zipfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats

_MOST_SIDE, _MOST_FRAMES = 1 << 14, 1 << 20
# A pixel takes a row, a column and a count, of eight bytes at most each, after a header.
_PIXEL_BYTES, _HEADER_BYTES = 8, 1 << 12
_FRAME = re.compile(r"(\d+)_data")
_OLD = 2
_USUAL = np.dtype(np.uint16)


@dataclass(frozen=True, eq=False)
class FrameCache:
    """What a frame cache holds.

    Attributes:
        frames: How many.
        shape: Rows and columns.
        dtype: Of a pixel.
        omega: Angle in the middle of each frame in degrees, shape ``(frames,)``; nothing if it does not say.
    """

    frames: int
    shape: tuple[int, int]
    dtype: "np.dtype[Any]"
    omega: Floats | None


def look_into(path: Path) -> FrameCache:
    """Say what a frame cache holds.

    Raises:
        ValueError: If it is none, or cut short.
        OSError: If it cannot be read.
    """
    with _opened(path) as archive:
        return _look(archive)


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
    """
    with _opened(path) as archive:
        held = _look(archive)
        wanted = range(held.frames) if indices is None else indices
        frames = np.zeros((len(wanted), *held.shape), held.dtype)
        for frame, index in zip(frames, wanted, strict=True):
            if not 0 <= index < held.frames:
                message = f"frame {index} of {held.frames}"
                raise IndexError(message)
            row, column, data = (_member(archive, f"{index}_{name}", held) for name in ("row", "col", "data"))
            if not row.shape == column.shape == data.shape or not _within(row, column, held.shape):
                message = f"the pixels of its frame {index} do not fit into {held.shape[0]} x {held.shape[1]} px"
                raise ValueError(message)
            frame[row, column] = data
        return frames


@contextmanager
def _opened(path: Path) -> Generator[Any]:
    """Open an archive; what it raises while it is read are mistakes of the file.

    Raises:
        ValueError: If it is no archive, is cut short, or lacks something.
    """
    try:
        # A single array has no such protocol, and says so.
        with np.load(path, allow_pickle=False) as archive:
            yield archive
    except (zipfile.BadZipFile, KeyError, TypeError, EOFError, AttributeError, NotImplementedError) as error:
        message = f"it is no whole frame cache of hexrd ({error})"
        raise ValueError(message) from error


def _look(archive: Any) -> FrameCache:
    shape = [int(side) for side in np.asarray(archive["shape"]).reshape(-1)]
    names = set(archive.files)
    found = [int(number[1]) for name in names if (number := _FRAME.fullmatch(name))]
    count = int(archive["nframes"]) if "nframes" in names else max(found, default=-1) + 1
    if len(shape) != 2 or not all(0 < side <= _MOST_SIDE for side in shape) or not 0 < count <= _MOST_FRAMES:
        message = f"its shape is {shape} px and it has {count} frames; allowed are two sides and one frame or more"
        raise ValueError(message)
    if not {f"{number}_{part}" for number in range(count) for part in ("row", "col", "data")} <= names:
        message = f"it has not all of its {count} frames"
        raise ValueError(message)
    kind = np.dtype(np.asarray(archive["dtype"]).astype(str).item()) if "dtype" in names else _USUAL
    if kind.kind not in "biuf":
        message = f"its pixels are {kind}; allowed are numbers"
        raise ValueError(message)
    omega = _omega(np.asarray(archive["omega"]), count) if "omega" in names else None
    return FrameCache(count, (shape[0], shape[1]), kind, omega)


def _omega(told: NDArray[Any], count: int) -> Floats | None:
    """Return the middle of each frame in degrees; nothing of what is written in another way."""
    if told.dtype.kind not in "iuf":
        return None
    if told.ndim == 2 and told.shape == (count, 2):
        return told.astype(np.float64).mean(axis=1)
    if told.shape == (_OLD,):
        return np.asarray(np.degrees(float(told[0]) + float(told[1]) * (np.arange(count) + 0.5)), np.float64)
    return None


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
