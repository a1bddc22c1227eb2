"""A series: frames or bursts one after another, where everything stands; timed or not, with an end or without."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from scanspec.specs import Spec

from steering.paths.path import Point
from steering.paths.scan import Scan
from steering.scans.base import ScanBase
from steering.scans.entry import Mistake, ScanEntry

# A series without end lays so many points at a time.
_AHEAD = 1000


@dataclass(frozen=True, kw_only=True)
class SeriesScan(ScanBase):
    """So many frames, or bursts of ``frames``, with nothing moved.

    Its parameters are ``exposure``, ``count`` unless it is without end, and perhaps ``every``: the time in seconds from
    the beginning of one to that of the next.

    Attributes:
        unending: Whether it goes on until somebody ends it.
    """

    unending: bool = False

    @property
    def axes(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def shaping(self) -> frozenset[str]:
        """Names of the parameters that the path follows from."""
        return frozenset({"count"})

    @property
    def endless(self) -> bool:
        """Whether it goes on until somebody ends it."""
        return self.unending

    @property
    def extent(self) -> Mapping[str, tuple[float, float]]:
        """It goes nowhere."""
        return {}

    def period(self, values: Mapping[str, float]) -> float:
        """Seconds from the beginning of one point to that of the next; 0 for as soon as possible."""
        return values.get("every", 0.0)

    def count(self, values: Mapping[str, float]) -> int:
        """Count the points; of a series without end those that it lays at a time."""
        return _AHEAD if self.unending else max(round(values["count"]), 1)

    def spec(self, values: Mapping[str, float]) -> Spec[str] | None:
        """It has no path."""
        del values
        return None

    def points(self, values: Mapping[str, float]) -> list[Point]:
        """List the points: they are nowhere."""
        return [Point({}, {})] * self.count(values)


class SeriesEntry(ScanEntry):
    """A series in a beamline's file.

    Attributes:
        endless: Go on until somebody ends it; then there is no parameter ``count``.
    """

    usual: ClassVar[str] = "scalars"
    plan: Literal["series"]
    endless: bool = False

    @property
    def moved(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def takes(self) -> tuple[str, ...]:
        """How many, if it has an end."""
        return () if self.endless else ("count",)

    @property
    def may_take(self) -> tuple[str, ...]:
        """The time from one to the next, and what each scan may have."""
        return ("every", *super().may_take)

    def scan(self) -> Scan:
        """Build the scan."""
        return SeriesScan(unending=self.endless, **self.common())

    def mistakes(self) -> Iterator[Mistake]:
        """Yield what is wrong with its parameters."""
        every = self.parameters.get("every")
        if every is not None and every.units != "s":
            yield ("parameters", "every", "units"), f"every is in s, not in {every.units!r}."
        if every is not None and every.low < 0:
            yield ("parameters", "every", "low"), f"every: the lowest value, {every.low:g} s, must be 0 s or more."
        count = self.parameters.get("count")
        if count is not None and count.low < 1:
            yield ("parameters", "count", "low"), f"count: the lowest value, {count.low:g}, must be 1 or more."
