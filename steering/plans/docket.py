"""Where proposals are judged and wait for the next checkpoint.

A proposal comes from any thread and is judged at once, against the values that will hold when everything accepted
before it has been applied; so the answer takes milliseconds and two quick proposals cannot slip past a limit
together. The plan takes the rulings at its checkpoints, on the RunEngine's thread.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import RLock
from typing import Literal

from steering.core.action import Action, EndBurst, Pause, Resume, SetParameter
from steering.core.proposal import Proposal, Ruling
from steering.core.status import Axis
from steering.guard import Situation, judge_path, judge_wish
from steering.journal.refusals import STEERING, WATCHING, Refusals
from steering.paths.outlook import Outlook, Standpoint, look_out
from steering.paths.prospect import Decision, Prospect, look_ahead, points_expected
from steering.paths.scan import Scan, bounded
from steering.paths.way import Way
from steering.paths.words import describe, exact
from steering.plans.remarks import Remarks, necessary
from steering.plans.standing import Standing


@dataclass(frozen=True)
class Progress:
    """How far the plan is: points done, points left, and the values in force."""

    done: int
    left: int
    values: Mapping[str, float]


class Docket:
    """The proposals of one scan.

    Attributes:
        scan: The scan.
        begin_with: Signals that are sent somewhere before the first point, and where to.
        approaching: What the next point waits for: signals on their way, in words.
        measuring: Whether a point was begun since the plan last told how far it is.
        burst: Number of the point, from 1, whose burst runs in parts; 0 if there is none.
    """

    def __init__(
        self,
        scan: Scan,
        values: Mapping[str, float],
        axes: Mapping[str, Axis],
        points_allowed: int,
        announce: Callable[[Ruling], None],
        begin_with: Mapping[str, float] | None = None,
    ) -> None:
        """Open the docket of a scan that is about to start.

        Args:
            scan: The scan.
            values: Its parameters' values at the start.
            axes: Its axes with the motors' own limits.
            points_allowed: Most points that the rest of it may have.
            announce: Called with each ruling when it is made and again when it is applied; must not block.
            begin_with: Signals that are sent somewhere before the first point, and where to.
        """
        self.scan = scan
        self.begin_with = dict(begin_with or {})
        self._lock = RLock()
        # A motor without limits goes no further than the scan itself could take it.
        self._axes = {name: bounded(axis, scan.extent.get(name)) for name, axis in axes.items()}
        self._parameters = {item.name: replace(item, value=values[item.name]) for item in scan.parameters}
        self._points_allowed = points_allowed
        self._announce = announce
        self._waiting: list[Decision] = []
        # What the plan has taken and not told its progress of.
        self._taken: list[Decision] = []
        # How often something was accepted that later paths depend on.
        self._changes = 0
        self._known: dict[str, Ruling] = {}
        self._refusals = Refusals()
        self._standing = Standing()
        self._open = True
        self._remarks = Remarks()
        self._progress = Progress(0, scan.count(values), dict(values))
        self.approaching: tuple[str, ...] = ()
        self.measuring = False
        self.burst = 0
        self._way: Way | None = None
        self._wake: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    @property
    def progress(self) -> Progress:
        """How far the plan is."""
        return self._progress

    @property
    def way(self) -> Way | None:
        """The path as it was when it last changed; ``None`` where it is not known."""
        return self._way

    @property
    def axes(self) -> Mapping[str, Axis]:
        """The scan's axes with the motors' own limits."""
        return self._axes

    @property
    def paused(self) -> bool:
        """Whether a pause was accepted and no resume since."""
        return self._standing.paused

    @property
    def pause(self) -> Ruling | None:
        """The ruling that the scan waits by, if it is paused."""
        return self._standing.pause

    @property
    def abort(self) -> Ruling | None:
        """The abort that was accepted first, if one was."""
        return self._standing.abort

    @property
    def aborting(self) -> bool:
        """Whether an abort was accepted: the plan has to end at its next message."""
        return self._standing.abort is not None

    @property
    def noticed(self) -> bool:
        """Whether the plan knows of every abort that was accepted, or of one that nobody proposed."""
        return self._standing.noticed

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person must know of how the scan goes or ended, oldest first."""
        return self._remarks.sentences

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
        action = proposal.action
        prospect, made_for = Prospect(), -1
        while True:
            with self._lock:
                if proposal.id in self._known:
                    return self._known[proposal.id]
                situation = self._situation(person, lease)
                reason = judge_wish(action, situation)
                if reason or made_for == self._changes:
                    waiting = (*self._taken, *self._waiting)
                    expected = points_expected(self._progress.left, waiting, self.scan.shaping)
                    reason = reason or judge_path(action, prospect.within(situation, action, expected))
                    ruling = self._ruling(proposal, reason, len(prospect.made))
                    if reason:
                        return self._refuse(ruling, person, lease)
                    self._enter(Decision(ruling, action, prospect.made))
                    return ruling
                made_for, parameters = self._changes, dict(self._parameters)
            # Points are made without the lock, which the plan takes between two points. What was accepted meanwhile
            # changes what they are made for: then once more.
            prospect = look_ahead(action, self.scan, parameters, self._axes, self._points_allowed)

    def look_out(self, actions: Sequence[Action], person: str, lease: str) -> Outlook:
        """Say what would be if actions were proposed now; nothing is changed or written.

        Args:
            actions: In the order in which they would be proposed.
            person: Who asks.
            lease: Who holds the lease, or empty.
        """
        with self._lock:
            situation = self._situation(person, lease)
            situation = replace(situation, parameters=dict(self._parameters))
            progress, way = self._progress, self._way
            begun = way.after(progress.done + self.measuring) if way is not None else None
            waiting = (*self._taken, *self._waiting)
        return look_out(self.scan, Standpoint(situation, begun, progress.left, progress.values, waiting), actions)

    def _ruling(self, proposal: Proposal, reason: str, points: int) -> Ruling:
        action = proposal.action
        subject, old, new = describe(action, self._parameters, self._axes, points)
        return Ruling(
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
            action=exact(action),
        )

    def record(self, ruling: Ruling, person: str, lease: str) -> Ruling:
        """Enter a refusal that was made elsewhere (a proposal that could not be read)."""
        with self._lock:
            return self._known.get(ruling.id) or self._refuse(ruling, person, lease)

    def _refuse(self, ruling: Ruling, person: str, lease: str) -> Ruling:
        """Enter a refusal, unless so many of the person's are that this one is only counted."""
        allowance = STEERING if person == lease else WATCHING
        written = self._refusals.written(person, ruling, allowance)
        self._known[ruling.id] = written or ruling
        if written is not None:
            self._enter(Decision(written))
        return self._known[ruling.id]

    def notice(self) -> bool:
        """Note that the plan knows that it has to end.

        Returns:
            Whether it did not know of an abort yet. Else the engine only said again what the plan knew.
        """
        with self._lock:
            return self._standing.notice()

    def remark(self, sentence: str) -> None:
        """Note what a person must know."""
        with self._lock:
            self._remarks.say(sentence)

    def fault(self, sentence: str, kind: Literal["retry", "fail"]) -> None:
        """Record that a device spoilt a point, and that the point is tried again or ends the scan."""
        with self._lock:
            if kind == "retry":
                self._remarks.retry(sentence)
            self._enter(Decision(necessary(kind, sentence)))

    def hold(self, sentence: str) -> None:
        """Pause because a device spoilt a point, so that a person decides."""
        with self._lock:
            # A person's pause of the same moment says less than the reason for this one.
            self._enter(Decision(necessary("pause", sentence), Pause()))

    def suspend(self, sentence: str) -> None:
        """Pause until the beamline is as it has to be, unless the scan is paused already."""
        with self._lock:
            if not self.paused:
                self._enter(Decision(necessary("pause", sentence), Pause()))
                self._standing.suspended = True

    def lift(self) -> None:
        """Go on after that, unless a person has paused the scan since."""
        with self._lock:
            if self.suspended:
                self._enter(Decision(necessary("resume", "What the scan waited for is back."), Resume()))

    @property
    def suspended(self) -> bool:
        """Whether the scan waits for the beamline, and goes on by itself."""
        return self._standing.suspended

    @property
    def waits(self) -> bool:
        """Whether something waits for the plan."""
        return bool(self._waiting)

    @property
    def ends_burst(self) -> bool:
        """Whether the burst that runs is to end."""
        with self._lock:
            return any(isinstance(one.action, EndBurst) for one in self._waiting)

    def take(self, *, last: bool = False) -> list[Decision]:
        """Hand the plan what came since it last asked; the last time, also that refusals were only counted."""
        with self._lock:
            if last:
                self._write_rest()
            decisions, self._waiting = self._waiting, []
            self._taken += decisions
            return decisions

    def close_if_idle(self) -> bool:
        """End the docket unless something waits in it; afterwards every proposal is refused."""
        with self._lock:
            self._write_rest()
            if self._waiting:
                return False
            self._open = False
            return True

    def close(self) -> list[Decision]:
        """Take nothing any more but a second abort; return what came too late to be applied."""
        with self._lock:
            decisions = self.take(last=True)
            self._open = False
            return decisions

    def end(self) -> None:
        """Note that the plan has ended: there is nothing left to abort."""
        with self._lock:
            self._open, self._standing.over = False, True

    def applied(self, decision: Decision, before_point: int) -> Ruling:
        """Note that the plan has applied a decision before a point (counted from 1); announce it."""
        ruling = replace(decision.ruling, applied_at=time.time(), before_point=before_point)
        with self._lock:
            self._known[ruling.id] = ruling
        self._announce(ruling)
        return ruling

    def came_to(self, ruling: Ruling, outcome: str) -> Ruling:
        """Note what became of an applied ruling that had to be waited for; empty if it is as asked for."""
        ended = replace(ruling, outcome=outcome)
        with self._lock:
            self._known[ended.id] = ended
        self._announce(ended)
        return ended

    def correct(self, name: str, value: float) -> None:
        """Note which value a parameter has that did not come to what was asked for, unless that has been changed."""
        with self._lock:
            waiting = [one.action for one in (*self._taken, *self._waiting)]
            later = any(isinstance(one, SetParameter) and one.parameter == name for one in waiting)
            # A signal that tells nothing is no reason to forget what it was: from that the largest step is judged.
            if not later and math.isfinite(value):
                held = self._parameters[name]
                self._parameters[name] = replace(held, value=min(max(value, held.low), held.high))

    def advance(self, progress: Progress, way: Way | None = None) -> None:
        """Note how far the plan is, with all applied that it has taken.

        Args:
            progress: How far it is.
            way: The path, if it has changed.
        """
        with self._lock:
            self._progress, self._taken, self.measuring = progress, [], False
            self._way = way or self._way

    async def news(self) -> None:
        """Wait on the engine's loop until something is waiting in the docket."""
        event = asyncio.Event()
        with self._lock:
            if self._waiting:
                return
            self._wake = (asyncio.get_running_loop(), event)
        await event.wait()

    def _write_rest(self) -> None:
        for ruling in self._refusals.rest():
            self._enter(Decision(ruling))

    def _enter(self, decision: Decision) -> None:
        self._known[decision.ruling.id] = decision.ruling
        if self._open:
            self._waiting.append(decision)
        self._standing.enter(decision.ruling, decision.action)
        if isinstance(decision.action, SetParameter):
            name = decision.action.parameter
            self._changes += 1
            self._parameters[name] = replace(self._parameters[name], value=decision.action.value)
        if self._wake is not None:
            loop, event = self._wake
            self._wake = None
            loop.call_soon_threadsafe(event.set)
        self._announce(decision.ruling)

    def _situation(self, person: str, lease: str) -> Situation:
        return Situation(
            scanning=self._open or (self.aborting and not self._standing.over),
            paused=self.paused,
            suspended=self.suspended,
            aborting=self.aborting,
            finishing=self._standing.finishing,
            person=person,
            lease=lease,
            parameters=self._parameters,
            axes=self._axes,
            region=self.scan.region,
            points_left=self._progress.left,
            points_allowed=self._points_allowed,
            parted=self.scan.parted,
            burst=0 if self.ends_burst else self.burst,
        )
