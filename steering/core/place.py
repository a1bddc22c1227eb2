"""Where frames lie: what a block refers to, and what a worker needs to get at the pixels.

One kind of place a file stands in :mod:`steering.places`: what it refers to, and how its frames are read, cut, joined
and weighed. Here is what all of them can do, and the one kind that lies nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from steering.core.pixels import NOTHING_BAD, Bad


class Place(Protocol):
    """A reference to frames. Frozen, compared by value, and sent to workers by pickle."""

    def read(self, first: int, stop: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Read frames ``first`` to ``stop - 1``, counted as they lie there; several threads may at once.

        Returns:
            Frames of shape ``(stop - first, rows, columns)``, perhaps read-only, and Unix times in seconds of the ends
            of their exposures, NaN where nobody says.

        Raises:
            SteeringError: If they cannot be read, or do not come in time.
        """
        ...

    def bad(self, shape: tuple[int, int]) -> Bad:
        """Say which pixels of frames of a shape are no counts, as far as it is written beside them."""
        ...

    def part(self, part: slice) -> "Place":
        """Return the place of some of the frames, counted from its first."""
        ...

    def goes_on_in(self, after: "Place") -> bool:
        """Say whether one place can stand for these frames and those after them."""
        ...

    def joined(self, others: "Sequence[Place]") -> "Place":
        """Return the place of these frames and all those after them, each of which goes on in the next."""
        ...

    def weight(self, frames: int) -> int:
        """Say how much memory a reference to so many frames takes, in numbers of 8 bytes; 0 if they need no more."""
        ...


@dataclass(frozen=True)
class Inline:
    """Frames sent by value, where no file can be seen.

    Attributes:
        frames: Array of shape ``(frames, rows, columns)``.
    """

    frames: NDArray[Any]

    def read(self, first: int, stop: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return the frames."""
        return self.frames, np.full(stop - first, np.nan)

    def bad(self, shape: tuple[int, int]) -> Bad:
        """Say nothing: nothing is written beside them."""
        del shape
        return NOTHING_BAD

    def part(self, part: slice) -> Place:
        """Return some of them."""
        return Inline(self.frames[part])

    def goes_on_in(self, after: Place) -> bool:
        """Say no: to join them, their pixels would be copied."""
        del after
        return False

    def joined(self, others: Sequence[Place]) -> Place:
        """Join them: never asked for.

        Raises:
            ValueError: If there is anything to join.
        """
        if others:
            message = "frames that are sent by value are not joined"
            raise ValueError(message)
        return self

    def weight(self, frames: int) -> int:
        """Count the pixels."""
        del frames
        return self.frames.nbytes // 8
