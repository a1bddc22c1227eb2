"""The steerable plan: one run whose path and parameters may change at each checkpoint.

How a change walks: the docket holds what was decided; between two points the plan takes it, applies it to its values
and its path, writes one event into stream ``steering`` for each ruling, accepted or refused, and only then makes the
checkpoint. So a rewind to the checkpoint cannot replay a decision. A pause is a wait in this loop, never a pause of the
RunEngine in the middle of a point: with a stream-writing detector that would kill the run on resume.

An abort, or a device that fails, ends the plan at whatever message it is, also between the halves of an event. What is
open is dropped then, and each ruling that is not yet in the run is written before the run closes.
"""

from collections import deque
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import IllegalMessageSequence, Msg

from steering.core.action import Finish, InsertRegion, ReplacePath, SetParameter, Skip
from steering.core.proposal import Ruling
from steering.plans.docket import Decision, Docket, Progress
from steering.plans.path import Path, Point
from steering.plans.readables import point_values, put_point, put_ruling, ruling_values

Plan = Generator[Msg, Any, Any]


@dataclass(frozen=True)
class Devices:
    """What a scan moves and reads.

    Attributes:
        motors: For each axis its motor (Bluesky Movable and Readable).
        units: For each axis its unit.
        detector: Bluesky detector that takes one exposure a trigger; ``None`` for a scan of ``readables`` only.
        exposure: Readable whose column ``exposure`` holds the exposure time in seconds as set, or ``None``.
        readables: What else is read at each point.
    """

    motors: Mapping[str, Any]
    units: Mapping[str, str]
    detector: Any = None
    exposure: Any = None
    readables: tuple[Any, ...] = ()

    @property
    def read(self) -> list[Any]:
        """All that is triggered and read at a point."""
        optional = [device for device in (self.detector, self.exposure) if device is not None]
        return [*optional, *self.motors.values(), *self.readables]


@dataclass
class _Course:
    """Where one run of the plan is."""

    docket: Docket
    devices: Devices
    values: dict[str, float]
    path: Path
    rulings: Any = field(default_factory=ruling_values)
    unwritten: deque[Ruling] = field(default_factory=deque[Ruling])
    saving: bool = False
    exposure_set: float = float("nan")
    done: int = 0

    def note(self) -> None:
        """Tell the docket how far the plan is."""
        self.docket.advance(Progress(self.done, self.path.left, dict(self.values)))


def steerable(docket: Docket, devices: Devices, metadata: Mapping[str, Any]) -> Plan:
    """Run a scan and take at each checkpoint what its docket holds.

    Args:
        docket: The scan and its proposals.
        devices: What it moves and reads.
        metadata: What goes into the start document besides what the plan knows itself.

    Raises:
        RequestAbort: After an abort, once its ruling is recorded.
        Exception: What a device or the engine raised, once all rulings are recorded.
    """
    scan = docket.scan
    values = dict(docket.progress.values)
    course = _Course(docket, devices, values, Path(scan.points(values)))
    described = {
        "plan_name": scan.name,
        "scan_title": scan.title,
        "scan_spec": scan.spec(values).serialize(),
        "analysis": scan.analysis,
        "axes": list(scan.axes),
        "parameters": {item.name: {"value": values[item.name], "units": item.units} for item in scan.parameters},
        "hints": {"dimensions": [([axis], "primary") for axis in scan.axes]},
    }
    staged = [devices.detector] if devices.detector is not None else []

    @bpp.stage_decorator(staged)
    @bpp.run_decorator(md=described | dict(metadata))
    def run() -> Plan:
        try:
            yield from _measure(course)
        except Exception:
            # The run is still open here, so the abort itself, and all that waited, is recorded before it closes.
            yield from _leave_event(course)
            _take(course, docket.close())
            yield from _record(course)
            raise
        finally:
            docket.close()

    return (yield from run())


def _measure(course: _Course) -> Plan:
    readable = point_values(course.docket.scan.axes, dict(course.devices.units))
    course.note()
    while True:
        yield from _steer(course)
        yield from bps.checkpoint()
        point = course.path.next()
        if point is None:
            if course.docket.close_if_idle():
                return
            continue
        put_point(readable, point)
        yield from _expose(course, point, readable)
        course.done += 1
        course.note()


def _expose(course: _Course, point: Point, readable: Any) -> Plan:
    devices = course.devices
    exposure = course.values.get("exposure", 0.0)
    if devices.detector is not None and exposure != course.exposure_set:
        from ophyd_async.core import TriggerInfo

        # Legal inside a run as long as the number of frames an event stays the same.
        yield from bps.prepare(devices.detector, TriggerInfo(livetime=exposure), wait=True)
        course.exposure_set = exposure
    moves = [item for axis, value in point.positions.items() for item in (devices.motors[axis], value)]
    yield from bps.mv(*moves)
    yield from bps.trigger_and_read([*devices.read, readable])


def _steer(course: _Course) -> Plan:
    """Apply what the docket holds; while the scan is paused, go on doing so and nothing else."""
    while True:
        decisions = course.docket.take()
        # First, so that none is lost when one of them cannot be applied.
        _take(course, decisions)
        # Every one of them, before asking: any() alone would stop at the first that shapes the path.
        shaping = [_apply(course, decision) for decision in decisions]
        if any(shaping):
            course.path.rebuild(course.docket.scan.points(course.values))
        course.note()
        yield from _record(course)
        if not course.docket.paused:
            return
        yield from bps.wait_for([course.docket.news])


def _apply(course: _Course, decision: Decision) -> bool:
    """Apply one decision; return whether the path must be laid anew from the parameters."""
    match decision.action:
        case SetParameter(parameter=name, value=value):
            course.values[name] = value
            return name in course.docket.scan.shaping
        case InsertRegion():
            course.path.insert(decision.points)
        case ReplacePath():
            course.path.replace(decision.points)
        case Skip(points=points):
            course.path.skip(points)
        case Finish():
            course.path.finish()
        case _:
            pass
    return False


def _take(course: _Course, decisions: list[Decision]) -> None:
    """Take decisions as applied before the next point, and their rulings as yet to be written."""
    course.unwritten.extend(course.docket.applied(decision, course.done + 1) for decision in decisions)


def _record(course: _Course) -> Plan:
    """Write one event for each ruling that is not written, before the checkpoint."""
    while course.unwritten:
        put_ruling(course.rulings, course.unwritten[0])
        # A rewind from here on replays this event, with its number, and nothing that was written before it.
        yield from bps.checkpoint()
        yield from bps.create("steering")
        yield from bps.read(course.rulings)
        course.saving = True
        yield from bps.save()
        course.saving = False
        course.unwritten.popleft()


def _leave_event(course: _Course) -> Plan:
    """Drop the event that an exception left open, if one is open."""
    try:
        yield from bps.drop()
    except IllegalMessageSequence:
        if course.saving:  # nothing is open any more: the exception came after the ruling was saved
            course.unwritten.popleft()
    course.saving = False
