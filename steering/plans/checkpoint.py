"""What happens at a checkpoint: what was decided is applied and recorded, and the plan waits as long as it has to."""

import asyncio
import math
from contextlib import suppress

from bluesky import plan_stubs as bps

from steering.core.action import Finish, InsertRegion, ReplacePath, Skip
from steering.paths.prospect import Decision, apply_to
from steering.plans.arrivals import approach
from steering.plans.course import Course, Plan
from steering.plans.ending import record, take

PATH_CHANGES = (InsertRegion, ReplacePath, Skip, Finish)
# What a suspended scan waits for is looked at so often, in seconds.
_LOOK_SECONDS = 0.1


def steer(course: Course) -> Plan:
    """Apply what the docket holds; while the scan is paused, go on doing so and nothing else."""
    while True:
        decisions = course.docket.take()
        # First, so that none is lost when one of them cannot be applied.
        take(course, decisions)
        # Every one of them, before asking: any() alone would stop at the first that shapes the path.
        shaping = [apply(course, decision) for decision in decisions]
        if any(shaping):
            course.path.rebuild(course.docket.scan.points(course.values))
            course.laid = False
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


def apply(course: Course, decision: Decision) -> bool:
    """Apply one decision; return whether the path must be laid anew from the parameters."""
    if isinstance(decision.action, Finish):
        course.finished = True
    if isinstance(decision.action, PATH_CHANGES):
        course.laid = False
    return apply_to(course.path, course.values, course.docket.scan.shaping, decision)


async def within(course: Course, seconds: float) -> None:
    """Wait so many seconds, or until something came for the plan."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds if math.isfinite(seconds) else None):
            await course.docket.news()
