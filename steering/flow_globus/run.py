"""Runs a flow on Globus: each try written down, started once, mirrored to its end, cancelled with the flow."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.flow_globus.asked import asked_of, check, sent_files
from steering.flow_globus.attempt import Attempt, last_attempt
from steering.flow_globus.connection import Connection
from steering.flow_globus.given_out import finish_giving
from steering.flow_globus.mirror import Mirror
from steering.flow_globus.places import placed
from steering.flow_globus.queue import has_another, with_queue
from steering.flow_steps.copying import CancelledFlowError
from steering.flow_steps.flow_journal import FlowJournal
from steering.flow_steps.hold import point
from steering.flow_steps.work import Work
from steering.flows.condition import Condition
from steering.flows.entries import FlowEntry
from steering.flows.globus_definition import definition_of, judged_later, schema_of
from steering.globus.compute import LOST_WORDS, REFUSED_WORDS
from steering.globus.errors import GlobusError, consent
from steering.globus.flow import Flows
from steering.globus.flow_values import Definition, FlowStatus

# Where a node went away it is tried again so often.
_MOST_TRIES = 20
_LONGEST_TITLE = 128


def run_on_globus(
    work: Work,
    name: str,
    flow: FlowEntry,
    holds: Callable[[Work, Condition], bool],
    take: Callable[[Work, str, dict[str, Any]], None],
) -> None:
    """Run a flow from where it stands to its end.

    Args:
        work: Whose; the outcomes of its steps that are done are known.
        name: Of the flow.
        flow: The flow.
        holds: Judges a condition.
        take: Is given what each step has found.

    Raises:
        CancelledFlowError: If somebody asked for its end; the run at Globus is cancelled then.
        SteeringError: If it failed, or a person has to log in or to consent, with the command, and how it goes on.
    """
    check(flow)
    try:
        _Running(work, name, flow, holds, take).to_its_end()
    except CancelledFlowError:
        cancel_there(work.workspace, work.journal)
        raise
    except GlobusError as error:
        # What Globus itself says knows nothing of flows here. Never chained: the SDK's errors hold a token.
        raise SteeringError(f"{error} Then go on: steering flow resume {work.journal.id}") from None


def cancel_there(workspace: Workspace, journal: FlowJournal) -> None:
    """Cancel what a flow run does at Globus; one that was never started, or has ended, stays as it is.

    Raises:
        GlobusError: If Globus cannot be asked.
    """
    attempt = last_attempt(journal.lines())
    if attempt is None:
        return
    flows = Connection.to_cancel(workspace).flows
    run = attempt.run or _certain(flows, attempt)
    if run and not flows.status(run).ended:
        flows.cancel(run)


def _certain(flows: Flows, attempt: Attempt) -> str | None:
    """Find the run of a try whose answer was lost, for as long as it may still begin."""
    deadline = time.monotonic() + flows.patience.pace.settle
    while (run := flows.find(attempt.flow, attempt.tag)) is None and time.monotonic() < deadline:
        flows.patience.rest(flows.patience.pace.first, "find the run")
    return run


@dataclass
class _Running:
    """One flow run that this process runs."""

    work: Work
    name: str
    flow: FlowEntry
    holds: Callable[[Work, Condition], bool]
    take: Callable[[Work, str, dict[str, Any]], None]
    connection: Connection = field(init=False)
    files: list[dict[str, Any]] = field(init=False)
    queued: FlowEntry = field(init=False)

    def __post_init__(self) -> None:
        """Log in, and look at the files."""
        self.connection = Connection.of(self.work)
        self.flow = self.queued = placed(self.work, self.flow, self.connection.login)
        self.files = [] if self.flow.globus.flow else sent_files(self.work)

    def to_its_end(self) -> None:
        """Mirror one try after another until one has ended well."""
        attempt = last_attempt(self.work.journal.lines())
        # One that had ended before this process came is why it was resumed.
        news = attempt is None or not attempt.run or not self.connection.flows.status(attempt.run).ended
        lost = 0
        while True:
            attempt = attempt or self._next(None)
            status, attempt = self._followed(attempt, news=news)
            if status.state == "done":
                return
            refused = any(word in status.reason for word in REFUSED_WORDS)
            if refused and has_another(self.work, self.queued, attempt.number, status.reason):
                pass
            elif news:
                if not any(word in status.reason for word in LOST_WORDS) or lost >= _MOST_TRIES:
                    raise SteeringError(self._failed(status))
                lost += 1
                self.work.waits(f"The node went away. It is tried again, for the {lost}. time.")
            news, attempt = True, self._next(attempt)

    def _next(self, before: Attempt | None) -> Attempt:
        """Name a try, and write it down."""
        number = before.number + 1 if before is not None else 1
        flow = self.flow.globus.flow or self.connection.flows.make(self._definition())
        made = Attempt(number, f"{self.work.journal.id}-{secrets.token_hex(4)}", flow)
        self.work.step = ""
        self.work.intend(made.key, tag=made.tag, flow=made.flow)
        point("globus.intended")
        return made

    def _definition(self) -> Definition:
        states = definition_of(self.name, self.flow)
        # Flows of other beamlines may be called the same.
        beamline = self.work.facts.words.get("beamline.name") or "steering"
        return Definition(f"{beamline}: {self.name}"[:_LONGEST_TITLE], states, schema_of(self.flow))

    def _followed(self, attempt: Attempt, *, news: bool) -> tuple[FlowStatus, Attempt]:
        """Start a try if it was not started, and mirror it to its end."""
        flows, work = self.connection.flows, self.work
        when = self._to_do()
        function = ""
        if self.flow.steps.compute is not None and not self.flow.globus.compute_function and not attempt.run:
            function = self.connection.function(work.workspace)
        fresh = not attempt.run
        self.queued = with_queue(work, self.flow, self.connection) if when.get("compute") else self.flow
        body = asked_of(work, self.name, self.queued, when, self.files, function)
        if fresh:
            run = flows.run(attempt.flow, body, attempt.tag, work.journal.id)
            point("globus.asked")
            work.step = ""
            work.did(attempt.key, tag=attempt.tag, flow=attempt.flow, run=run)
            attempt = replace(attempt, run=run)
            point("globus.started")
        given: Mapping[str, Any] = body.get("input", {}).get("catalogue") or {}
        mirror = Mirror(work, self.flow, self.files, given.get("entries", ()), self._take, self._give)
        if not fresh and flows.status(attempt.run).state == "resting":
            flows.resume(attempt.run)
        waits = flows.patience.pace.waits()
        last = "", ""
        while True:
            status = flows.status(attempt.run)
            # The log is read after the status: what has ended is all in it.
            mirror.write(flows.events(attempt.run))
            if status.state != "active":
                if news or status.state == "done":
                    mirror.end(status)
                return status, attempt
            mirror.tell(status, flows.questions(attempt.run) if self.flow.globus.flow else ())
            if (status.state, status.step) != last:
                waits, last = flows.patience.pace.waits(), (status.state, status.step)
            flows.patience.rest(next(waits), f"end the run {attempt.run}")

    def _take(self, step: str, outcome: dict[str, Any]) -> None:
        self.take(self.work, step, outcome)

    def _give(self, outcome: dict[str, Any], at: float) -> dict[str, Any]:
        return finish_giving(self.work, self.flow, self.connection.login, outcome, at)

    def _failed(self, status: FlowStatus) -> str:
        resume = f"steering flow resume {self.work.journal.id}"
        if status.state == "resting":
            first = f"{consent(status.scopes)} && " if status.scopes else ""
            return f"The run at Globus rests: {status.reason}. Give the consent, and go on: {first}{resume}"
        if status.state == "cancelled":
            return f"The run at Globus was cancelled there. Run it again: {resume}"
        return f"{status.reason}. Put that right, and go on: {resume}"

    def _to_do(self) -> dict[str, bool]:
        """Say which steps are to be done whatever the function judges; write down those that are left out."""
        found: dict[str, bool] = {}
        work, steps = self.work, self.flow.named_steps
        for step, entry in steps.items():
            stands, condition = work.journal.state.step(step).status, entry.condition
            if stands in ("done", "left out"):
                found[step] = False
            elif condition is None:
                found[step] = True
            elif judged_later(step, steps) and found["compute"]:
                # The function does, which has the features then.
                found[step] = False
            else:
                work.step = step
                found[step] = self.holds(work, condition)
                if not found[step]:
                    work.journal.write("left out", {"step": step, "why": f"{condition.text} does not hold."})
        return found
