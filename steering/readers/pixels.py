"""Finds, on the worker, which pixels of a block's frames are no counts."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.core.pixels import COUNTS_ONLY, NOTHING_BAD, Bad, Bools, Mask, MaskBits, MaskFile, Pixels
from steering.core.place import Place
from steering.readers.file_names import HDF5, TIFF
from steering.readers.open_files import OpenFiles
from steering.readers.paths import absolute, local_path

_IMAGE_SUFFIXES = TIFF | {".cbf", ".edf", ".mccd", ".img"}
_IMAGE_DIMENSIONS = 2
_FILES = OpenFiles(2)


def with_bad(block: FrameBlock, shape: tuple[int, ...]) -> FrameBlock:
    """Add to a block which of its pixels are no counts.

    Args:
        block: The block.
        shape: Of its frames, ``(rows, columns)``.

    Raises:
        SteeringError: If a mask cannot be read, or is of another shape.
    """
    if len(shape) != _IMAGE_DIMENSIONS:
        return block
    bad = known_bad(block.pixels, block.place, (shape[0], shape[1]))
    return block if bad is NOTHING_BAD else replace(block, bad=bad)


def known_bad(pixels: Pixels, place: Place | None, shape: tuple[int, int]) -> Bad:
    """Unite what a person said of the pixels, and what the frames' own file says.

    Raises:
        SteeringError: If a mask cannot be read, or is of another shape.
    """
    said = NOTHING_BAD if pixels == COUNTS_ONLY else _said(pixels, shape, tuple(map(_written, pixels.masks)))
    beside = NOTHING_BAD if place is None else place.bad(shape)
    if said is NOTHING_BAD or beside is NOTHING_BAD:
        return beside if said is NOTHING_BAD else said
    masks = [one for one in (said.mask, beside.mask) if one is not None]
    return Bad(np.any(masks, axis=0) if masks else None, min(said.saturated, beside.saturated))


def make_mask(wanted: "str | Path | NDArray[Any] | None") -> tuple[Mask, ...]:
    """Make a mask of what a person names: an array, or a file (``mask.npy``, ``mask.tif``, ``master.h5::PATH``).

    Raises:
        SteeringError: If the array has another number of dimensions, or the file is of no known kind.
    """
    if wanted is None or (isinstance(wanted, str) and not wanted):
        return ()
    if not isinstance(wanted, str | Path):
        try:
            return (MaskBits.of(np.asarray(wanted)),)
        except ValueError as error:
            raise SteeringError(str(error)) from error
    path, _, dataset = str(wanted).partition("::")
    suffix = Path(path).suffix.lower()
    if suffix in HDF5 and not dataset:
        message = f"The mask {path} is an HDF5 file: say which dataset, as {path}::PATH/IN/FILE."
        raise SteeringError(message)
    if suffix not in HDF5 | _IMAGE_SUFFIXES | {".npy"}:
        message = (
            f"The mask {path} is of no known kind. Known: .npy, images ({', '.join(sorted(_IMAGE_SUFFIXES))}), HDF5."
        )
        raise SteeringError(message)
    return (MaskFile(absolute(path), dataset),)


def _written(mask: Mask) -> tuple[int, int] | None:
    """Tell one writing of a mask's file from the next; nothing of a mask without a file, or of one that is not seen."""
    path = local_path(mask.path) if isinstance(mask, MaskFile) else None
    try:
        known = None if path is None else path.stat()
    except OSError:
        return None
    return None if known is None else (known.st_ino, known.st_mtime_ns)


@lru_cache(maxsize=16)
def _said(pixels: Pixels, shape: tuple[int, int], written: tuple[object, ...]) -> Bad:
    """Read masks once, as long as their files stay as they are."""
    del written
    masks = [_read(mask, shape) for mask in pixels.masks]
    return Bad(np.any(masks, axis=0) if masks else None, pixels.saturated)


def _read(mask: Mask, shape: tuple[int, int]) -> Bools:
    bad = mask.bad() if isinstance(mask, MaskBits) else _read_file(mask)
    if bad.shape != shape:
        where = "The mask" if isinstance(mask, MaskBits) else f"The mask {mask.path}"
        message = f"{where} has shape {bad.shape}, but the frames have shape {shape}. Give one of the frames' shape."
        raise SteeringError(message)
    return bad


def _read_file(mask: MaskFile) -> Bools:
    from steering.readers.image_files import read_image_file

    path = local_path(mask.path)
    if path is None:
        message = f"The mask {mask.path} is not seen here. Check that this worker sees its filesystem."
        raise SteeringError(message)
    try:
        if mask.dataset:
            with _FILES.use(str(path)) as file:
                values = np.asarray(file[mask.dataset][()])
            _FILES.forget(str(path))
        elif path.suffix == ".npy":
            values = np.load(path, allow_pickle=False)
        else:
            values = read_image_file(path)[0]
        return np.asarray(np.squeeze(values) != 0)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        message = f"The mask {mask.path} cannot be read ({error})."
        raise SteeringError(message) from error
