"""A rocking scan: one angle through a Bragg peak."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from scanspec.specs import Linspace, Spec

from steering.core.binding import AgentBinding, Binding
from steering.core.parameter import Parameter
from steering.plans.path import Point
from steering.plans.scan import points_of


@dataclass(frozen=True)
class RockingScan:
    """Points over ``range`` around ``centre``, coarse to fine.

    The path is the plain line of points, visited in passes: first every eighth point, then those half-way between,
    and so on, each pass in the opposite direction. So the whole range is seen after an eighth of the time, and a scan
    that nobody steers measures exactly the points of the line.

    Attributes:
        name: What ``start`` takes.
        title: A few words for a menu.
        axis: The motor.
        parameters: ``centre``, ``range`` and ``step`` in the axis' unit, ``exposure`` in seconds.
        first_stride: The first pass takes every so many-th point; a power of two.
        analyses: What its frames are meant for; the usual one, along its axes, if left out.
        agents: Who looks at the results.
        region: Whether a region can be inserted.
        shaping: Names of the parameters that the path follows from.
    """

    name: str
    title: str
    axis: str
    parameters: tuple[Parameter, ...]
    first_stride: int = 8
    analyses: tuple[Binding, ...] = ()
    agents: tuple[AgentBinding, ...] = ()
    region: bool = False
    shaping: frozenset[str] = frozenset({"centre", "range", "step"})

    @property
    def axes(self) -> tuple[str, ...]:
        """The one axis."""
        return (self.axis,)

    @property
    def extent(self) -> Mapping[str, tuple[float, float]]:
        """The widest range around the outermost centres."""
        known = {item.name: item for item in self.parameters}
        half = known["range"].high / 2
        return {self.axis: (known["centre"].low - half, known["centre"].high + half)}

    def starting(self, parameters: tuple[Parameter, ...]) -> "RockingScan":
        """Return the scan with other values at its start."""
        return replace(self, parameters=parameters)

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
