"""A plan of a beamline's own instrument, made steerable without a change to it; see decision 24.

Each message of the plan is looked at on its way to the RunEngine. At a checkpoint, with a run open, the plan waits here
while what was decided is applied and recorded. *Finish* is Bluesky's ``RequestStop``, thrown into the plan, so that its
own clean-up runs. What was decided and not recorded is written before the run closes.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import IllegalMessageSequence, Msg, RequestAbort, RequestStop

from steering.paths.path import Path
from steering.paths.words import noted
from steering.plans.arrivals import expect, give_up
from steering.plans.asking import asked
from steering.plans.checkpoint import apply, steer
from steering.plans.course import Course, Plan
from steering.plans.devices import Devices
from steering.plans.docket import Docket
from steering.plans.ending import Echo, heed, in_words, leave_event, leave_event_for_sure, patiently, record, take

_PRIMARY = "primary"
# The engine refuses these if they have been carried out already; a reading collides with itself.
_ONCE = ("open_run", "create", "read", "save", "drop", "close_run")
# Between runs a plan that waits looks so often whether it may go on.
_LOOK_SECONDS = 0.1


def own(docket: Docket, devices: Devices, metadata: Mapping[str, Any], plan: Plan) -> Plan:
    """Run a plan and take at its checkpoints what the docket holds.

    Args:
        docket: The scan and its proposals.
        devices: What of the instrument is steered.
        metadata: What goes into each start document besides what the plan says itself.
        plan: The plan.

    Raises:
        RequestAbort: After an abort, once its ruling is recorded.
        PointError: If the plan failed; with a sentence.
    """
    course = Course(docket, devices, dict(docket.progress.values), Path([]))
    watched = _Watched(course, metadata).run(plan)
    return (yield from heed(in_words(watched, docket, devices.prefixes), docket))


class _Watched:
    """The plan's messages, and what of its runs they tell."""

    def __init__(self, course: Course, metadata: Mapping[str, Any]) -> None:
        self._course = course
        self._metadata = metadata
        # Keys of the runs that are open, the newest last.
        self._open: list[Any] = []
        self._begun = self._stopped = False
        # Whether something was thrown into the plan, which then cleans up.
        self._broken = False
        self._stream = ""

    def run(self, plan: Plan) -> Plan:
        """Hand the plan's messages on, and leave no run without its rulings."""
        try:
            result = yield from self._messages(plan)
        except GeneratorExit:
            raise
        except BaseException:
            yield from self._rest()
            raise
        yield from self._rest()
        return result

    def _messages(self, plan: Plan) -> Plan:
        answer: Any = None
        failure: BaseException | None = None
        while True:
            try:
                message: Msg = plan.send(answer) if failure is None else plan.throw(failure)
            except StopIteration as end:
                return end.value
            answer = failure = None
            try:
                answer = yield from self._sent(message)
            except GeneratorExit:
                plan.close()
                raise
            except BaseException as error:  # noqa: BLE001  (whatever it is, the plan may clean up after it)
                failure, self._broken = error, True
            else:
                self._after(message)

    def _sent(self, message: Msg) -> Plan:
        """Do what is to be done before a message, and hand it on.

        Raises:
            RequestStop: If somebody has asked for the end, and the plan comes to where that is possible; the message is
                not handed on.
        """
        again = False
        while True:
            ours = True
            try:
                if message.command == "pause":
                    # The engine's own pause would end its call, and be nobody's to lift.
                    return (yield from _within(self._wait(), self._run_of(message)))
                yield from _within(self._before(message), self._run_of(message))
                if self._course.finished and not self._stopped and message.command in ("checkpoint", "open_run"):
                    self._stopped = True
                    raise RequestStop
                if message.command == "open_run":
                    # An abort may come with it: then it is open.
                    self._open.append(message.run)
                ours = False
                return (yield self._described(message))
            except RequestAbort as error:
                if ours:
                    yield from _within(leave_event_for_sure(self._course), self._run_of(message))
                # The engine only says again what the plan knows, and is cleaning up after.
                if not isinstance(error, Echo):
                    raise
                # Nobody can tell whether the message was carried out before the abort was said again.
                again = again or not ours
            except (IllegalMessageSequence, ValueError):
                if ours or not again or message.command not in _ONCE:
                    raise
                return None

    def _run_of(self, message: Msg) -> Any:
        """Say in which run is written what is decided at a message: its own, or else the newest that is open."""
        if message.run in self._open or not self._open:
            return message.run
        return self._open[-1]

    def _before(self, message: Msg) -> Plan:
        course = self._course
        if message.command == "checkpoint" and self._open and not course.finished:
            # What comes now is not to be undone: a suspender of the instrument rewinds to here.
            yield from bps.checkpoint()
            if not self._begun:
                self._begun = True
                yield from self._begin()
            yield from steer(course)
        elif message.command == "close_run" and message.run in self._open:
            yield from self._write()
        elif message.command == "create" and self._broken:
            # Bluesky's own stubs leave an event open that is ended just after it was begun.
            yield from leave_event(course)

    def _write(self) -> Plan:
        """Write what came after the last checkpoint, the abort itself above all, before the run closes."""
        course = self._course
        decisions = course.docket.take(last=True)
        take(course, decisions)
        apply(course, decisions)
        if course.docket.aborting or course.finished:
            give_up(course)
        if course.unwritten:
            yield from leave_event(course)
            yield from record(course)

    def _rest(self) -> Plan:
        """Do so for a run that the plan leaves open, as one that knows nothing of its own failures does."""
        give_up(self._course)
        if self._open:
            try:
                # The engine's own word of the abort may come in the middle of it.
                yield from _within(patiently(self._course, lambda _: self._write(), again=True), self._open[-1])
            except IllegalMessageSequence:
                # It had not been opened when the plan ended.
                return

    def _wait(self) -> Plan:
        """Pause because the plan asks for it, until somebody goes on."""
        course = self._course
        if not course.docket.paused:
            course.docket.hold("The plan itself asks for a pause.")
        if self._open:
            yield from steer(course)
        while course.docket.paused:
            # Without a run a ruling cannot be written; it is with the next one.
            yield from bps.sleep(_LOOK_SECONDS)

    def _begin(self) -> Plan:
        """Before the first point: learn where the plan has put the signals, and send them on."""
        course = self._course
        for name, signal in course.devices.signals.items():
            if name in course.values and name not in course.docket.begin_with:
                course.values[name] = yield from asked(signal.number)
                course.docket.correct(name, course.values[name])
        for name, value in course.docket.begin_with.items():
            expect(course, name, value, None)

    def _described(self, message: Msg) -> Msg:
        """Add to a start document what it does not say."""
        if message.command != "open_run":
            return message
        scan, kwargs = self._course.docket.scan, message.kwargs
        axes = _axes(kwargs)
        said = {
            "scan_title": scan.title,
            "analyses": [one.json() for one in scan.analyses],
            "agents": [asdict(one) for one in scan.agents],
            "axes": axes,
            "parameters": {item.name: noted(item, self._course.values[item.name]) for item in scan.parameters},
        }
        return message._replace(kwargs={**said, **self._metadata, **kwargs})

    def _after(self, message: Msg) -> None:
        course = self._course
        match message.command:
            case "open_run":
                points = message.kwargs.get("num_points")
                course.expected = course.done + points if isinstance(points, int) else 0
            case "close_run" if message.run in self._open:
                self._open.remove(message.run)
            case "create":
                self._stream = str(message.kwargs.get("name") or next(iter(message.args), _PRIMARY))
            case "save" if self._stream == _PRIMARY:
                course.done += 1
            case _:
                return
        course.note()


def _within(plan: Plan, run: Any) -> Plan:
    """Have a plan's messages belong to a run that has a key."""
    return plan if run is None else bpp.set_run_key_wrapper(plan, run)


def _axes(metadata: Mapping[str, Any]) -> list[str]:
    """Name what a plan says that it moves."""
    try:
        dimensions = metadata["hints"]["dimensions"]
        moved = [str(field) for fields, stream in dimensions if stream == _PRIMARY for field in fields]
    except (KeyError, TypeError, ValueError):
        return []
    return [field for field in moved if field != "time"]
