"""Writes what a run at Globus does into the journal of the flow, as a local step would."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any, cast

from steering.catalogue.catalogue import Catalogue
from steering.core.errors import SteeringError
from steering.flow_globus.answer import read_answer, read_entry
from steering.flow_globus.asked import outcome_of
from steering.flow_globus.entries_file import read_entries, write_entries
from steering.flow_globus.queue import queue_said
from steering.flow_steps.flow_state import ASKED
from steering.flow_steps.hold import point
from steering.flow_steps.work import Work
from steering.flows.entries import FlowEntry
from steering.flows.globus_definition import step_of_state
from steering.flows.templates import plain_name
from steering.globus.errors import cleaned
from steering.globus.flow_values import FlowEvent, FlowStatus, Question
from steering.machine.secret_file import make_private

_WELL = ("", "OK", "Queued")


@dataclass
class Mirror:
    """What is known of one run at Globus.

    Attributes:
        work: Whose journal is written.
        flow: The flow.
        files: Of the run, as they were sent.
        entries: Of the catalogue, as they were given; the function may make others.
        take: Is given what each step has found.
        give: Sends the manifest of the distribute step, done at a Unix time in seconds; returns its outcome.
        seen: How many events of the log are written.
    """

    work: Work
    flow: FlowEntry
    files: Sequence[Mapping[str, Any]]
    entries: Sequence[Mapping[str, Any]]
    take: Callable[[str, dict[str, Any]], None]
    give: Callable[[dict[str, Any], float], dict[str, Any]]
    seen: int = 0
    _last: tuple[str, Any] = field(default=("", None))

    def write(self, events: Sequence[FlowEvent]) -> None:
        """Write what has happened since, each step once, whoever wrote the ones before."""
        for event in events[self.seen :]:
            step = "" if self.flow.globus.flow else step_of_state(event.state)
            if step and event.code == "ActionStarted":
                self._begin(step, event.time)
            elif step and event.code == "ActionCompleted":
                self._finish(step, event)
            self.seen += 1

    def tell(self, status: FlowStatus, questions: Sequence[Question]) -> None:
        """Say how far the step is, and why it waits; nothing if that is as before."""
        step = "flow" if self.flow.globus.flow else step_of_state(status.step)
        if not step or status.state != "active":
            return
        self._begin(step)
        said = status.acting
        why, moved = _waiting(said), said.get("bytes_transferred")
        # Anybody's action may say anything of itself.
        done = moved if isinstance(moved, int) and moved > 0 else 0
        if questions:
            one = questions[0]
            options = ", ".join(one.options.values())
            why = f"{ASKED}{one.title} ({options}). Answer: steering globus answer {quote(one.id)} OPTION."
        elif self.flow.globus.flow:
            why = f"It is in its state {status.step}." if status.step else ""
        if (step, (why, done)) == self._last:
            return
        self._last = step, (why, done)
        self.work.step = step
        if done:
            self.work.tell(done, max(self._total(step), done))
        self.work.waits(why)

    def end(self, status: FlowStatus) -> None:
        """Write what the end of the run means: steps that were left out, or the one that failed."""
        state = self.work.journal.state
        if status.state == "done":
            if self.flow.globus.flow:
                self._begin("flow")
                self._done("flow", {"run": status.run, "output": status.output})
            for one in state.steps:
                if one.status in ("waiting", "running") and one.name != "flow":
                    self._left_out(one.name)
            return
        step = "flow" if self.flow.globus.flow else step_of_state(status.step)
        running = next((one.name for one in state.steps if one.status == "running"), step)
        if running:
            self.work.journal.write("failed", {"step": running, "why": status.reason})

    def _begin(self, step: str, at: float | None = None) -> None:
        """Write that a step has begun, if it has not; by Globus' clock, since it may be long ago."""
        self.work.step = step
        if self.work.journal.state.step(step).status not in ("running", "done"):
            self.work.journal.write("began", {"step": step, **({} if at is None else {"time": at})})
            point(f"{step}.began")

    def _finish(self, step: str, event: FlowEvent) -> None:
        if self.work.journal.state.step(step).status == "done":
            return
        self._begin(step)
        if step == "compute":
            self._done(step, self._computed(event))
        elif step == "catalogue":
            self._catalogued(event)
        else:
            outcome = outcome_of(self.work, self.flow, step, self.files)
            if step == "distribute":
                outcome = self.give(outcome, event.time)
            total = self._total(step)
            self.work.journal.write("progress", {"step": step, "bytes": total, "bytes_total": total}, sync=False)
            self._done(step, outcome)

    def _done(self, step: str, outcome: dict[str, Any]) -> None:
        point(f"{step}.acted")
        self.work.journal.write("done", {"step": step, "outcome": outcome})
        self.take(step, outcome)
        point(f"{step}.done")

    def _left_out(self, step: str) -> None:
        entry = self.flow.named_steps[step]
        why = f"{entry.condition.text} does not hold." if entry.condition is not None else "Globus left it out."
        self.work.journal.write("left out", {"step": step, "why": why})

    def _computed(self, event: FlowEvent) -> dict[str, Any]:
        """Keep what the function returned as the local step keeps it."""
        try:
            details = cast("dict[str, Any]", cast("dict[str, Any]", event.output)["details"])
            run, labels = self.work.run.uid, self.flow.labels
            catalogued = self.flow.steps.catalogue is not None
            output = details["results"][0]["output"]
            answer = read_answer(output, run, self.work.journal.id, labels, catalogued=catalogued)
        except (KeyError, IndexError, TypeError, SteeringError) as error:
            raise SteeringError(
                "The function of the compute step returned something else than results "
                f"({cleaned(str(error))}). Has the endpoint this version of steering? Then remove compute_function, "
                "and order the flow anew."
            ) from error
        make_private(self.work.results)
        outcome: dict[str, Any] = {
            **answer.outcome,
            "results": {label: str(self._keep(label, answer.results[label])) for label in labels},
        }
        outcome["entries"] = write_entries(self.work.results, answer.entries)
        for label, one in zip(outcome["features"], outcome["files"], strict=True):
            if f"compute:{label}" not in self.work.effects:
                features = outcome["features"][label]
                self.work.did(f"compute:{label}", **one, result=outcome["results"][label], features=features)
        queue = queue_said(self.work)
        return {**outcome, "endpoint": self.flow.globus.compute_endpoint, **({"queue": queue} if queue else {})}

    def _keep(self, label: str, text: str) -> Path:
        path = self.work.results / f"{plain_name(label)}.json"
        made = path.with_name(f".{path.name}.part")
        made.write_text(text, encoding="utf-8")
        made.replace(path)
        return path

    def _catalogued(self, event: FlowEvent) -> None:
        """Note an entry; the step is done with the last of them, and the local catalogue has the same then."""
        made = read_entries(self.work.outcomes.get("compute", {})) or self.entries
        number = int(event.state.removeprefix("Catalogue") or 0)
        if number < len(made) - 1:
            return
        run, mine = self.work.run.uid, self.work.journal.id
        Catalogue(self.work.workspace).write(*(read_entry(one, run, mine) for one in made))
        point("catalogue.written")
        subjects = [str(one["subject"]) for one in made]
        self._done("catalogue", {"subjects": subjects, "index": self.flow.globus.index})

    def _total(self, step: str) -> int:
        files = outcome_of(self.work, self.flow, step, self.files)["files"] if step in _COPY else ()
        return sum(int(one["size"]) for one in files)


_COPY = ("transfer", "distribute")


def _waiting(said: Mapping[str, Any]) -> str:
    """Say why an action waits: a transfer that stands, or a function that has no node."""
    nice = str(said.get("nice_status") or "")
    if said.get("is_paused") or nice not in _WELL:
        return f"Globus waits: {cleaned(str(said.get('nice_status_details') or nice)) or 'it was paused'}."
    status = cleaned(str(said.get("status") or ""))
    return f"The endpoint has not begun: {status}." if status.startswith(("waiting", "pending", "queued")) else ""
