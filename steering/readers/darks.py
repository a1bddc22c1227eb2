"""A frame without beam, out of a file: the mean of the images in it, in whole counts."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.errors import SteeringError
from steering.readers.image_files import read_image_file
from steering.readers.open_files import OpenFiles
from steering.readers.paths import local_path

_FILES = OpenFiles(2)
_MOST_IMAGES = 1000


def read_dark(named: str) -> NDArray[np.int64]:
    """Read a dark: ``dark.npy``, an image file, GE's too, or ``file.h5::PATH``.

    Returns:
        Counts, shape ``(rows, columns)``; 0 where the file has no number.

    Raises:
        SteeringError: If it is not seen here, cannot be read, or holds no image.
    """
    name, _, dataset = named.partition("::")
    path = local_path(name)
    try:
        changed = None if path is None else path.stat().st_mtime_ns
    except OSError:
        changed = None
    if path is None or changed is None:
        message = f"The dark {name} is not seen here. Check the path, and that this worker sees its filesystem."
        raise SteeringError(message)
    return _mean_of(name, path, dataset, changed)


@lru_cache(maxsize=4)
def _mean_of(name: str, path: Path, dataset: str, changed: int) -> NDArray[np.int64]:
    """Read a file once, as long as it stays as it is."""
    del changed
    try:
        images = np.asarray(_read(path, dataset), np.float64)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, IndexError) as error:
        message = f"The dark {name} cannot be read ({error}). Give .npy, an image file, or FILE.h5::PATH/IN/FILE."
        raise SteeringError(message) from error
    if images.ndim not in (2, 3) or not images.size:
        message = f"The dark {name} has shape {images.shape}. Allowed: (rows, columns), or several of these."
        raise SteeringError(message)
    stack = images.reshape((-1, *images.shape[-2:]))[:_MOST_IMAGES]
    dark = np.rint(np.nan_to_num(stack, nan=0.0, posinf=0.0, neginf=0.0).mean(axis=0)).astype(np.int64)
    dark.flags.writeable = False
    return dark


def _read(path: Path, dataset: str) -> NDArray[Any]:
    if dataset:
        with _FILES.use(str(path)) as file:
            found = np.asarray(file[dataset][()])
        _FILES.forget(str(path))
        return found
    return np.load(path, allow_pickle=False) if path.suffix == ".npy" else read_image_file(path)
