"""Flows as values: what Globus runs, how far a run is, and what it asks a person."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, cast

from steering.core.json import Json
from steering.globus.errors import cleaned

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
    """

    run: str
    state: State
    step: str = ""
    reason: str = ""
    scopes: tuple[str, ...] = ()
    output: Json = None

    @property
    def ended(self) -> bool:
        """Whether it has ended, well or not."""
        return self.state in ("done", "failed", "cancelled")


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
    reason = cleaned(str(details.get("description") or "")) if state not in ("active", "done") else ""
    wanted = details.get("required_scopes") or [details.get("required_scope")]
    scopes = tuple(str(scope) for scope in cast("Sequence[str | None]", wanted) if scope)
    output = details.get("output") if state == "done" else None
    return FlowStatus(str(run["run_id"]), state, step, reason, scopes, output)


def read_question(asked: Any) -> Question:
    """Read what Globus says of a question."""
    given = cast("dict[str, Any]", asked)
    context = cast("dict[str, Any]", given.get("context") or {})
    options = {str(one["option_id"]): str(one["label"]) for one in cast("Sequence[dict[str, Any]]", given["options"])}
    title, text = str(context.get("title") or ""), str(context.get("text") or "")
    return Question(str(given["id"]), str(given["run"]["id"]), title, text, options)
