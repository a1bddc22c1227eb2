"""Frames that were taken under other conditions, such as behind another filter, are kept apart."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from steering.core.block import Floats
from steering.radial.sums import Stretch, Stretches


@dataclass(frozen=True, eq=False)
class Apart:
    """Stretches by the value of a column, written as text; all under one name if no column was chosen."""

    by_value: tuple[tuple[str, Stretches], ...] = ()

    def united(self, value: str, stretches: Iterable[Stretch]) -> "Apart":
        """Add stretches of frames with a value."""
        found = dict(self.by_value)
        found[value] = found.get(value, Stretches()).united(stretches)
        return Apart(tuple(sorted(found.items())))

    def merged(self, other: "Apart") -> "Apart":
        """Unite two sets of frames."""
        found = self
        for value, stretches in other.by_value:
            found = found.united(value, stretches.all)
        return found

    def newest(self) -> tuple[str, Stretches]:
        """Return the value of the newest frame, and all frames that have it."""
        return max(self.by_value, key=_last, default=("", Stretches()))

    @property
    def others(self) -> int:
        """Count the frames with other values."""
        newest, _ = self.newest()
        wholes = [some.whole() for value, some in self.by_value if value != newest]
        return sum(one.sums.frames + one.sums.skipped for one in wholes if one is not None)


def _last(one: tuple[str, Stretches]) -> int:
    return max(stretch.stop for stretch in one[1].all)


def runs_of(values: Floats | None, count: int) -> Iterator[tuple[int, int, str]]:
    """Cut frames where their value changes: first, end and value of each run."""
    if values is None:
        yield 0, count, ""
        return
    ends = [*np.flatnonzero((values[1:] != values[:-1]) & ~(np.isnan(values[1:]) & np.isnan(values[:-1]))) + 1, count]
    for first, end in zip([0, *ends[:-1]], ends, strict=True):
        # Of zeros, which are equal, one is written with a sign.
        yield int(first), int(end), repr(float(values[first]) + 0.0)
