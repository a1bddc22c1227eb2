"""Exact sums of floats: the same to the last bit in any order."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from steering.core.block import Floats

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
