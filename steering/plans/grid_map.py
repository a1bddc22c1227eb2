"""A map: two axes over an area."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from scanspec.specs import Linspace, Spec

from steering.core.binding import AgentBinding, Binding
from steering.core.parameter import Parameter
from steering.plans.path import Point
from steering.plans.scan import points_of, steps_between


@dataclass(frozen=True)
class GridMap:
    """A snaked grid of one step over an area; a finer grid can be inserted over a region of it.

    Attributes:
        name: What ``start`` takes.
        title: A few words for a menu.
        area: For the slow and the fast axis the lowest and highest position, in the axes' unit.
        parameters: ``step`` in the axes' unit, ``exposure`` in seconds.
        analyses: What its frames are meant for; the usual one, along its axes, if left out.
        agents: Who looks at the results.
        region: Whether a region can be inserted.
        shaping: Names of the parameters that the path follows from.
    """

    name: str
    title: str
    area: Mapping[str, tuple[float, float]]
    parameters: tuple[Parameter, ...]
    analyses: tuple[Binding, ...] = ()
    agents: tuple[AgentBinding, ...] = ()
    region: bool = True
    shaping: frozenset[str] = frozenset({"step"})

    @property
    def axes(self) -> tuple[str, ...]:
        """Slow axis, fast axis."""
        return tuple(self.area)

    @property
    def extent(self) -> Mapping[str, tuple[float, float]]:
        """The area."""
        return self.area

    def starting(self, parameters: tuple[Parameter, ...]) -> "GridMap":
        """Return the scan with other values at its start."""
        return replace(self, parameters=parameters)

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
