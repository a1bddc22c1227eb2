"""Frames in image files."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.core.pixels import NOTHING_BAD, Bad
from steering.core.place import Place
from steering.readers.image_files import read_image_file
from steering.readers.paths import local_path

# A file that is named as soon as it is begun may still be written for this long (seconds).
PATIENCE, SETTLED = 10.0, 60.0
_LOOK_SECONDS = 0.02
# A path, a number, a time, and what holds them.
_WEIGHT = 10


@dataclass(frozen=True)
class ImageFiles:
    """Frames in image files (TIFF, CBF and what else a detector writes).

    Attributes:
        paths: One file a frame.
        indices: Which image of its file each frame is, from 0.
        times: Unix time in seconds at which each frame was complete, or NaN.
    """

    paths: tuple[str, ...]
    indices: tuple[int, ...]
    times: tuple[float, ...]

    @property
    def path(self) -> str:
        """The first file."""
        return self.paths[0]

    def read(self, first: int, stop: int) -> tuple[NDArray[Any], Floats]:
        """Read the frames; a file that is still being written is waited for.

        Raises:
            SteeringError: If a file is missing, damaged, or of another shape than the others.
        """
        del first, stop
        frames: list[NDArray[Any]] = []
        for path, named in groupby(zip(self.paths, self.indices, strict=True), lambda pair: pair[0]):
            indices = [index for _, index in named]
            found = local_path(path)
            if found is None:
                message = f"{path} is not seen here. Check that this worker sees the detector's filesystem."
                raise SteeringError(message)
            frames.extend(_patiently(found, path, indices))
        shapes = {frame.shape for frame in frames}
        if len(shapes) > 1:
            message = f"The images {self.paths[0]} to {self.paths[-1]} have different shapes: {sorted(shapes)}."
            raise SteeringError(message)
        return np.stack(frames), np.array(self.times)

    def bad(self, shape: tuple[int, int]) -> Bad:
        """Say nothing: an image file has no mask beside it."""
        del shape
        return NOTHING_BAD

    def part(self, part: slice) -> Place:
        """Return some of the files."""
        return ImageFiles(self.paths[part], self.indices[part], self.times[part])

    def goes_on_in(self, after: Place) -> bool:
        """Say whether the others lie in image files too."""
        return isinstance(after, ImageFiles)

    def joined(self, others: Sequence[Place]) -> Place:
        """Return the files of all."""
        all_of = (self, *cast("Sequence[ImageFiles]", others))
        return ImageFiles(
            tuple(path for one in all_of for path in one.paths),
            tuple(index for one in all_of for index in one.indices),
            tuple(when for one in all_of for when in one.times),
        )

    def weight(self, frames: int) -> int:
        """Count what is named of each frame."""
        return _WEIGHT * frames

    def asked(self, done: int, first: int, stop: int) -> dict[str, str | int]:
        """Say how a beamline's service is asked for the frame after so many, which is one a message."""
        del first, stop
        return {"path": self.paths[done], "first": self.indices[done], "stop": self.indices[done] + 1}


def _patiently(found: Path, path: str, indices: list[int]) -> NDArray[Any]:
    """Read images of a file, which may still be written if it is new."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return read_image_file(found, indices)
        except (ValueError, OSError, EOFError, IndexError, KeyError) as error:
            if time.monotonic() > deadline or _is_settled(found):
                images = str(indices[0]) if len(indices) == 1 else f"{indices[0]} to {indices[-1]}"
                message = f"Image {images} of {path} cannot be read ({error})."
                raise SteeringError(message) from error
        time.sleep(_LOOK_SECONDS)


def _is_settled(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > SETTLED
    except OSError:
        return True
