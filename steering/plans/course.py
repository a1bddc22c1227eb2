"""Where one run of a plan is."""

import asyncio
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bluesky.utils import Msg

from steering.core.proposal import Ruling
from steering.paths.path import Path, Point
from steering.paths.way import Way
from steering.plans.arrivals import Arrival
from steering.plans.devices import Devices
from steering.plans.docket import Docket, Progress
from steering.plans.readables import PlanValues, ruling_values

Plan: TypeAlias = Generator[Msg, Any, Any]


@dataclass
class Course:
    """Where one run of the plan is.

    Attributes:
        docket: The scan and its proposals.
        devices: What it moves and reads.
        values: Values in force of the scan's parameters.
        path: What is measured and what is left.
        rulings: What writes a ruling as an event.
        unwritten: Rulings that are not in the run yet.
        saving: Whether the event of a ruling is being saved.
        prepared: Exposure in seconds and parts of a burst that the detector was prepared for; nothing if it must be.
        spoilt: The point that a device spoilt last, until it is known what became of its frame.
        done: How many points are measured.
        more_events: Events of the run beyond one a point: a burst in parts has one a part.
        arriving: Signals on their way, by name.
        read: What is read at a point, devices and what the plan itself writes.
        baseline: Devices of the run's baseline, once it has been read.
        burst: What says when the frames of an event were taken; ``None`` for single frames.
        timed: Whether it says so of the point that was begun last.
        began: Monotonic time in seconds at which the newest point was begun.
        usable: Whether all was as it has to be while it was measured.
        due: Monotonic time in seconds at which the newest point was due; 0 before the first.
        securing: What makes the devices safe, once it has begun.
        finished: Whether somebody asked to end the run in order.
        visited: The points that were measured, in their order, also those that are measured once more.
        laid: Whether the docket knows the path as it stands.
        expected: How many points a plan of the beamline's own says that it has; 0 if it does not say.
    """

    docket: Docket
    devices: Devices
    values: dict[str, float]
    path: Path
    rulings: Any = field(default_factory=ruling_values)
    unwritten: deque[Ruling] = field(default_factory=deque[Ruling])
    saving: bool = False
    prepared: tuple[float, int] | None = None
    spoilt: Point | None = None
    done: int = 0
    more_events: int = 0
    arriving: dict[str, Arrival] = field(default_factory=dict[str, Arrival])
    read: list[Any] = field(default_factory=list[Any])
    baseline: list[Any] | None = None
    burst: PlanValues | None = None
    timed: bool = False
    began: float = 0.0
    usable: bool = True
    due: float = 0.0
    securing: asyncio.Task[None] | None = None
    finished: bool = False
    visited: list[Point] = field(default_factory=list[Point])
    laid: bool = False
    expected: int = 0

    @property
    def goes_on(self) -> bool:
        """Whether another point follows, as far as is known."""
        scan = self.docket.scan
        return not self.finished and (scan.own_path or scan.endless or bool(self.path.left))

    @property
    def left(self) -> int:
        """How many points are left, as far as is known."""
        return max(self.expected - self.done, 0) if self.docket.scan.own_path else self.path.left

    def settle(self, ruling: Ruling, outcome: str) -> None:
        """Note what became of a ruling that had to be waited for; it is written into the run now."""
        self.unwritten.append(self.docket.came_to(ruling, outcome))

    def note(self) -> None:
        """Tell the docket how far the plan is, and where the path leads if that has changed."""
        way = None
        if not (self.laid or self.docket.scan.endless or self.docket.scan.own_path):
            # References only: who wants positions makes them elsewhere.
            way = Way(tuple(self.visited), self.path.done, self.path.rest)
        self.laid = True
        self.docket.advance(Progress(self.done, self.left, dict(self.values)), way)
