"""Numbers of single frames without end: the newest in a table, of all before them exact sums.

A run that goes on for days must not fill a worker's memory. Which frames are the newest follows from their indices
alone, and what falls out of the table is added without rounding; so the state of frames that come in any order, in any
parts, is the same to the last bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from steering.analyses._frames import EMPTY, FrameTable
from steering.moments.exact import Sums, sums_of

KEPT = 100_000


@dataclass(frozen=True)
class NewestFrames:
    """State of frames that do not depend on each other.

    Attributes:
        table: The newest frames.
        older: How many frames were before them.
        sums: Of each column of those.
    """

    table: FrameTable = EMPTY
    older: int = 0
    sums: Mapping[str, Sums] = field(default_factory=dict[str, Sums])

    def merge(self, other: "NewestFrames", kept: int) -> "NewestFrames":
        """Unite the states of different frames; so many of the newest stay in the table.

        A frame that is in both counts once while both still have it in their tables.
        """
        table, sums = self.table.merge(other.table), _added(self.sums, other.sums)
        older = self.older + other.older
        if len(table) > kept:
            leave = len(table) - kept
            sums = _added(sums, {name: sums_of(column[:leave]) for name, column in table.columns.items()})
            older += leave
            columns = {name: column[leave:].copy() for name, column in table.columns.items()}
            table = FrameTable(table.index[leave:].copy(), columns, table.units)
        return NewestFrames(table, older, sums)

    def __len__(self) -> int:
        """Count all frames."""
        return self.older + len(self.table)

    def of_all(self, name: str) -> Sums:
        """Sums of a column over all frames."""
        return self.sums.get(name, Sums()) + sums_of(self.table.column(name))


def check_kept(kept: int) -> int:
    """Return how many frames to keep.

    Raises:
        ValueError: If it is none.
    """
    if kept < 1:
        message = f"kept is {kept} frames. Allowed: 1 or more, for example {KEPT:,}."
        raise ValueError(message)
    return int(kept)


def _added(left: Mapping[str, Sums], right: Mapping[str, Sums]) -> Mapping[str, Sums]:
    return {name: left.get(name, Sums()) + right.get(name, Sums()) for name in {**left, **right}}
