"""A scan whose path is any scanspec ``Spec``, with parameters in the places of its numbers."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import ClassVar, Literal

from pydantic import JsonValue
from scanspec.specs import Spec

from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.paths.path import Point
from steering.paths.scan import Scan, points_of, step_along
from steering.paths.spec_text import read_spec
from steering.scans.base import ScanBase
from steering.scans.entry import Mistake, ScanEntry

_MARK = "$"
# The extent of a scan is looked for at the corners of so many parameters; those beyond stay at their starting values.
_MOST_VARIED = 6


@dataclass(frozen=True, kw_only=True)
class SpecScan(ScanBase):
    """Points of a serialised ``Spec`` in which ``"$name"`` stands for the value of a parameter.

    Its parameters are those that are named in it, and ``exposure``.

    Attributes:
        axes: The motors that it moves, slowest first.
        template: The serialised ``Spec``.
        allowed: Most points that it may have.
    """

    axes: tuple[str, ...]
    template: dict[str, Json]
    allowed: int

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
            steps[axis] = step_along([float(point[axis]) for point in visited])
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


class SpecEntry(ScanEntry):
    """A scan along any path.

    Attributes:
        spec: A serialised scanspec, in which ``"$name"`` is the value of a parameter.
    """

    axis_key: ClassVar[str] = "spec"
    plan: Literal["spec"]
    spec: dict[str, JsonValue]

    @property
    def moved(self) -> tuple[str, ...]:
        """The axes of its path."""
        return tuple(axes_in(self.spec))

    @property
    def takes(self) -> tuple[str, ...]:
        """The parameters that are named in its path."""
        return tuple(dict.fromkeys(named_in(self.spec)))

    @property
    def usual_analysis(self) -> str:
        """A curve along one axis, a map along two."""
        return {1: "rocking_curve", 2: "map_features"}.get(len(self.moved), self.usual)

    def scan(self) -> Scan:
        """Build the scan."""
        return SpecScan(axes=self.moved, template=self.spec, allowed=self.points_allowed, **self.common())

    def mistakes(self) -> Iterator[Mistake]:
        """Yield what is wrong with the path."""
        if not self.moved:
            yield (
                ("spec",),
                "The path moves no axis. Write a scanspec: {type: Linspace, axis: NAME, start: 0, stop: 1, num: 9}.",
            )
