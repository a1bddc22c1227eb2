"""What events say of their frames: one row of columns for each frame."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from steering.core import burst
from steering.core.block import Floats
from steering.documents.document_keys import number_of, numbers_of

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


@dataclass(frozen=True)
class Rows:
    """The columns of the frames of events that follow one another.

    Attributes:
        first: Number of the first event, from 1.
        each: Frames an event.
        at: Unix time of each event in seconds, shape ``(events,)``; empty if no event says anything.
        numbers: One value an event, by name, each of shape ``(events,)``.
        tables: One value a frame, by name, each of shape ``(events, each)``.
    """

    first: int
    each: int
    at: Floats
    numbers: Mapping[str, Floats]
    tables: Mapping[str, Floats]

    @classmethod
    def of(cls, told: Sequence[Told], first: int, each: int) -> "Rows":
        """Lay out what events say; none of them if no event says anything."""
        names = sorted({name for one in told for name in one.numbers})
        numbers = {name: np.array([one.numbers.get(name, math.nan) for one in told]) for name in names}
        several = sorted({name for one in told for name in one.lists}) if each > 1 else []
        tables = {name: table_of([one.lists.get(name) for one in told], each) for name in several}
        fitting = {name: table for name, table in tables.items() if table is not None}
        return cls(first, each, np.array([one.at for one in told]), numbers, fitting)

    def columns(self, start: int, stop: int) -> dict[str, Floats]:
        """Give the columns of the frames ``start`` to ``stop``, counted from the first event's first.

        A frame whose event never came has NaN in what only that would say.
        """
        frames = np.arange(start, stop)
        events, inside = frames // self.each, frames % self.each
        # Each frame has the values of its own event.
        found = {name: _picked(column, events) for name, column in self.numbers.items()}
        if self.each == 1:
            return found
        found |= {name: _picked(table.reshape(-1), frames) for name, table in self.tables.items()}
        began, period = found.pop(burst.START, None), found.pop(burst.PERIOD, None)
        part, kept, gap = (found.pop(name, None) for name in (burst.PART, burst.KEPT, burst.GAP))
        inside = inside + _gaps(inside, kept, gap)
        return found | self._places(events, inside, began, period) | self._in_burst(events, inside, part)

    def usable(self, start: int, stop: int) -> tuple[int, int]:
        """Find the first frames in a row, from ``start`` on, that no event marks as spoilt.

        Returns:
            The first of them, and the one after the last; both are ``stop`` if there are none.
        """
        marks = self.numbers.get(burst.USABLE)
        if marks is None:
            return start, stop
        wanted = _picked(marks, np.arange(start, stop) // self.each) != 0.0
        begin = int(np.argmax(wanted)) if wanted.any() else len(wanted)
        spoilt = np.flatnonzero(~wanted[begin:])
        return start + begin, start + begin + int(spoilt[0]) if len(spoilt) else stop

    def _places(
        self, events: NDArray[np.int64], inside: NDArray[np.int64], began: Floats | None, period: Floats | None
    ) -> dict[str, Floats]:
        """Say where in its event each frame is, and when it was taken if that is known."""
        found: dict[str, Floats] = {
            burst.EVENT: (events + self.first).astype(np.float64),
            burst.INDEX: inside.astype(np.float64),
        }
        if began is not None and period is not None:
            found[burst.TIME] = began + inside * period
        elif len(self.at) and np.isfinite(self.at).all():
            found[burst.TIME] = _picked(self.at, events)
        return found

    def _in_burst(self, events: NDArray[np.int64], inside: NDArray[np.int64], part: Floats | None) -> dict[str, Floats]:
        """Say where in a burst of several events each frame is; nothing where each event is a burst."""
        if part is None:
            return {}
        return {burst.EVENT: events + self.first - part, burst.INDEX: inside + part * self.each}


def _gaps(inside: NDArray[np.int64], kept: Floats | None, gap: Floats | None) -> NDArray[np.int64]:
    """Say how many frames are missing before each one, in an event that was filled after its burst had been ended."""
    if kept is None or gap is None:
        return np.zeros(len(inside), np.int64)
    return np.where(inside >= kept, np.nan_to_num(gap), 0).astype(np.int64)


def _picked(column: Floats, places: NDArray[np.int64]) -> Floats:
    there = places < len(column)
    if there.all():
        return column[places]
    values = np.full(len(places), math.nan)
    values[there] = column[places[there]]
    return values


def table_of(lists: Sequence[Floats | None], each: int) -> Floats | None:
    """Lay lists of numbers below one another, shape ``(events, each)``; nothing if none has one for each frame."""
    if not any(one is not None and len(one) == each for one in lists):
        return None
    missing = np.full(each, math.nan)
    return np.stack([one if one is not None and len(one) == each else missing for one in lists])
