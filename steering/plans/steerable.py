"""The steerable plan: one run whose path and parameters may change at each checkpoint.

How a change walks: the docket holds what was decided; between two points the plan takes it, applies it to its values
and its path, writes one event into stream ``steering`` for each ruling, accepted or refused, and only then makes the
checkpoint. So a rewind to the checkpoint cannot replay a decision. A pause is a wait in this loop, never a pause of the
RunEngine in the middle of a point: with a stream-writing detector that would kill the run on resume.

A point that a device spoils is measured again, or the scan pauses for a person, or it fails
(:mod:`steering.plans.faults`). An abort, or a failure, ends the plan at whatever message it is, also between the halves
of an event; how is told in :mod:`steering.plans.ending`.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import IllegalMessageSequence, RunEngineControlException

from steering.paths.path import Path, Point
from steering.paths.words import noted
from steering.plans.arrivals import expect, give_up
from steering.plans.asking import asked
from steering.plans.baseline import read_baseline
from steering.plans.checkpoint import steer, within
from steering.plans.course import Course, Plan
from steering.plans.devices import Devices
from steering.plans.docket import Docket
from steering.plans.ending import end_early, heed, in_words, leave_event, record, staged
from steering.plans.exposing import expose, make_burst_values
from steering.plans.faults import Patience, PointError, words
from steering.plans.parts import read_event
from steering.plans.readables import point_values, put_point


def steerable(docket: Docket, devices: Devices, metadata: Mapping[str, Any], measured: Sequence[Point] = ()) -> Plan:
    """Run a scan and take at each checkpoint what its docket holds.

    Args:
        docket: The scan and its proposals.
        devices: What it moves and reads.
        metadata: What goes into the start document besides what the plan knows itself.
        measured: Points of a run that this one goes on with: they are not measured again.

    Raises:
        RequestAbort: After an abort, once its ruling is recorded.
        PointError: If a device failed, once all rulings are recorded; with a sentence.
    """
    scan = docket.scan
    values = dict(docket.progress.values)
    more = (lambda: scan.points(values)) if scan.endless else None
    course = Course(docket, devices, values, Path(scan.points(values), measured, more))
    course.note()
    spec = scan.spec(values)
    described = {
        "plan_name": scan.name,
        "scan_title": scan.title,
        "frames_per_event": scan.frames,
        **({"events_per_burst": scan.parts_of(values)} if scan.parted else {}),
        **({"scan_spec": spec.serialize()} if spec is not None else {}),
        "analyses": [one.json() for one in scan.analyses],
        "agents": [asdict(one) for one in scan.agents],
        "detectors": [one.name for one in devices.detectors],
        "axes": list(scan.axes),
        "axis_units": {axis: devices.units[axis] for axis in scan.axes},
        "parameters": {item.name: noted(item, values[item.name]) for item in scan.parameters},
        "hints": {"dimensions": [([axis], "primary") for axis in scan.axes] or [(["time"], "primary")]},
    }

    @bpp.run_decorator(md=described | dict(metadata))
    def run() -> Plan:
        try:
            yield from read_baseline(course, "before")
            yield from _measure(course)
            yield from read_baseline(course, "after")
        except Exception as error:  # noqa: BLE001  (it is raised again, in words, once the run is complete)
            yield from end_early(course, error)

    def whole() -> Plan:
        if devices.prepare is not None:
            yield from asked(devices.prepare)
        yield from staged(course, run())

    return (yield from heed(in_words(whole(), docket, devices.prefixes), docket))


def _measure(course: Course) -> Plan:
    watched = course.devices.suspending is not None
    readable = point_values(course.docket.scan.axes, dict(course.devices.units), watched=watched)
    course.burst = make_burst_values(course)
    own = [readable] if course.burst is None else [readable, course.burst]
    course.read = [*course.devices.read_while(course.docket.scan.swept), *own]
    for name, value in course.docket.begin_with.items():
        expect(course, name, value, None)
    course.note()
    while True:
        yield from steer(course)
        if (yield from _early(course)):
            continue
        yield from bps.checkpoint()
        point = course.path.next()
        if point is None:
            if course.docket.close_if_idle():
                # Nothing is measured any more, so nothing waits for what is on its way.
                give_up(course)
                yield from record(course)
                return
            continue
        course.docket.measuring = True
        yield from _measured(course, point, readable)
        course.note()


def _measured(course: Course, point: Point, readable: Any) -> Plan:
    """Measure a point; one that a device spoils comes again when the scan goes on."""
    patience = Patience(course.devices.faults)
    if _no_room(course):
        return
    while True:
        try:
            if (yield from _was_late(course, point, readable)):
                return
            course.began = time.monotonic()
            put_point(readable, point, lambda: _usable(course))
            yield from expose(course, point)
        except (RunEngineControlException, IllegalMessageSequence, PointError):
            raise
        except Exception as error:
            yield from leave_event(course)
            # Nobody knows in which state the detector is.
            course.prepared = None
            course.spoilt = course.spoilt or point
            # A detector that cannot write says nothing; that its disk is full is what a person must know.
            sentence = _full(course) or words(error, course.devices.prefixes)
            if patience.again(error):
                course.docket.fault(sentence, "retry")
                continue
            if patience.then(error) == "fail":
                course.docket.fault(sentence, "fail")
                raise PointError(sentence) from error
            course.path.put_back()
            course.docket.hold(sentence)
        else:
            course.done += 1
            course.visited.append(point)
            if not course.usable:
                # What the detector saw is in the run, marked; the point is measured again once the scan goes on.
                course.path.put_back()
                course.laid = False
        return


def _usable(course: Course) -> bool:
    """Judge, as the event is read, whether all was as it has to be since the point was begun, and still is."""
    suspending = course.devices.suspending
    course.usable = suspending is None or not suspending.lost_since(course.began)
    return course.usable


def _no_room(course: Course) -> bool:
    """Wait for a person, or fail, if there is no room for another point; return whether there is none.

    Raises:
        PointError: If that is the beamline's choice.
    """
    full = _full(course)
    if not full:
        return False
    if course.devices.faults.full == "fail":
        course.docket.fault(full, "fail")
        raise PointError(full)
    course.path.put_back()
    course.docket.hold(full)
    return True


def _full(course: Course) -> str:
    """Say why there is no room for another point; empty if there is."""
    return course.devices.room() if course.devices.room is not None else ""


def _was_late(course: Course, point: Point, readable: Any) -> Plan:
    """Take the frames of the point that was spoilt before, if they came after all; return whether they were this one's.

    Each event has its own frames. So what was written although its event came to nothing must go into an event of its
    own, before another point is exposed; motors and exposure are still as they were for it.
    """
    spoilt, late = course.spoilt, course.devices.late
    if spoilt is None or late is None:
        course.spoilt = None
        return False
    frames = yield from asked(lambda: late(course.done + course.more_events))
    course.spoilt = None
    if frames == 0:
        return False
    if said := _mixed(course, frames):
        raise PointError(f"{said} Start the scan again; it can go on with this run.")
    # The beam may have gone meanwhile: then it is in the run, marked, and the point is measured again.
    put_point(readable, spoilt, lambda: _usable(course))
    yield from read_event(course)
    course.done += 1
    course.visited.append(spoilt)
    if spoilt == point or not course.usable:
        return course.usable
    course.path.complete(spoilt)
    course.laid = False
    return False


def _mixed(course: Course, frames: int) -> str:
    """Say why frames that came late cannot be given to their point; empty if they can."""
    wanted = course.docket.scan.frames
    if frames == wanted:
        if course.burst is None or course.timed:
            return ""
        return "The detector took a burst while nobody heard it: when its frames were taken is not known."
    if wanted == 1:
        return f"The detector wrote {frames} frames for one point: which is which cannot be told any more."
    return (
        f"The detector took {frames} of the {wanted} frames of a burst, so the frames after it would belong to the "
        "wrong points."
    )


def _early(course: Course) -> Plan:
    """Wait until the next point is due, or something comes for the plan; return whether to look again."""
    period, now = course.docket.scan.period(course.values), time.monotonic()
    if not period or not course.goes_on:
        return False
    # By the period that is in force now: one that was shortened is not waited for.
    due = course.due + period if course.due else now
    if now < due:
        yield from bps.wait_for([lambda: within(course, due - now)])
        return True
    # In step with the first one; a point that took too long moves those after it.
    course.due = max(due, now - period)
    return False
