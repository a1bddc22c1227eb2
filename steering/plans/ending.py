"""How a scan ends that was told to, or that failed: soon, with its devices safe and its rulings recorded.

The RunEngine's abort is the cancellation of its task, and what the task waits for can swallow a cancellation. So
:func:`heed` looks at each message whether an abort was accepted, and throws it into the plan if nobody else has. Then
the engine's own may still come. It is an :class:`Echo`, after which the plan goes on with what it did: only an abort
that somebody asked for is a second one.

Then, in this order: motors stop and the detector is disarmed (:attr:`Devices.make_safe`, bounded in time), each ruling
that is not in the run is written, the run closes, the detector is let go. A second abort while that waits for a device
that does not answer goes on with the next step.
"""

import asyncio
from collections.abc import Callable, Generator, Mapping
from typing import Any

from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import IllegalMessageSequence, Msg, RequestAbort, RunEngineControlException

from steering.core.action import SetParameter
from steering.paths.prospect import Decision
from steering.plans.arrivals import expect, give_up
from steering.plans.asking import asked
from steering.plans.course import Course, Plan
from steering.plans.docket import Docket
from steering.plans.faults import PointError, words
from steering.plans.readables import put_ruling

# A detector that is let go has so many seconds to say that it has stopped.
_LET_GO_SECONDS = 6.0
# One that was silent already is not waited for as long.
_SILENT_SECONDS = 1.0
_LET_GO = "steering-let-go"


class Echo(RequestAbort):
    """The engine tells the plan of an abort that it knew of."""


def heed(plan: Plan, docket: Docket) -> Plan:
    """Run a plan, and throw an accepted abort into it at its next message whatever became of the engine's own."""
    answer: Any = None
    failure: BaseException | None = None
    while True:
        if failure is None and docket.aborting and not docket.noticed:
            failure = RequestAbort()
        if isinstance(failure, RequestAbort) and not docket.notice():
            failure = Echo()
        try:
            message = plan.send(answer) if failure is None else plan.throw(failure)
        except StopIteration as end:
            return end.value
        answer = failure = None
        try:
            answer = yield message
        except GeneratorExit:
            plan.close()
            raise
        except BaseException as error:  # noqa: BLE001  (whatever the engine throws is the plan's to handle)
            failure = error


def in_words(plan: Plan, docket: Docket, prefixes: Mapping[str, str]) -> Plan:
    """Run a plan to its end, after which its docket takes nothing any more.

    Args:
        plan: The plan.
        docket: Of its scan.
        prefixes: Names of devices, in words, by the beginning of the names of their channels and signals.

    Raises:
        PointError: With a sentence, if the plan failed.
    """
    try:
        return (yield from plan)
    except (RunEngineControlException, PointError):
        raise
    except Exception as error:
        raise PointError(words(error, prefixes)) from error
    finally:
        docket.end()


def end_early(course: Course, error: Exception) -> Plan:
    """Make the devices safe and write what is left to write, while the run is still open.

    Args:
        course: Of the run.
        error: What ended it.

    Raises:
        PointError: With a sentence, if a device's error ended it; else the error itself.
    """
    # The abort itself, and all that waited, is recorded before the run closes.
    take(course, course.docket.close())
    give_up(course)
    yield from patiently(course, leave_event, again=False)
    if not (yield from patiently(course, _make_safe, again=False)):
        course.docket.remark("The devices may not be safe: they were not waited for. Check them.")
    yield from patiently(course, record, again=True)
    if isinstance(error, RunEngineControlException | PointError):
        raise error
    raise PointError(words(error, course.devices.prefixes)) from error


def staged(course: Course, plan: Plan) -> Plan:
    """Run a plan with the detectors staged; let go of them in the end, which one that hangs cannot hold up."""
    detectors = course.devices.detectors
    if not detectors:
        return (yield from plan)

    def inner() -> Plan:
        for detector in detectors:
            yield from bps.stage(detector, wait=True)
        return (yield from plan)

    return (yield from bpp.finalize_wrapper(inner(), lambda: _let_go(course)))


def _let_go(course: Course) -> Plan:
    silent = course.docket.aborting and bool(course.docket.remarks)
    try:
        for detector in course.devices.detectors:
            yield Msg("unstage", detector, group=_LET_GO)
        yield from bps.wait(_LET_GO, timeout=_SILENT_SECONDS if silent else _LET_GO_SECONDS)
    except Echo:
        yield from _let_go(course)
    except RequestAbort:
        # A second abort: not waited for any longer.
        course.docket.remark("The detector may not have been disarmed: it was not waited for. Check it.")
    except TimeoutError:
        if not silent:
            course.docket.remark("The detector does not say that it has stopped: it may still be armed. Look at it.")
    except Exception as error:  # noqa: BLE001  (whatever it is, the scan has ended and a person must know)
        course.docket.remark(f"The detector may still be armed: {words(error, course.devices.prefixes)}")


def take(course: Course, decisions: list[Decision]) -> None:
    """Take decisions as applied before the next point, and their rulings as yet to be written.

    What a signal was sent to by is written once it has arrived.
    """
    for decision in decisions:
        ruling = course.docket.applied(decision, course.done + 1)
        match decision.action:
            case SetParameter(parameter=name, value=value) if name in course.devices.signals:
                expect(course, name, value, ruling)
            case _:
                course.unwritten.append(ruling)


def record(course: Course) -> Plan:
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


def leave_event(course: Course) -> Plan:
    """Drop the event that an exception left open, if one is open."""
    try:
        yield from bps.drop()
    except IllegalMessageSequence:
        if course.saving:  # nothing is open any more: the exception came after the ruling was saved
            course.unwritten.popleft()
    course.saving = False


def _make_safe(course: Course) -> Plan:
    make_safe = course.devices.make_safe
    if make_safe is None:
        return

    async def safe() -> None:
        for sentence in await make_safe():
            course.docket.remark(sentence)

    def once() -> asyncio.Task[None]:
        # An echo waits for what has begun, and begins nothing anew.
        course.securing = course.securing or asyncio.ensure_future(safe())
        return course.securing

    yield from asked(once)


def patiently(course: Course, step: Callable[[Course], Plan], *, again: bool) -> Generator[Msg, Any, bool]:
    """Take a step of the end; an abort that comes in its middle skips what it waits for, or repeats what it wrote.

    Returns:
        Whether the step came to its end.
    """
    while True:
        try:
            yield from step(course)
        except RequestAbort as error:
            yield from leave_event_for_sure(course)
            if again or isinstance(error, Echo):
                continue
            return False
        return True


def leave_event_for_sure(course: Course) -> Plan:
    """Do that, whatever comes meanwhile."""
    while True:
        try:
            yield from leave_event(course)
        except RequestAbort:
            continue
        return
