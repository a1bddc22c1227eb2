"""How one point is measured: a frame, a burst of frames, or a sweep.

A burst is one trigger of the detector, prepared for so many frames an event; the event says when its first frame was
taken and how far the frames are apart. In a sweep an axis moves meanwhile: it runs up, the detector is triggered as the
axis comes to where the first exposure begins, and the event has one position for each frame in the axis' column.
"""

from collections.abc import Mapping
from typing import Any

from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp

from steering.core import burst as columns
from steering.paths.heard import Sweeper, even, positions_at
from steering.paths.path import Point
from steering.plans.asking import asked
from steering.plans.course import Course, Plan
from steering.plans.devices import Devices
from steering.plans.parts import in_parts, read_event, times_of
from steering.plans.readables import PlanValues, burst_values

_BURST = "steering-burst"


def make_burst_values(course: Course) -> PlanValues | None:
    """Make the readable that says of each event when its frames were taken, and where; nothing for single frames."""
    scan, devices = course.docket.scan, course.devices
    if scan.frames == 1 or devices.listen is None:
        return None
    return burst_values(scan.frames, scan.swept, devices.units.get(scan.swept, ""), parted=scan.parted)


def expose(course: Course, point: Point) -> Plan:
    """Move to a point and take its frames into one event.

    Raises:
        MissedError: If a motor is not where it was sent.
        PointError: If it is not known when the frames of a burst were taken.
    """
    devices = course.devices
    exposure = course.values.get("exposure", 0.0)
    yield from _prepare(course, exposure)
    for together in moves_of({axis: value for axis, value in point.positions.items() if axis not in point.to}, devices):
        yield from bps.mv(*together)
    if devices.check is not None:
        check = devices.check
        standing = {axis: value for axis, value in point.positions.items() if axis not in point.to}
        # A motor record completes a move that was stopped, or never begun, as if it had arrived.
        yield from asked(lambda: check(standing, point.steps))
    if course.burst is None:
        yield from bps.trigger_and_read(course.read)
    elif course.docket.scan.parted:
        yield from in_parts(course, exposure)
    else:
        yield from _burst(course, course.burst, point, exposure)


def moves_of(positions: Mapping[str, float], devices: Devices) -> list[list[Any]]:
    """Say what is moved together, as motors and targets by turns: all but several pseudo-axes of one device.

    Such a device computes where its motors go from what all of its pseudo-axes are told: two at once, and each would be
    computed with where the other was.
    """
    rounds: list[list[Any]] = []
    taken: dict[int, int] = {}
    for axis, value in positions.items():
        motor = devices.motors[axis]
        parent = getattr(motor, "parent", None)
        number = taken.setdefault(id(parent), -1) + 1 if hasattr(parent, "pseudo_positioners") else 0
        taken[id(parent)] = number
        rounds += [[] for _ in range(number + 1 - len(rounds))]
        rounds[number] += [motor, value]
    return rounds


def _prepare(course: Course, exposure: float) -> Plan:
    scan = course.docket.scan
    parts = scan.parts_of(course.values)
    if course.prepared == (exposure, parts) or not course.devices.detectors:
        return
    from ophyd_async.core import TriggerInfo

    # Legal inside a run as long as the number of frames an event stays the same.
    information = TriggerInfo(livetime=exposure, collections_per_event=scan.frames, number_of_events=parts)
    for detector in course.devices.detectors:
        yield from bps.prepare(detector, information, wait=True)
    course.prepared = exposure, parts


def _burst(course: Course, values: PlanValues, point: Point, exposure: float) -> Plan:
    devices, frames = course.devices, course.docket.scan.frames
    if devices.listen is None:
        return
    swept = next(iter(point.to), "")
    course.timed = False
    listener = devices.listen((swept,) if swept else ())
    yield from asked(listener.begin)
    try:
        if swept:
            yield from _sweep(course, point, swept, exposure)
        else:
            yield from _trigger(course)
            yield from bps.wait(_BURST)
    finally:
        # It only lets go of what it listened to, and waits for nothing: also right where an abort came.
        heard = listener.end()
    times = times_of(heard.counter, frames, exposure)
    first, period = even(times)
    found: dict[str, object] = {columns.START: first, columns.PERIOD: period}
    if swept:
        found[swept] = positions_at(heard.positions[swept], times).tolist()
    values.put(found)
    course.timed = True
    yield from read_event(course)


def _sweep(course: Course, point: Point, axis: str, exposure: float) -> Plan:
    """Move the axis at a steady speed from where the first exposure begins to where the last one ends."""
    if course.devices.sweeper is None:
        return
    sweeper, motor = course.devices.sweeper(axis), course.devices.motors[axis]
    first, last, frames = point.positions[axis], point.to[axis], course.docket.scan.frames
    half = (last - first) / (frames - 1) / 2
    _, end = yield from asked(lambda: sweeper.ready(first - half, last + half, frames * exposure))

    def through() -> Plan:
        yield from bps.abs_set(motor, end, group=_BURST)
        yield from asked(sweeper.crossed)
        yield from _trigger(course)
        yield from bps.wait(_BURST)

    yield from bpp.finalize_wrapper(through(), lambda: _rest(sweeper))


def _trigger(course: Course) -> Plan:
    for detector in course.devices.detectors:
        yield from bps.trigger(detector, group=_BURST)


def _rest(sweeper: Sweeper) -> Plan:
    yield from asked(sweeper.rest)
