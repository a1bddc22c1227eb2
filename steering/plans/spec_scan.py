"""A scan whose path is any scanspec ``Spec``, with parameters in the places of its numbers."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
from scanspec.specs import Spec

from steering.core.binding import AgentBinding, Binding
from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.core.parameter import Parameter
from steering.plans.path import Point
from steering.plans.scan import points_of
from steering.plans.spec_text import read_spec

_MARK = "$"
# The extent of a scan is looked for at the corners of so many parameters; those beyond stay at their starting values.
_MOST_VARIED = 6


@dataclass(frozen=True)
class SpecScan:
    """Points of a serialised ``Spec`` in which ``"$name"`` stands for the value of a parameter.

    Attributes:
        name: What ``start`` takes.
        title: A few words for a menu.
        axes: The motors that it moves, slowest first.
        template: The serialised ``Spec``.
        parameters: Those that are named in it, and ``exposure`` in seconds.
        allowed: Most points that it may have.
        analyses: What its frames are meant for.
        agents: Who looks at the results.
        region: Whether a region can be inserted.
    """

    name: str
    title: str
    axes: tuple[str, ...]
    template: dict[str, Json]
    parameters: tuple[Parameter, ...]
    allowed: int
    analyses: tuple[Binding, ...] = ()
    agents: tuple[AgentBinding, ...] = ()
    region: bool = False

    @property
    def shaping(self) -> frozenset[str]:
        """The parameters that are named in the template."""
        return frozenset(named_in(self.template))

    @property
    def extent(self) -> Mapping[str, tuple[float, float]]:
        """For each axis how far the corners of the parameters' limits reach."""
        return self._corners

    @cached_property
    def _corners(self) -> Mapping[str, tuple[float, float]]:
        values = {item.name: item.value for item in self.parameters}
        varied = [item for item in self.parameters if item.name in self.shaping][:_MOST_VARIED]
        found: dict[str, tuple[float, float]] = {}
        for corner in product(*((item.low, item.value, item.high) for item in varied)):
            chosen = values | {item.name: value for item, value in zip(varied, corner, strict=True)}
            try:
                dimensions = self.spec(chosen).calculate()
            except SteeringError:
                # More points than are allowed, or no path at all: nothing goes there.
                continue
            for axis, along in (item for dimension in dimensions for item in dimension.midpoints.items()):
                low, high = found.get(axis, (math.inf, -math.inf))
                found[axis] = (min(low, float(along.min())), max(high, float(along.max())))
        return found

    def starting(self, parameters: tuple[Parameter, ...]) -> "SpecScan":
        """Return the scan with other values at its start."""
        return replace(self, parameters=parameters)

    def count(self, values: Mapping[str, float]) -> int:
        """Count the points.

        Raises:
            SteeringError: If there are more than are allowed, or the path cannot be made of these numbers.
        """
        return math.prod(self.spec(values).shape())

    def spec(self, values: Mapping[str, float]) -> Spec[str]:
        """Put the parameters into the template.

        Raises:
            SteeringError: If that is no path, or one of more points than are allowed.
        """
        filled = {key: self._filled(item, values) for key, item in self.template.items()}
        return read_spec(filled, self.axes, self.allowed)

    def points(self, values: Mapping[str, float]) -> list[Point]:
        """List the points in the order in which they are measured."""
        spec = self.spec(values)
        visited = [dict(point) for point in spec.midpoints()]
        steps: dict[str, float] = {}
        for axis in self.axes:
            distances = np.diff(np.unique([float(point[axis]) for point in visited]))
            steps[axis] = float(distances.min()) if len(distances) else 0.0
        return points_of(spec, steps)

    def _filled(self, node: Json, values: Mapping[str, float]) -> Json:
        if isinstance(node, dict):
            return {key: self._filled(item, values) for key, item in node.items()}
        if isinstance(node, list):
            return [self._filled(item, values) for item in node]
        if isinstance(node, str) and node.startswith(_MARK):
            name = node.removeprefix(_MARK)
            if name not in values:
                message = f"The path names a parameter {name!r:.60} that the scan does not have."
                raise SteeringError(message)
            whole = any(item.name == name and item.decimals == 0 for item in self.parameters)
            return round(values[name]) if whole else values[name]
        return node


def named_in(node: Json) -> Iterator[str]:
    """Yield the parameters that are named in a template."""
    if isinstance(node, str) and node.startswith(_MARK):
        yield node.removeprefix(_MARK)
    elif isinstance(node, dict | list):
        for item in node.values() if isinstance(node, dict) else node:
            yield from named_in(item)


def axes_in(node: Json) -> list[str]:
    """Name the axes of a template, slowest first."""
    if not isinstance(node, dict):
        return []
    axis = node.get("axis")
    found = [axis] if isinstance(axis, str) else []
    # As scanspec nests them: the outer of a product is the slower.
    for key in ("outer", "inner", "left", "right", "spec"):
        found += axes_in(node.get(key))
    return list(dict.fromkeys(found))
