"""What is known of frames, one by one: a union of tables, so that any order gives the same bits.

Spots are kept of the newest frames only, as there are many; what is shown on a map is kept of all.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from steering.core.block import Floats
from steering.spots.lit import Numbers

# Columns of frames: the share of the pixels that is no counts, whether it was crowded, spots, those of known grains,
# those of new ones, where it was taken (slow, fast), the size of its cell, its grid, its exposure.
MASKED, CROWDED, SPOTS, INDEXED, NEW, SLOW, FAST, SLOW_STEP, FAST_STEP, GRID, EXPOSURE = range(11)
FRAME_COLUMNS: Final = 11
# Columns of grains: number (that of the known one, or NEW_GRAIN), spots, expected spots, how far these are off in
# degrees, how far its orientation is from the known one in degrees, its rotation, strain and the strain's errors.
GRAIN, OWN, EXPECTED, OFF, APART, TURN, STRAIN, STRAIN_ERROR = 0, 1, 2, 3, 4, 5, 14, 20
GRAIN_COLUMNS: Final = 26
NEW_GRAIN: Final = -2
# Columns of spots: place, counts, peak, direction, number of the grain (-1 for none), its indices.
ROW, COLUMN, COUNTS, TOP, DIRECTION, OF_GRAIN, INDICES = 0, 1, 2, 3, 4, 7, 8
SPOT_COLUMNS: Final = 11


@dataclass(frozen=True, eq=False)
class Table:
    """Rows that belong to frames, in their order.

    Attributes:
        frame: Index of the frame of each row, shape ``(rows,)``.
        values: Shape ``(rows, columns)``.
    """

    frame: Numbers
    values: Floats

    @classmethod
    def empty(cls, columns: int) -> "Table":
        """Make one of no rows."""
        return cls(np.empty(0, np.int64), np.empty((0, columns)))

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.frame)

    def with_others(self, other: "Table", also: Numbers) -> "Table":
        """Add another one's rows, without those of frames that are here.

        Args:
            other: The other one.
            also: Frames of this one, sorted, whether they have rows or not.
        """
        if not len(other):
            return self
        if not len(also) or also[-1] < other.frame[0]:
            # A live run goes on where it was.
            return Table(np.concatenate([self.frame, other.frame]), np.concatenate([self.values, other.values]))
        keep = ~np.isin(other.frame, also)
        frame = np.concatenate([self.frame, other.frame[keep]])
        order = np.argsort(frame, kind="stable")
        return Table(frame[order], np.concatenate([self.values, other.values[keep]])[order])

    def since(self, first: int) -> "Table":
        """Return the rows of frames from one on."""
        begin = int(np.searchsorted(self.frame, first))
        return Table(self.frame[begin:], self.values[begin:]) if begin else self


@dataclass(frozen=True, eq=False)
class Tables:
    """All that is known.

    Attributes:
        frames: A row a frame.
        grains: A row for each grain that was found in a frame, most spots first.
        spots: A row for each spot of the newest frames.
    """

    frames: Table
    grains: Table
    spots: Table

    def united(self, other: "Tables", kept: int) -> "Tables":
        """Unite two sets of frames; a frame in both is taken once.

        Args:
            other: The other set.
            kept: Of so many of the newest frames spots are kept.
        """
        here = self.frames.frame
        frames = self.frames.with_others(other.frames, here)
        first = int(frames.frame[-kept]) if len(frames) > kept else 0
        return Tables(
            frames, self.grains.with_others(other.grains, here), self.spots.with_others(other.spots, here).since(first)
        )


NOTHING: Final = Tables(Table.empty(FRAME_COLUMNS), Table.empty(GRAIN_COLUMNS), Table.empty(SPOT_COLUMNS))
