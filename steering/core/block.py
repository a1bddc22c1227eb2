"""Frames by reference: the unit of work.

References travel, pixels do not: a task opens the file itself, so it is a pure function of its block and can be
run again on another node.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from steering.core.pixels import COUNTS_ONLY, NOTHING_BAD, Bad, Pixels
from steering.core.place import Inline, Place

__all__ = ["Floats", "FrameBlock", "Inline", "Place"]

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class FrameBlock:
    """A range of frames of one stream of one run, and the positions at which they were taken.

    Attributes:
        run: Run uid.
        stream: Stream name, mostly ``"primary"``.
        start: Index of the first frame in the stream, from 0.
        stop: Index after the last frame.
        place: Where the pixels are; ``None`` for a block of scalar events only.
        columns: One value a frame, each of length ``stop - start``: motor positions, exposure, counters.
        units: Unit of each column.
        seen: Unix times in seconds of the hops that the block has passed, by hop name.
        first: Index of frame ``start`` in its file (a file may begin in the middle of a stream).
        pixels: Which pixels are no counts, as far as the frames' own files do not say it.
        bad: The same at hand, files included; known once the frames have been read.
    """

    run: str
    stream: str
    start: int
    stop: int
    place: Place | None
    columns: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    units: Mapping[str, str] = field(default_factory=dict[str, str])
    seen: Mapping[str, float] = field(default_factory=dict[str, float])
    first: int | None = None
    pixels: Pixels = COUNTS_ONLY
    bad: Bad = field(default=NOTHING_BAD, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Check that the range is not empty and that each column has one value a frame.

        Raises:
            ValueError: If not.
        """
        if not 0 <= self.start < self.stop:
            message = f"a block needs 0 <= start < stop, not {self.start} to {self.stop}"
            raise ValueError(message)
        for name, column in self.columns.items():
            if column.shape != (len(self),):
                message = f"column {name!r} has shape {column.shape}, but the block has {len(self)} frames"
                raise ValueError(message)

    def __len__(self) -> int:
        """Count the frames."""
        return self.stop - self.start

    @property
    def key(self) -> str:
        """Name of the block, the same for the same frames of the same run."""
        return f"{self.run}-{self.stream}-{self.start}-{self.stop}"

    @property
    def indices(self) -> NDArray[np.int64]:
        """Frame numbers in the stream, shape ``(frames,)``."""
        return np.arange(self.start, self.stop, dtype=np.int64)

    def part(self, start: int, stop: int) -> "FrameBlock":
        """Return the part with frames ``start`` to ``stop - 1`` of its stream."""
        if (start, stop) == (self.start, self.stop):
            return self
        part = slice(start - self.start, stop - self.start)
        return replace(
            self,
            start=start,
            stop=stop,
            place=None if self.place is None else self.place.part(part),
            columns={name: column[part] for name, column in self.columns.items()},
            first=None if self.first is None else self.first + part.start,
        )

    def goes_on_in(self, after: "FrameBlock") -> bool:
        """Say whether a block holds the frames after these, in the same place and with the same columns."""
        first = None if self.first is None else self.first + len(self)
        return (
            (self.run, self.stream, self.stop, self.pixels) == (after.run, after.stream, after.start, after.pixels)
            and self.columns.keys() == after.columns.keys()
            and self.units == after.units
            and first == after.first
            and _goes_on(self.place, after.place)
        )

    def joined(self, others: "Sequence[FrameBlock]") -> "FrameBlock":
        """Return one block of this one and those after it, each of which goes on in the next."""
        if not others:
            return self
        blocks = (self, *others)
        columns = {name: np.concatenate([block.columns[name] for block in blocks]) for name in self.columns}
        places = [block.place for block in others if block.place is not None]
        place = None if self.place is None else self.place.joined(places)
        # The newest frame's way is what a latency is told from.
        return replace(self, stop=others[-1].stop, place=place, columns=columns, seen=others[-1].seen)


def _goes_on(before: Place | None, after: Place | None) -> bool:
    if before is None or after is None:
        return before is after
    return before.goes_on_in(after)
