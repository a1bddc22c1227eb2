"""What happens at a checkpoint: what was decided is applied and recorded, and the plan waits as long as it has to."""

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress

from bluesky import plan_stubs as bps

from steering.core.action import Finish
from steering.paths.prospect import Decision, apply_all
from steering.plans.arrivals import approach
from steering.plans.course import Course, Plan
from steering.plans.ending import record, take

# What a suspended scan waits for is looked at so often, in seconds.
_LOOK_SECONDS = 0.1


def steer(course: Course) -> Plan:
    """Apply what the docket holds; while the scan is paused, go on doing so and nothing else."""
    while True:
        decisions = course.docket.take()
        # First, so that none is lost when one of them cannot be applied.
        take(course, decisions)
        apply(course, decisions)
        course.note()
        yield from record(course)
        if course.docket.waits:
            # What came while these were recorded holds for the next point too, above all what came before a resume.
            continue
        if course.arriving and course.goes_on:
            course.docket.approaching = _approaching(course)
            yield from approach(course)
            course.docket.approaching = _approaching(course)
            continue
        _suspend(course)
        if course.docket.waits:
            continue
        if not course.docket.paused:
            return
        # What the scan waits for is looked at; a person's word is heard at once.
        yield from bps.wait_for([lambda: within(course, _LOOK_SECONDS if course.docket.suspended else math.inf)])


def _suspend(course: Course) -> None:
    """Pause while the beamline is not as it has to be, and go on by itself after that."""
    suspending = course.devices.suspending
    if suspending is None:
        return
    sentence = suspending.why() if course.goes_on else ""
    if sentence:
        course.docket.suspend(sentence)
    else:
        course.docket.lift()


def _approaching(course: Course) -> tuple[str, ...]:
    signals = course.devices.signals
    return tuple(f"{name} at {signals[name].said(arrival.value)}" for name, arrival in course.arriving.items())


def apply(course: Course, decisions: Sequence[Decision]) -> None:
    """Apply what was decided, in its order."""
    course.finished = course.finished or any(isinstance(one.action, Finish) for one in decisions)
    if apply_all(course.path, course.values, course.docket.scan, decisions):
        course.laid = False


async def within(course: Course, seconds: float) -> None:
    """Wait so many seconds, or until something came for the plan."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds if math.isfinite(seconds) else None):
            await course.docket.news()
