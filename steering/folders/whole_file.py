"""What a detector's file holds, once it is whole."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steering.core.block import Floats, FrameBlock
from steering.core.pixels import COUNTS_ONLY, Pixels
from steering.folders.directory import SeenFile
from steering.places.hdf5 import FrameFile
from steering.places.images import ImageFiles
from steering.readers.file_names import FRAME_CACHE, HDF5
from steering.readers.frame_cache import look_into
from steering.readers.hdf5_frames import count_frames
from steering.readers.hdf5_layout import find_layout, require_images
from steering.readers.hdf5_written import is_being_written
from steering.readers.image_files import read_image_file
from steering.readers.open_files import OpenFiles

_OMEGA = "omega"


@dataclass(frozen=True)
class WholeFile:
    """A file and what it turned out to hold.

    Attributes:
        file: The file.
        frames: How many.
        shape: Of a frame, pixels.
        dtype: Of a pixel.
        stack: Where they are in an HDF5 file; nothing for image files.
        complete: Unix time in seconds of its last change.
        columns: Numbers of each frame that the file holds besides, of shape ``(frames,)``.
        units: Of these, where the file says them.
    """

    file: SeenFile
    frames: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    stack: FrameFile | None
    complete: float
    columns: Mapping[str, Floats] = field(default_factory=dict[str, Floats], compare=False)
    units: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame."""
        return math.prod(self.shape) * self.dtype.itemsize

    def agrees(self, other: "WholeFile") -> bool:
        """Say whether its frames are like those of another file, so that they can be of one run."""
        return (self.shape, self.dtype) == (other.shape, other.dtype)


def read_whole(file: SeenFile, opened: OpenFiles, *, closed: bool = False) -> WholeFile | None:
    """Read a file; nothing if it is HDF5 and still being written.

    Args:
        file: The file.
        opened: Where its handle is kept.
        closed: Whether it counts as closed, whatever it says itself: its writer has died.

    Raises:
        OSError, ValueError, KeyError, RuntimeError, SteeringError: If it is not whole, or not what its name says.
    """
    complete = file.changed * 1e-9
    if file.name.suffix in FRAME_CACHE:
        held = look_into(file.path)
        angles = {} if held.omega is None else {_OMEGA: held.omega}
        units = dict.fromkeys(angles, "deg")
        return WholeFile(file, held.frames, held.shape, held.dtype, None, complete, angles, units)
    if file.name.suffix not in HDF5:
        # Read whole, because only that tells whether it is whole; its bytes are then in this machine's memory.
        images = read_image_file(file.path)
        return WholeFile(file, len(images), images.shape[1:], images.dtype, None, complete)
    if not closed and is_being_written(file.path):
        return None
    # Opened anew each time: what was known of it half-written is out of date.
    opened.forget(str(file.path))
    with opened.use(str(file.path)) as handle:
        layout = require_images(find_layout(handle, alone=True), file.path)
        if len(layout.stacks) != 1:
            message = "it holds no single stack of images"
            raise ValueError(message)
        stack = layout.stacks[0].file
        dataset: Any = handle[stack.dataset]
        place = FrameFile(stack.path, stack.dataset, stack.times)
        frames = count_frames(dataset)
        columns = {name: one.read(handle, 0, frames) for name, one in layout.columns.items()}
        units = {name: one.units for name, one in layout.columns.items() if one.units}
        shape = tuple(dataset.shape[-2:])
        return WholeFile(file, frames, shape, dataset.dtype, place, complete, columns, units)


def block_of(
    run: str, start: int, whole: Sequence[WholeFile], received: float, pixels: Pixels = COUNTS_ONLY
) -> FrameBlock:
    """Make one block of image files, or of one HDF5 file.

    Args:
        run: Which run.
        start: Index of the first frame in it.
        whole: The files, in order.
        received: Unix time in seconds at which they were found to be whole.
        pixels: Which of their pixels are no counts, as far as a person said so.
    """
    stop = start + sum(one.frames for one in whole)
    seen = {"document": whole[-1].complete, "received": received}
    if whole[0].stack is not None:
        only = whole[0]
        return FrameBlock(run, "primary", start, stop, whole[0].stack, only.columns, only.units, seen, 0, pixels)
    frames = [(one, number) for one in whole for number in range(one.frames)]
    place = ImageFiles(
        tuple(str(one.file.path) for one, _ in frames),
        tuple(number for _, number in frames),
        tuple(one.complete for one, _ in frames),
    )
    # Of a column each frame has a value, or there is none.
    names = [name for name in whole[0].columns if all(name in one.columns for one in whole)]
    columns = {name: np.concatenate([one.columns[name] for one in whole]) for name in names}
    return FrameBlock(run, "primary", start, stop, place, columns, whole[0].units, seen, None, pixels)
