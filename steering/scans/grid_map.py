"""A map: two axes over an area."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from scanspec.specs import Linspace, Spec

from steering.paths.path import Point
from steering.paths.scan import Scan, points_of, steps_between
from steering.scans.base import ScanBase
from steering.scans.entry import Mistake, ScanEntry


@dataclass(frozen=True, kw_only=True)
class GridMap(ScanBase):
    """A snaked grid of one step over an area; a finer grid can be inserted over a region of it.

    Its parameters are ``step`` in the axes' unit, and ``exposure``.

    Attributes:
        area: For the slow and the fast axis the lowest and highest position, in the axes' unit.
    """

    area: Mapping[str, tuple[float, float]]

    @property
    def axes(self) -> tuple[str, ...]:
        """Slow axis, fast axis."""
        return tuple(self.area)

    @property
    def shaping(self) -> frozenset[str]:
        """Names of the parameters that the path follows from."""
        return frozenset({"step"})

    @property
    def region(self) -> bool:
        """A region can be inserted."""
        return True

    @property
    def extent(self) -> Mapping[str, tuple[float, float]]:
        """The area."""
        return self.area

    def count(self, values: Mapping[str, float]) -> int:
        """Count the points of the grid."""
        total = 1
        for low, high in self.area.values():
            total *= steps_between(low, high, values["step"]) + 1
        return total

    def spec(self, values: Mapping[str, float]) -> Spec[str]:
        """Lay the grid, from the lowest corner on, the fast axis there and back."""
        slow, fast = (
            Linspace(axis, low, low + count * values["step"], count + 1)
            for axis, (low, high) in self.area.items()
            for count in (steps_between(low, high, values["step"]),)
        )
        return slow * ~fast

    def points(self, values: Mapping[str, float]) -> list[Point]:
        """List the points of the grid, row by row."""
        return points_of(self.spec(values), dict.fromkeys(self.axes, values["step"]))


class MapEntry(ScanEntry):
    """A map in a beamline's file.

    Attributes:
        area: The slow and the fast axis, each with its lowest and highest position.
    """

    usual: ClassVar[str] = "map_features"
    along: ClassVar[tuple[str, ...]] = ("step",)
    axis_key: ClassVar[str] = "area"
    plan: Literal["map"]
    area: dict[str, tuple[float, float]]

    @property
    def moved(self) -> tuple[str, ...]:
        """The axes of its area."""
        return tuple(self.area)

    def scan(self) -> Scan:
        """Build the scan."""
        return GridMap(area=self.area, **self.common())

    def mistakes(self) -> Iterator[Mistake]:
        """Yield what is wrong with the area."""
        if len(self.area) != 2:
            yield ("area",), f"The area of a map has two axes, the slow one first. These are {len(self.area)}."
        for axis, (low, high) in self.area.items():
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                yield ("area", axis), f"The area along {axis}, {low:g} to {high:g}, is not in order. Write [low, high]."
