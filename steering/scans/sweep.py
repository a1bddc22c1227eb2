"""A sweep: an axis moves at a steady speed while the detector counts; line by line, or turn by turn."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field
from scanspec.specs import Fly, Linspace, Spec

from steering.paths.path import Point
from steering.paths.scan import Scan, steps_between
from steering.scans.base import ScanBase
from steering.scans.entry import Mistake, ScanEntry


@dataclass(frozen=True, kw_only=True)
class SweepScan(ScanBase):
    """Sweeps of one axis from ``start`` to ``stop`` and back, each with ``frames`` frames.

    The middles of the first and of the last exposure are at ``start`` and ``stop``, and the others in equal steps
    between them. Each sweep is one point of the scan, so what is steered holds from the next sweep on. With a second
    axis it is a map that is measured on the fly: one line for each of its positions, ``step`` apart. Else the sweep is
    repeated ``count`` times.

    Its parameters are ``start`` and ``stop`` in the swept axis' unit, ``exposure``, and ``step`` in that of the other
    or ``count``.

    Attributes:
        axis: The swept axis.
        across: The other axis with its lowest and highest position, or nothing.
    """

    axis: str
    across: Mapping[str, tuple[float, float]]

    @property
    def axes(self) -> tuple[str, ...]:
        """The slow axis, if there is one, and the swept one."""
        return (*self.across, self.axis)

    @property
    def swept(self) -> str:
        """The axis that moves while the detector counts."""
        return self.axis

    @property
    def shaping(self) -> frozenset[str]:
        """Names of the parameters that the path follows from."""
        return frozenset({"start", "stop", "step" if self.across else "count"})

    @property
    def extent(self) -> Mapping[str, tuple[float, float]]:
        """How far its parameters' limits reach."""
        ends = [self.known[name] for name in ("start", "stop")]
        return {**self.across, self.axis: (min(one.low for one in ends), max(one.high for one in ends))}

    def count(self, values: Mapping[str, float]) -> int:
        """Count the sweeps."""
        for low, high in self.across.values():
            return steps_between(low, high, values["step"]) + 1
        return max(round(values.get("count", 1)), 1)

    def spec(self, values: Mapping[str, float]) -> Spec[str]:
        """Lay the frames: on the fly from start to stop, there and back."""
        line: Spec[str] = Linspace(self.axis, values["start"], values["stop"], self.frames)
        for axis, (low, _) in self.across.items():
            count = self.count(values)
            return Fly(Linspace(axis, low, low + (count - 1) * values["step"], count) * ~line)
        return Fly(line)

    def points(self, values: Mapping[str, float]) -> list[Point]:
        """List the sweeps, there and back."""
        ends = values["start"], values["stop"]
        step = abs(ends[1] - ends[0]) / max(self.frames - 1, 1)
        found: list[Point] = []
        for number in range(self.count(values)):
            first, last = ends if number % 2 == 0 else ends[::-1]
            slow = {axis: low + number * values["step"] for axis, (low, _) in self.across.items()}
            steps = dict.fromkeys(slow, values.get("step", 0.0)) | {self.axis: step}
            found.append(Point({**slow, self.axis: first}, steps, to={self.axis: last}))
        return found


class SweepEntry(ScanEntry):
    """A sweep in a beamline's file.

    Attributes:
        axis: The motor that moves while the detector counts.
        across: Another motor with its lowest and highest position, for a map line by line.
    """

    plan: Literal["sweep"]
    axis: str
    across: dict[str, tuple[float, float]] = Field(default_factory=dict[str, tuple[float, float]])

    @property
    def moved(self) -> tuple[str, ...]:
        """The slow axis, if there is one, and the swept one."""
        return (*self.across, self.axis)

    @property
    def takes(self) -> tuple[str, ...]:
        """Where to sweep, and how far the lines are apart."""
        return ("start", "stop", "step") if self.across else ("start", "stop")

    @property
    def may_take(self) -> tuple[str, ...]:
        """How many sweeps."""
        return () if self.across else ("count",)

    @property
    def usual_analysis(self) -> str:
        """A curve along one axis, a map along two."""
        return "map_features" if self.across else "rocking_curve"

    def scan(self) -> Scan:
        """Build the scan."""
        return SweepScan(axis=self.axis, across=self.across, **self.common())

    def mistakes(self) -> Iterator[Mistake]:
        """Yield what is wrong with its keys."""
        if self.parts > 1:
            yield ("parts",), f"A sweep is taken in one part, not in {self.parts}. Take 'parts' out."
        if self.frames < 2:
            yield ("frames",), f"A sweep of {self.frames} frame is none. Give frames: 2 or more."
        if len(self.across) > 1:
            yield ("across",), f"A sweep goes across one other axis. These are {len(self.across)}."
        for axis, (low, high) in self.across.items():
            if axis == self.axis:
                yield ("across", axis), f"{axis} is swept, so it cannot be the other axis as well."
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                yield ("across", axis), f"The range across, {axis} from {low:g} to {high:g}, is not in order."
        start, stop = self.parameters.get("start"), self.parameters.get("stop")
        if start is not None and stop is not None and start.value == stop.value:
            yield ("parameters", "stop", "value"), "start and stop are the same: nothing would move."
