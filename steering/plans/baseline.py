"""What is read once before the first point and once after the last, in the stream ``baseline``, as Bluesky has it."""

from collections.abc import Generator
from typing import Any

from bluesky import plan_stubs as bps
from bluesky.utils import IllegalMessageSequence, Msg, RunEngineControlException

from steering.plans.course import Course, Plan
from steering.plans.ending import leave_event
from steering.plans.faults import words

STREAM = "baseline"


def read_baseline(course: Course, when: str) -> Plan:
    """Read the baseline; a device that does not answer before the scan is said, and left out of the run's baseline.

    If one that has answered before does not after the scan, the second event is left out.

    Args:
        course: Of the scan.
        when: Word for the sentence: ``"before"`` or ``"after"``.
    """
    whole = list(course.devices.baseline) if course.baseline is None else course.baseline
    if not whole:
        return
    said = yield from _try_event(course, whole)
    if not said:
        course.baseline = whole
        return
    if course.baseline is None:
        # Each event of a stream has the same devices: those that answer now are read after the scan, too.
        answering: list[Any] = []
        silent: list[str] = []
        for device in whole:
            why = yield from _try(course, bps.read(device))
            if why:
                silent.append(why)
            else:
                answering.append(device)
        again = (yield from _try_event(course, answering)) if answering else said
        if not again:
            course.baseline = answering
            for why in silent:
                course.docket.remark(f"The baseline lacks a device: {why}")
            return
    course.docket.remark(f"The baseline {when} the scan is not in the run: {said}")


def _try_event(course: Course, devices: list[Any]) -> Generator[Msg, Any, str]:
    return (yield from _try(course, bps.trigger_and_read(devices, name=STREAM)))


def _try(course: Course, plan: Plan) -> Generator[Msg, Any, str]:
    """Run a part of a plan; return why it failed, in words, or nothing."""
    try:
        yield from plan
    except (RunEngineControlException, IllegalMessageSequence):
        raise
    except Exception as error:  # noqa: BLE001  (a device may raise anything; the points are what the scan is for)
        yield from leave_event(course)
        return words(error, course.devices.prefixes)
    return ""
