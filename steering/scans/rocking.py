"""A rocking scan: one angle through a Bragg peak."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from scanspec.specs import Linspace, Spec

from steering.paths.path import Point
from steering.paths.scan import Scan, points_of
from steering.scans.base import ScanBase
from steering.scans.entry import ScanEntry


@dataclass(frozen=True, kw_only=True)
class RockingScan(ScanBase):
    """Points over ``range`` around ``centre``, coarse to fine.

    The path is the plain line of points, visited in passes: first every eighth point, then those half-way between,
    and so on, each pass in the opposite direction. So the whole range is seen after an eighth of the time, and a scan
    that nobody steers measures exactly the points of the line.

    Its parameters are ``centre``, ``range`` and ``step`` in the axis' unit, and ``exposure``.

    Attributes:
        axis: The motor.
        first_stride: The first pass takes every so many-th point; a power of two.
    """

    axis: str
    first_stride: int = 8

    @property
    def axes(self) -> tuple[str, ...]:
        """The one axis."""
        return (self.axis,)

    @property
    def shaping(self) -> frozenset[str]:
        """Names of the parameters that the path follows from."""
        return frozenset({"centre", "range", "step"})

    @property
    def extent(self) -> Mapping[str, tuple[float, float]]:
        """The widest range around the outermost centres."""
        half = self.known["range"].high / 2
        return {self.axis: (self.known["centre"].low - half, self.known["centre"].high + half)}

    def count(self, values: Mapping[str, float]) -> int:
        """Count the points of the line."""
        return max(round(values["range"] / values["step"]), 1) + 1

    def spec(self, values: Mapping[str, float]) -> Spec[str]:
        """Lay the line of points, lowest angle first."""
        half = values["range"] / 2
        return Linspace(self.axis, values["centre"] - half, values["centre"] + half, self.count(values))

    def points(self, values: Mapping[str, float]) -> list[Point]:
        """List the points of the line, coarse to fine."""
        step = values["range"] / (self.count(values) - 1)
        line = points_of(self.spec(values), {self.axis: step})
        return [line[index] for index in coarse_to_fine(len(line), self.first_stride)]


def coarse_to_fine(count: int, first_stride: int) -> list[int]:
    """Order ``count`` indices in passes of halving stride, each pass in the opposite direction."""
    order: list[int] = []
    seen: set[int] = set()
    stride, forward = first_stride, True
    while stride >= 1:
        fresh = [index for index in range(0, count, stride) if index not in seen]
        order.extend(fresh if forward else reversed(fresh))
        seen.update(fresh)
        stride, forward = stride // 2, not forward
    return order


class RockingEntry(ScanEntry):
    """A rocking scan in a beamline's file.

    Attributes:
        axis: Its motor.
    """

    usual: ClassVar[str] = "rocking_curve"
    along: ClassVar[tuple[str, ...]] = ("centre", "range", "step")
    plan: Literal["rocking"]
    axis: str

    @property
    def moved(self) -> tuple[str, ...]:
        """Its axis."""
        return (self.axis,)

    def scan(self) -> Scan:
        """Build the scan."""
        return RockingScan(axis=self.axis, **self.common())
