"""Frames in a file of photon events."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.core.pixels import NOTHING_BAD, Bad
from steering.core.place import Place
from steering.photons.rigaku import EventRange, read_rigaku
from steering.readers.paths import local_path

# A file that another node writes may be seen so much later here (seconds).
_PATIENCE = 10.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class EventFile:
    """Frames in a file of events, as Rigaku's detectors write them.

    Attributes:
        path: The file.
        shape: Rows and columns of a frame.
        where: In which part of the file their events lie; it is waited for.
    """

    path: str
    shape: tuple[int, int]
    where: EventRange

    def read(self, first: int, stop: int) -> tuple[NDArray[Any], Floats]:
        """Read frames; they look like an array of pixels, and are laid out as one for whoever wants that.

        Raises:
            SteeringError: If they cannot be read, or do not come.
        """
        deadline = time.monotonic() + _PATIENCE
        while True:
            found = local_path(self.path)
            try:
                if found is not None:
                    frames: Any = read_rigaku(found, first, stop, self.shape, self.where)
                    return frames, np.full(stop - first, np.nan)
                problem = "it is not there"
            except (OSError, EOFError) as error:
                problem = str(error)
            if time.monotonic() > deadline:
                message = (
                    f"Frames {first} to {stop - 1} cannot be read from {self.path} ({problem}). Check that this worker "
                    "sees the detector's filesystem."
                )
                raise SteeringError(message)
            time.sleep(_LOOK_SECONDS)

    def bad(self, shape: tuple[int, int]) -> Bad:
        """Say nothing: nothing is written beside events."""
        del shape
        return NOTHING_BAD

    def part(self, part: slice) -> Place:
        """Return itself: events know their frame."""
        del part
        return self

    def goes_on_in(self, after: Place) -> bool:
        """Say whether the others lie in the same file."""
        return isinstance(after, EventFile) and (self.path, self.shape) == (after.path, after.shape)

    def joined(self, others: Sequence[Place]) -> Place:
        """Return the part of the file that holds the events of all."""
        some = [self.where, *(one.where for one in cast("Sequence[EventFile]", others))]
        begin, end = min(one.begin for one in some), max(one.end for one in some)
        return replace(self, where=EventRange(begin, end, all(one.ordered for one in some)))

    def weight(self, frames: int) -> int:
        """Say that a file of many frames needs one reference."""
        del frames
        return 0
