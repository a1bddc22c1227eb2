"""What a steerer is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

from steering.core.action import Action
from steering.core.parameter import Parameter
from steering.core.result import Result

MODES = ("off", "suggest", "automatic")


@dataclass(frozen=True)
class Suggestion:
    """An action that an agent would take, why, and the result that it rests on.

    Attributes:
        action: What it would do.
        reason: Why, as a sentence.
        basis: The result that it rests on.
        agent: Label of the agent; the session writes it.
        made_at: Unix time in seconds at which it was made; the session writes it.
        frames: Frames of that result; the session writes it.
        point: Points that were done when that result was looked at; the session writes it.
        run: Uid of the run in which it was made; the session writes it.
    """

    action: Action
    reason: str
    basis: str = ""
    agent: str = ""
    made_at: float = 0.0
    frames: int = 0
    point: int = 0
    run: str = ""


@runtime_checkable
class Agent(Protocol):
    """Somebody who looks at results and suggests actions.

    ``suggest`` may be called at any time, also before the first ``ingest``, and then returns nothing. Whether a
    suggestion is only shown or also proposed is not the agent's business but its mode's (off, suggest,
    automatic), which the session holds; either way the guard judges what is proposed.

    An agent may name the parameters that a scan must have for it to do anything, in an attribute ``steers``. With a
    scan that lacks one of them a person is told so.
    """

    name: str

    def ingest(self, result: Result, parameters: Sequence[Parameter]) -> None:
        """Take in a newer result, and the steerable parameters with their current values."""
        ...

    def suggest(self) -> Sequence[Suggestion]:
        """Return what to do now; each suggestion is returned once."""
        ...


def why_idle(agent: Agent, parameters: Sequence[Parameter]) -> str:
    """Say why an agent can do nothing in a scan; empty if it can.

    Args:
        agent: Who may name what it steers.
        parameters: Of the scan.
    """
    named: object = getattr(agent, "steers", ())
    # A stranger's attribute may be anything.
    several = cast("Sequence[object]", named) if isinstance(named, list | tuple) else ()
    steers = [one for one in several if isinstance(one, str)]
    missing = set(steers) - {one.name for one in parameters}
    return f"It steers {' and '.join(steers)}, which this scan does not have." if missing else ""
