"""Numbers of single frames without end: the newest in a table, of all before them exact sums.

A run that goes on for days must not fill a worker's memory. Which frames are the newest follows from their indices
alone, and what falls out of the table is added without rounding; so the state of frames that come in any order, in any
parts, is the same to the last bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt

import numpy as np

from steering.analyses._frames import EMPTY, FrameTable
from steering.core.block import Floats

KEPT = 100_000
# Each float is a whole multiple of 2**-1127, the smallest one's last bit included.
_BITS = 1127
_MANTISSA_BITS, _LOW_BITS = 53, 27


@dataclass(frozen=True)
class Sums:
    """Exact sums of floats, in units of 2**-1127.

    Attributes:
        count: Of how many.
        first: Sum of the values.
        second: Sum of their squares, each rounded once.
    """

    count: int = 0
    first: int = 0
    second: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        """Sums of both."""
        return Sums(self.count + other.count, self.first + other.first, self.second + other.second)

    @property
    def total(self) -> float:
        """Sum of the values; infinite if no float is as large."""
        return _quotient(self.first, 1 << _BITS)

    @property
    def mean(self) -> float:
        """Their mean; NaN of none."""
        return _quotient(self.first, self.count << _BITS) if self.count else float("nan")

    @property
    def deviation(self) -> float:
        """Standard deviation of the values; NaN of fewer than two."""
        if self.count < 2:
            return float("nan")
        scaled = (self.count * self.second << _BITS) - self.first**2
        return sqrt(_quotient(max(scaled, 0), self.count * (self.count - 1) << 2 * _BITS))

    @property
    def error(self) -> float:
        """Uncertainty of the mean, from the scatter of the values; NaN of fewer than two."""
        return self.deviation / sqrt(self.count) if self.count else float("nan")


def sums_of(values: Floats) -> Sums:
    """Add up what is finite among values, exactly."""
    finite = values[np.isfinite(values)]
    with np.errstate(over="ignore", under="ignore"):
        squares = finite**2
    return Sums(len(finite), _exact(finite), _exact(squares[np.isfinite(squares)]))


def _quotient(above: int, below: int) -> float:
    """Divide whole numbers of any size, rounding once."""
    try:
        return above / below
    except OverflowError:
        return float("inf") if above > 0 else float("-inf")


def _exact(values: Floats) -> int:
    mantissas, exponents = np.frexp(values)
    whole = np.ldexp(mantissas, _MANTISSA_BITS).astype(np.int64)
    total = 0
    for exponent in np.unique(exponents).tolist():
        part = whole[exponents == exponent]
        high, low = int((part >> _LOW_BITS).sum()), int((part & ((1 << _LOW_BITS) - 1)).sum())
        total += ((high << _LOW_BITS) + low) << (exponent - _MANTISSA_BITS + _BITS)
    return total


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
