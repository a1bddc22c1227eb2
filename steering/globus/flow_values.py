"""Flows as values: what Globus runs, how far a run is, and what it asks a person."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, cast

from steering.core.json import Json
from steering.globus.errors import cleaned, plain

State = Literal["active", "resting", "done", "failed", "cancelled"]
_STATES: dict[str, State] = {"INACTIVE": "resting", "SUCCEEDED": "done", "FAILED": "failed", "ENDED": "cancelled"}


@dataclass(frozen=True)
class Definition:
    """A flow as Globus runs it.

    Attributes:
        title: Of at most 128 characters. It is what the flow is found again by, so each flow has its own.
        states: The definition: ``StartAt`` and ``States``.
        schema: JSON Schema of the input.
    """

    title: str
    states: Mapping[str, Json]
    schema: Mapping[str, Json]

    @property
    def checksum(self) -> str:
        """Tells one version from another, in hexadecimal digits."""
        text = json.dumps([self.states, self.schema], sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class FlowStatus:
    """How far a run is.

    Attributes:
        run: Its id.
        state: Whether it goes, rests until somebody consents, or has ended how.
        step: The state of the definition where it is.
        reason: Why it rests or failed.
        scopes: What has to be consented to, where it rests for that.
        output: What the flow knows at its end, where it is done.
        acting: What the action that goes on says of itself: of a transfer its bytes, of a function its state.
    """

    run: str
    state: State
    step: str = ""
    reason: str = ""
    scopes: tuple[str, ...] = ()
    output: Json = None
    acting: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def ended(self) -> bool:
        """Whether it has ended, well or not."""
        return self.state in ("done", "failed", "cancelled")


@dataclass(frozen=True)
class FlowEvent:
    """Something that happened in a run.

    Attributes:
        code: As Globus calls it: ``ActionStarted``, ``ActionCompleted``, ``FlowFailed``.
        state: The state of the definition.
        output: What came of it.
        time: Unix time in seconds, by Globus' clock.
    """

    code: str
    state: str
    output: Json
    time: float


@dataclass(frozen=True)
class Question:
    """What a run asks a person.

    Attributes:
        id: Of the question.
        run: That waits for the answer.
        title: What is asked.
        text: What there is to know.
        options: What may be answered, by id.
    """

    id: str
    run: str
    title: str
    text: str
    options: Mapping[str, str]


def read_status(given: Any) -> FlowStatus:
    """Read what Globus says of a run."""
    run = cast("dict[str, Any]", given)
    details = cast("dict[str, Any]", run.get("details") or {})
    state = _STATES.get(str(run["status"]), "active")
    acting = cast("Sequence[dict[str, Any]]", details.get("action_statuses") or [])
    step = str(acting[-1].get("state_name") or "") if acting else str(details.get("state_name") or "")
    reason = _told(str(details.get("description") or "")) if state not in ("active", "done") else ""
    wanted = details.get("required_scopes") or [details.get("required_scope")]
    scopes = tuple(str(scope) for scope in cast("Sequence[str | None]", wanted) if scope)
    output = details.get("output") if state == "done" else None
    said = cast("dict[str, Any]", acting[-1].get("details") or {}) if acting and state == "active" else {}
    return FlowStatus(str(run["run_id"]), state, step, reason, scopes, output, said)


def read_events(entries: Sequence[Mapping[str, Any]]) -> tuple[FlowEvent, ...]:
    """Read the log of a run."""
    return tuple(_event(one) for one in entries)


def _event(entry: Mapping[str, Any]) -> FlowEvent:
    details = cast("dict[str, Any]", entry.get("details") or {})
    state, output = str(details.get("state_name") or ""), details.get("output")
    # Globus gives all that the flow knows, and the double what the state made.
    if isinstance(output, dict) and state in output:
        output = cast("dict[str, Any]", output)[state]
    at = datetime.fromisoformat(str(entry["time"])).timestamp()
    return FlowEvent(str(entry["code"]), state, cast("Json", output), at)


def _told(text: str) -> str:
    """Return a reason as a sentence: of a traceback its last line."""
    begin, _, trace = text.partition("Traceback (most recent call last):")
    return cleaned(f"{begin} {trace.strip().splitlines()[-1]}" if trace.strip() else text)


def read_question(asked: Any) -> Question:
    """Read what Globus says of a question."""
    given = cast("dict[str, Any]", asked)
    context = cast("dict[str, Any]", given.get("context") or {})
    options = {
        str(one["option_id"]): plain(str(one["label"])) for one in cast("Sequence[dict[str, Any]]", given["options"])
    }
    title, text = plain(str(context.get("title") or "")), plain(str(context.get("text") or ""))
    return Question(str(given["id"]), str(given["run"]["id"]), title, text, options)
