"""Where proposals are judged and wait for the next checkpoint.

A proposal comes from any thread and is judged at once, against the values that will hold when everything accepted
before it has been applied; so the answer takes milliseconds and two quick proposals cannot slip past a limit
together. The plan takes the rulings at its checkpoints, on the RunEngine's thread.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import RLock
from typing import Literal

from steering.core.action import Abort, Action, Finish, InsertRegion, Pause, ReplacePath, Resume, SetParameter
from steering.core.errors import SteeringError
from steering.core.proposal import Proposal, Ruling
from steering.core.status import Axis
from steering.guard import Reach, Situation, judge
from steering.plans.path import Point
from steering.plans.scan import Scan, points_of, points_of_any, reach_of, region_count, region_spec
from steering.plans.spec_text import read_spec
from steering.plans.words import describe

# Who rules where a device, and no person, made something necessary.
BEAMLINE = "the beamline"
_REMARKS_KEPT = 8


@dataclass(frozen=True)
class Progress:
    """How far the plan is: points done, points left, and the values in force."""

    done: int
    left: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class Decision:
    """A ruling, with what to do about it if it was accepted."""

    ruling: Ruling
    action: Action | None = None
    points: tuple[Point, ...] = ()


class Docket:
    """The proposals of one scan."""

    def __init__(
        self,
        scan: Scan,
        values: Mapping[str, float],
        axes: Mapping[str, Axis],
        points_allowed: int,
        announce: Callable[[Ruling], None],
    ) -> None:
        """Open the docket of a scan that is about to start.

        Args:
            scan: The scan.
            values: Its parameters' values at the start.
            axes: Its axes with the motors' own limits.
            points_allowed: Most points that the rest of it may have.
            announce: Called with each ruling when it is made and again when it is applied; must not block.
        """
        self.scan = scan
        self._lock = RLock()
        self._axes = dict(axes)
        self._parameters = {item.name: replace(item, value=values[item.name]) for item in scan.parameters}
        self._points_allowed = points_allowed
        self._announce = announce
        self._waiting: list[Decision] = []
        self._known: dict[str, Ruling] = {}
        self._paused = False
        self._open = True
        self._abort: Ruling | None = None
        self._held_by: Ruling | None = None
        self._noticed = False
        self._remarks: tuple[str, ...] = ()
        self._faults = self._retries = 0
        self._retried = ""
        self._progress = Progress(0, scan.count(values), dict(values))
        self._wake: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    @property
    def progress(self) -> Progress:
        """How far the plan is."""
        return self._progress

    @property
    def axes(self) -> Mapping[str, Axis]:
        """The scan's axes with the motors' own limits."""
        return self._axes

    @property
    def paused(self) -> bool:
        """Whether a pause was accepted and no resume since."""
        return self._paused

    @property
    def pause(self) -> Ruling | None:
        """The ruling that the scan waits by, if it is paused."""
        return self._held_by if self._paused else None

    @property
    def abort(self) -> Ruling | None:
        """The abort that was accepted first, if one was."""
        return self._abort

    @property
    def aborting(self) -> bool:
        """Whether an abort was accepted: the plan has to end at its next message."""
        return self._abort is not None

    @property
    def noticed(self) -> bool:
        """Whether the plan knows that it has to end."""
        return self._noticed

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person must know of how the scan goes or ended, oldest first."""
        if not self._retried:
            return self._remarks
        times = "Once" if self._retries == 1 else f"{self._retries} times"
        return (*self._remarks, f"{times} something had to be tried again; the last time: {self._retried}")

    @property
    def pending(self) -> dict[str, float]:
        """Parameter values that were accepted and hold from the next point on."""
        with self._lock:
            return {
                decision.action.parameter: decision.action.value
                for decision in self._waiting
                if isinstance(decision.action, SetParameter)
            }

    def propose(self, proposal: Proposal, person: str, lease: str) -> Ruling:
        """Judge a proposal. The same id again gives the same ruling and changes nothing.

        Args:
            proposal: What is asked for.
            person: Who asks; for an agent, the person it acts for.
            lease: Who holds the lease, or empty.
        """
        with self._lock:
            if proposal.id in self._known:
                return self._known[proposal.id]
            action = proposal.action
            points, reach, problem = self._reach(action)
            reason = judge(action, self._situation(person, lease, reach, problem))
            subject, old, new = describe(action, self._parameters, self._axes)
            ruling = Ruling(
                id=proposal.id,
                who=proposal.who,
                kind=action.kind,
                subject=subject,
                old=old,
                new=new,
                verdict="refused" if reason else "accepted",
                reason=reason,
                basis=proposal.basis,
                proposed_at=proposal.proposed_at,
                decided_at=time.time(),
            )
            self._enter(Decision(ruling, None if reason else action, points))
            return ruling

    def record(self, ruling: Ruling) -> Ruling:
        """Enter a refusal that was made elsewhere (a proposal that could not be read)."""
        with self._lock:
            if ruling.id not in self._known:
                self._enter(Decision(ruling))
            return self._known[ruling.id]

    def notice(self) -> None:
        """Note that the plan knows that it has to end."""
        self._noticed = True

    def remark(self, sentence: str) -> None:
        """Note what a person must know."""
        with self._lock:
            if sentence not in self._remarks:
                self._remarks = (*self._remarks[-(_REMARKS_KEPT - 1) :], sentence)

    def fault(self, sentence: str, kind: Literal["retry", "fail"]) -> None:
        """Record that a device spoilt a point, and that the point is tried again or ends the scan."""
        with self._lock:
            self._faults += 1
            if kind == "retry":
                self._retries, self._retried = self._retries + 1, sentence
            self._enter(Decision(self._own(kind, sentence)))

    def hold(self, sentence: str) -> None:
        """Pause because a device spoilt a point, so that a person decides."""
        with self._lock:
            self._faults += 1
            # A person's pause of the same moment says less than the reason for this one.
            self._enter(Decision(self._own("pause", sentence), Pause()))

    @property
    def waits(self) -> bool:
        """Whether something waits for the plan."""
        return bool(self._waiting)

    def take(self) -> list[Decision]:
        """Hand the plan what came since it last asked."""
        with self._lock:
            decisions, self._waiting = self._waiting, []
            return decisions

    def close_if_idle(self) -> bool:
        """End the docket unless something waits in it; afterwards every proposal is refused."""
        with self._lock:
            if self._waiting:
                return False
            self._open = False
            return True

    def close(self) -> list[Decision]:
        """End the docket; return what came too late to be applied."""
        with self._lock:
            self._open = False
            return self.take()

    def applied(self, decision: Decision, before_point: int) -> Ruling:
        """Note that the plan has applied a decision before a point (counted from 1); announce it."""
        ruling = replace(decision.ruling, applied_at=time.time(), before_point=before_point)
        with self._lock:
            self._known[ruling.id] = ruling
        self._announce(ruling)
        return ruling

    def advance(self, progress: Progress) -> None:
        """Note how far the plan is."""
        self._progress = progress

    async def news(self) -> None:
        """Wait on the engine's loop until something is waiting in the docket."""
        event = asyncio.Event()
        with self._lock:
            if self._waiting:
                return
            self._wake = (asyncio.get_running_loop(), event)
        await event.wait()

    def _own(self, kind: str, sentence: str) -> Ruling:
        """Make a ruling that nobody proposed: the beamline itself had to do something."""
        now = time.time()
        name = f"fault-{self._faults}-{secrets.token_hex(8)}"
        return Ruling(name, BEAMLINE, kind, "", "", "", "accepted", sentence, "", now, now)

    def _enter(self, decision: Decision) -> None:
        self._known[decision.ruling.id] = decision.ruling
        if self._open:
            self._waiting.append(decision)
        match decision.action:
            case SetParameter(parameter=name, value=value):
                self._parameters[name] = replace(self._parameters[name], value=value)
            case Pause():
                self._paused = True
                self._held_by = decision.ruling
            case Abort():
                self._paused = False
                self._abort = self._abort or decision.ruling
            case Resume() | Finish():
                self._paused = False
            case _:
                pass
        if self._wake is not None:
            loop, event = self._wake
            self._wake = None
            loop.call_soon_threadsafe(event.set)
        self._announce(decision.ruling)

    def _situation(self, person: str, lease: str, reach: Reach | None, problem: str) -> Situation:
        return Situation(
            scanning=self._open,
            paused=self._paused,
            aborting=self.aborting,
            person=person,
            lease=lease,
            parameters=self._parameters,
            axes=self._axes,
            region=self.scan.region,
            points_left=self._progress.left,
            points_allowed=self._points_allowed,
            reach=reach,
            problem=problem,
        )

    def _reach(self, action: Action) -> tuple[tuple[Point, ...], Reach | None, str]:
        """Say what the path would visit if the action were accepted, making no more points than are allowed."""
        try:
            points = self._path(action)
        except (SteeringError, KeyError, ValueError, OverflowError, ZeroDivisionError) as error:
            # The guard's own checks name what is wrong with the values first; this text is for what they leave.
            return (), None, str(error)
        if isinstance(points, int):
            return (), Reach({}, points), ""
        return tuple(points), reach_of(points) if points else None, ""

    def _path(self, action: Action) -> list[Point] | int:
        """List the points that an action asks for, or count them where they are too many to make."""
        match action:
            case SetParameter(parameter=name, value=value) if name in self.scan.shaping:
                low, high = self._parameters[name].low, self._parameters[name].high
                if not low <= value <= high:
                    return []
                values = {item.name: item.value for item in self._parameters.values()} | {name: value}
                count = self.scan.count(values)
                return count if count > self._points_allowed else self.scan.points(values)
            case InsertRegion():
                count = region_count(action)
                if count > self._points_allowed:
                    return count
                return points_of(region_spec(action, self.scan.axes), action.step)
            case ReplacePath(spec=serialised):
                return points_of_any(read_spec(serialised, self.scan.axes, self._points_allowed), self._axes)
            case _:
                return []
