"""Reads frames from image files: TIFF, GE's, hexrd's caches, and what fabio reads (CBF, EDF ...), packed or not."""

import bz2
import gzip
import io
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from steering.readers.file_names import FRAME_CACHE, GE, PACKED, TIFF
from steering.readers.frame_cache import read_frame_cache

# What stands before the pixels in a CBF file, and how far from its beginning at most.
_CBF_SECTION = b"--CIF-BINARY-FORMAT-SECTION--"
_CBF_BINARY, _CBF_HEAD = b"\x0c\x1a\x04\xd5", 1 << 18
# GE's: a header that may be blank, then frames.
_GE_HEADER, _GE_SHAPE, _GE_TYPE = 8192, (2048, 2048), np.dtype("<u2")
_IMAGE_DIMENSIONS = 2
_OPENERS: dict[str, Callable[[Path, str], IO[bytes]]] = {
    ".gz": cast("Any", gzip.open),
    ".bz2": cast("Any", bz2.open),
}


def read_image_file(path: Path, indices: Sequence[int] | None = None) -> NDArray[Any]:
    """Read images of a file.

    Args:
        path: The file.
        indices: Which, from 0; all if left out, and then the file is whole.

    Returns:
        Array of shape ``(images, rows, columns)``.

    Raises:
        ValueError: If it is no image file, is cut short, or holds colour images.
        IndexError: If it does not hold so many images.
        OSError: If it cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix in PACKED:
        suffix = Path(path.stem).suffix.lower()
    if suffix in TIFF:
        images = _tiff(path, indices)
    elif suffix in GE:
        images = _ge(path, indices)
    elif suffix in FRAME_CACHE:
        images = read_frame_cache(path, indices)
    else:
        images = _fabio(path, suffix, indices)
    if images.ndim != _IMAGE_DIMENSIONS + 1 or images.dtype.kind not in "biuf":
        message = f"its images have shape {images.shape[1:]} and type {images.dtype}; allowed are grey ones"
        raise ValueError(message)
    return images


def _unpacked(path: Path) -> Path | io.BytesIO:
    """Return a packed file's content, or the path of a plain one.

    Raises:
        ValueError: If it is cut short.
    """
    opened = _OPENERS.get(path.suffix.lower())
    if opened is None:
        return path
    try:
        with opened(path, "rb") as file:
            return io.BytesIO(file.read())
    except (EOFError, zlib.error) as error:
        message = f"it is no whole packed file ({error})"
        raise ValueError(message) from error


def _tiff(path: Path, indices: Sequence[int] | None) -> NDArray[Any]:
    import tifffile

    try:
        source = _unpacked(path)
        size = path.stat().st_size if isinstance(source, Path) else len(source.getbuffer())
        with tifffile.TiffFile(source) as file:
            # A page is an image, unless a program has put many images behind one.
            apart = indices if indices is not None and max(indices) < len(file.pages) else None
            for page in file.pages if apart is None else [file.pages[index] for index in apart]:
                _check_page(page, size)
            read: NDArray[Any] = file.asarray() if apart is None else file.asarray(key=list(apart))
            images = read.reshape((-1, *read.shape[-2:]))
            return images if indices is None or apart is not None else images[list(indices)]
    except (OSError, ValueError):
        raise
    except Exception as error:  # each of its decoders has errors of its own
        message = f"it is no whole TIFF file ({error})"
        raise ValueError(message) from error


def _check_page(page: Any, size: int) -> None:
    """Check that a page is whole, and grey: each other one would be read as several images, or as wrong numbers.

    Raises:
        ValueError: If not.
    """
    # The library fills what is cut off with zeros.
    ends = [begin + length for begin, length in zip(page.dataoffsets, page.databytecounts, strict=False)]
    if not ends or max(ends) > size:
        message = f"it ends after {size} bytes, but its pixels reach to byte {max(ends, default=0)}"
        raise ValueError(message)
    colours = int(page.samplesperpixel)
    kind = getattr(page.photometric, "name", str(page.photometric)).lower()
    if colours != 1 or kind not in ("minisblack", "miniswhite"):
        what = f"{colours} samples a pixel" if colours != 1 else f"pixels that are {kind}"
        message = (
            f"it holds colour images ({what}); allowed are grey ones: have the detector write one colour, or sum them"
        )
        raise ValueError(message)


def _ge(path: Path, indices: Sequence[int] | None) -> NDArray[Any]:
    """Read a GE panel's file: its size alone says whether it is whole."""
    size = path.stat().st_size - _GE_HEADER
    frame = int(np.prod(_GE_SHAPE)) * _GE_TYPE.itemsize
    if size <= 0 or size % frame:
        message = (
            f"it has {size + _GE_HEADER} bytes, which is no whole number of frames of {frame} bytes after a header"
        )
        raise ValueError(message)
    images = np.memmap(path, _GE_TYPE, "r", _GE_HEADER, (size // frame, *_GE_SHAPE))
    return images if indices is None else images[list(indices)]


def _check_cbf(path: Path, head: bytes, size: int) -> None:
    """Check that a CBF file is whole by its own header: fabio reads one that is cut short for ever."""
    begin = head.find(_CBF_BINARY)
    said = re.search(rb"X-Binary-Size:\s*(\d+)", head[:begin]) if begin >= 0 else None
    if said is None or _CBF_SECTION not in head[:begin] or size < begin + len(_CBF_BINARY) + int(said[1]):
        message = f"it is no whole CBF file: {path.name} has only {size} bytes"
        raise ValueError(message)


def _fabio(path: Path, suffix: str, indices: Sequence[int] | None) -> NDArray[Any]:
    import fabio

    if suffix == ".cbf":
        source = _unpacked(path)
        if isinstance(source, Path):
            with source.open("rb") as file:
                _check_cbf(path, file.read(_CBF_HEAD), path.stat().st_size)
        else:
            content = source.getvalue()
            _check_cbf(path, content[:_CBF_HEAD], len(content))
    elif path.suffix.lower() in PACKED:
        # Only to know whether it is whole: the library unpacks it itself.
        _unpacked(path)
    try:
        with fabio.open(str(path)) as image:
            wanted = range(image.nframes) if indices is None else indices
            if image.nframes == 1:
                # Asked for a frame by number, some formats open the next file of the series.
                return np.asarray(image.data)[np.newaxis]
            return np.stack([np.asarray(image.getframe(number).data) for number in wanted])
    except Exception as error:  # each of fabio's many readers has errors of its own
        message = f"it is no whole image file ({type(error).__name__}: {error})"
        raise ValueError(message) from error
