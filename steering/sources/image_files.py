"""Reads frames from image files: TIFF by tifffile, all that other detectors write (CBF, EDF, MarCCD ...) by fabio."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.errors import SteeringError
from steering.core.place import ImageFiles
from steering.sources.paths import local_path

# What stands before the pixels in a CBF file, and how far from its beginning at most.
_CBF_BINARY, _CBF_HEAD = b"\x0c\x1a\x04\xd5", 1 << 18
TIFF = frozenset((".tif", ".tiff"))
_IMAGE_DIMENSIONS = 2


def read_images(place: ImageFiles) -> NDArray[Any]:
    """Read the frames that a reference names.

    Returns:
        Array of shape ``(frames, rows, columns)``.

    Raises:
        SteeringError: If a file is missing, damaged, or of another shape than the others.
    """
    frames: list[NDArray[Any]] = []
    for path, index in zip(place.paths, place.indices, strict=True):
        found = local_path(path)
        if found is None:
            message = f"{path} is not seen here. Check that this worker sees the detector's filesystem."
            raise SteeringError(message)
        try:
            frames.append(read_image_file(found)[index])
        except (ValueError, OSError, IndexError, KeyError) as error:
            message = f"Image {index} of {path} cannot be read ({error})."
            raise SteeringError(message) from error
    shapes = {frame.shape for frame in frames}
    if len(shapes) > 1:
        message = f"The images {place.paths[0]} to {place.paths[-1]} have different shapes: {sorted(shapes)}."
        raise SteeringError(message)
    return np.stack(frames)


def read_image_file(path: Path) -> NDArray[Any]:
    """Read all images of a file, whole or not at all.

    Returns:
        Array of shape ``(images, rows, columns)``.

    Raises:
        ValueError: If it is no image file, is cut short, or holds colour images.
        OSError: If it cannot be read.
    """
    images = _tiff(path) if path.suffix.lower() in TIFF else _fabio(path)
    if images.ndim == _IMAGE_DIMENSIONS:
        images = images[np.newaxis]
    if images.ndim != _IMAGE_DIMENSIONS + 1 or images.dtype.kind not in "biuf":
        message = f"its images have shape {images.shape} and type {images.dtype}; allowed are grey ones"
        raise ValueError(message)
    return images


def _tiff(path: Path) -> NDArray[Any]:
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            size = path.stat().st_size
            for page in file.pages:
                # The library fills what is cut off with zeros.
                ends = [begin + length for begin, length in zip(page.dataoffsets, page.databytecounts, strict=False)]
                if not ends or max(ends) > size:
                    message = f"it ends after {size} bytes, but its pixels reach to byte {max(ends, default=0)}"
                    raise ValueError(message)
            return np.asarray(file.asarray())
    except (tifffile.TiffFileError, IndexError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        message = f"it is no whole TIFF file ({error})"
        raise ValueError(message) from error


def _check_cbf(path: Path) -> None:
    """Check that a CBF file is whole by its own header: fabio reads one that is cut short for ever."""
    with path.open("rb") as file:
        head = file.read(_CBF_HEAD)
    begin = head.find(_CBF_BINARY)
    size = re.search(rb"X-Binary-Size:\s*(\d+)", head[:begin]) if begin >= 0 else None
    if size is None or path.stat().st_size < begin + len(_CBF_BINARY) + int(size[1]):
        message = f"it is no whole CBF file: it has only {path.stat().st_size} bytes"
        raise ValueError(message)


def _fabio(path: Path) -> NDArray[Any]:
    import fabio

    if path.suffix.lower() == ".cbf":
        _check_cbf(path)
    try:
        with fabio.open(str(path)) as image:
            if image.nframes == 1:
                # Asked for a frame by number, some formats open the next file of the series.
                return np.asarray(image.data)
            return np.stack([np.asarray(image.getframe(number).data) for number in range(image.nframes)])
    except Exception as error:  # each of fabio's many readers has errors of its own
        message = f"it is no whole image file ({type(error).__name__}: {error})"
        raise ValueError(message) from error
