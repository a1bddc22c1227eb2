"""What a scan is: a value that says where its points lie for given parameters."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from scanspec.specs import Linspace, Spec

from steering.core.action import InsertRegion
from steering.core.binding import AgentBinding, Binding
from steering.core.parameter import Parameter
from steering.core.status import Axis
from steering.guard import Reach
from steering.paths.path import Point

_ROUNDING = 1e-12


class Scan(Protocol):
    """A scan as a value: a scanspec ``Spec`` that follows from steerable parameters."""

    @property
    def name(self) -> str:
        """What ``start`` takes."""
        ...

    @property
    def title(self) -> str:
        """A few words for a menu."""
        ...

    @property
    def axes(self) -> tuple[str, ...]:
        """The motors that it moves, slowest first."""
        ...

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What can be steered, with the values that hold at the start."""
        ...

    def starting(self, parameters: tuple[Parameter, ...]) -> "Scan":
        """Return the scan with other values at its start."""
        ...

    @property
    def shaping(self) -> frozenset[str]:
        """Names of the parameters that the path follows from."""
        ...

    @property
    def analyses(self) -> tuple[Binding, ...]:
        """What its frames are meant for; the first is the main one."""
        ...

    @property
    def agents(self) -> tuple[AgentBinding, ...]:
        """Who looks at the results."""
        ...

    @property
    def frames(self) -> int:
        """Frames that the detector takes at each point."""
        ...

    @property
    def parted(self) -> bool:
        """Whether the burst of a point is taken in parts of ``frames`` frames; it can be ended in the middle then."""
        ...

    def parts_of(self, values: Mapping[str, float]) -> int:
        """Say in how many parts a burst is taken with these parameters; 1 if it is not taken in parts."""
        ...

    @property
    def own_path(self) -> bool:
        """Whether its path is its plan's own business, which nobody can change."""
        ...

    @property
    def region(self) -> bool:
        """Whether a region can be inserted."""
        ...

    @property
    def swept(self) -> str:
        """The axis that moves while the detector counts; empty if all stand."""
        ...

    @property
    def endless(self) -> bool:
        """Whether its points follow again at its end, until somebody ends it."""
        ...

    def period(self, values: Mapping[str, float]) -> float:
        """Seconds from the beginning of one point to that of the next; 0 for as soon as possible."""
        ...

    @property
    def extent(self) -> Mapping[str, tuple[float, float]]:
        """For each axis the lowest and the highest position that its parameters allow."""
        ...

    def count(self, values: Mapping[str, float]) -> int:
        """Count the points for these parameter values, without making them."""
        ...

    def spec(self, values: Mapping[str, float]) -> Spec[str] | None:
        """Say where the points lie, for the record; nothing for a scan that stands."""
        ...

    def points(self, values: Mapping[str, float]) -> list[Point]:
        """List the points in the order in which they are measured."""
        ...


def points_of(spec: Spec[str], steps: Mapping[str, float]) -> list[Point]:
    """List a spec's midpoints, in its order.

    Args:
        spec: Where to measure.
        steps: For each axis the distance between neighbouring points, in the axis' unit.
    """
    return [Point({axis: float(value) for axis, value in point.items()}, steps) for point in spec.midpoints()]


def points_of_any(spec: Spec[str], axes: Mapping[str, Axis]) -> list[Point]:
    """List the midpoints of a spec of unknown shape; a step is the smallest distance between two positions."""
    steps: dict[str, float] = {}
    visited = [dict(point) for point in spec.midpoints()]
    for name in spec.axes():
        step = step_along([float(point[name]) for point in visited])
        # An axis that stays where it is has no step; a thousandth of its travel stands in for one.
        steps[name] = step or (axes[name].high - axes[name].low) / 1000
    return points_of(spec, steps)


def step_along(positions: Sequence[float]) -> float:
    """Say how far the nearest two positions of an axis are apart, in its unit; 0 if it stays where it is.

    A position that is come to from both sides differs from itself by rounding: that is no step.
    """
    visited = np.unique(positions)
    distances = np.diff(visited)
    apart = distances[distances > _ROUNDING * max(abs(visited[0]), abs(visited[-1]))]
    return float(apart.min()) if len(apart) else 0.0


def bounded(axis: Axis, extent: tuple[float, float] | None) -> Axis:
    """Return an axis whose motor's limits, where it has none, are the scan's own."""
    if extent is None:
        return axis
    low, high = extent
    return replace(
        axis,
        low=axis.low if math.isfinite(axis.low) else low,
        high=axis.high if math.isfinite(axis.high) else high,
    )


def reach_of(points: Sequence[Point]) -> Reach:
    """Say what a list of points would visit."""
    extent: dict[str, tuple[float, float]] = {}
    for point in points:
        for axis, value in (*point.positions.items(), *point.to.items()):
            low, high = extent.get(axis, (value, value))
            # A NaN is neither below nor above anything, and must not hide behind the points before it.
            extent[axis] = (value, value) if math.isnan(value) else (min(low, value), max(high, value))
            if math.isnan(value):
                return Reach(extent, len(points))
    return Reach(extent, len(points))


def region_count(action: InsertRegion) -> int:
    """Count the points of a region, without making them. The region must have passed the guard's own checks."""
    total = 1
    for axis, (low, high) in action.region.items():
        total *= steps_between(low, high, action.step[axis]) + 1
    return total


def region_spec(action: InsertRegion, axes: Sequence[str]) -> Spec[str]:
    """Lay a grid over a region, snaked along the fastest axis, from its lowest corner on."""
    spec: Spec[str] | None = None
    for axis in axes:
        low, high = action.region[axis]
        count = steps_between(low, high, action.step[axis])
        line: Spec[str] = Linspace(axis, low, low + count * action.step[axis], count + 1)
        spec = line if spec is None else spec * ~line
    if spec is None:
        message = "a region needs at least one axis"
        raise ValueError(message)
    return spec


def steps_between(low: float, high: float, step: float) -> int:
    """Count the whole steps from low to high; a step that fits but for rounding counts."""
    return int((high - low) / step + 1e-6)
