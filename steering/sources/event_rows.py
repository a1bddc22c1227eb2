"""What events say of their frames: one row of columns for each frame."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from steering.core import burst
from steering.core.block import Floats
from steering.sources.document_keys import number_of, numbers_of

# Units of the columns that are made here.
UNITS = {burst.EVENT: "", burst.INDEX: "", burst.TIME: "s"}


@dataclass(frozen=True)
class Told:
    """What one event says.

    Attributes:
        at: Its Unix time in seconds, NaN if it said nothing.
        numbers: One value for all its frames, by name.
        lists: Several values, by name: one for each frame if they are as many.
    """

    at: float = math.nan
    numbers: Mapping[str, float] = field(default_factory=dict[str, float])
    lists: Mapping[str, Floats] = field(default_factory=dict[str, Floats])


def told_of(at: float, data: Mapping[str, object]) -> Told:
    """Read an event's data; what is no number and no list of numbers is left out."""
    numbers: dict[str, float] = {}
    lists: dict[str, Floats] = {}
    for name, value in data.items():
        number = number_of(value)
        if number is not None:
            numbers[name] = number
        elif (several := numbers_of(value)) is not None:
            lists[name] = several
    return Told(at, numbers, lists)


class Rows:
    """The columns of the frames of events that follow one another."""

    def __init__(self, told: Sequence[Told], first: int, each: int) -> None:
        """Lay them out.

        Args:
            told: What each event says; empty if no event says anything.
            first: Number of the first event, from 1.
            each: Frames an event.
        """
        self._first, self._each = first, each
        self._at = np.array([one.at for one in told])
        names = sorted({name for one in told for name in one.numbers})
        self._numbers = {name: np.array([one.numbers.get(name, math.nan) for one in told]) for name in names}
        self._tables: dict[str, Floats] = {}
        if each > 1:
            for name in sorted({name for one in told for name, value in one.lists.items() if len(value) == each}):
                missing = np.full(each, math.nan)
                fitting = [one.lists.get(name, missing) for one in told]
                self._tables[name] = np.stack([one if len(one) == each else missing for one in fitting])

    def columns(self, start: int, stop: int) -> dict[str, Floats]:
        """Give the columns of the frames ``start`` to ``stop``, counted from the first event's first."""
        frames = np.arange(start, stop)
        events, inside = frames // self._each, frames % self._each
        # Each frame has the values of its own event.
        found = {name: column[events] for name, column in self._numbers.items()}
        if self._each == 1:
            return found
        found |= {name: table[events, inside] for name, table in self._tables.items()}
        return found | self._places(events, inside, found.pop(burst.START, None), found.pop(burst.PERIOD, None))

    def _places(
        self, events: NDArray[np.int64], inside: NDArray[np.int64], start: Floats | None, period: Floats | None
    ) -> dict[str, Floats]:
        """Say where in its event each frame is, and when it was taken if that is known."""
        found: dict[str, Floats] = {
            burst.EVENT: (events + self._first).astype(np.float64),
            burst.INDEX: inside.astype(np.float64),
        }
        if start is not None and period is not None:
            found[burst.TIME] = start + inside * period
        elif len(self._at) and np.isfinite(self._at).all():
            found[burst.TIME] = self._at[events]
        return found
