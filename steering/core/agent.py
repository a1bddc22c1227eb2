"""What a steerer is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from steering.core.action import Action
from steering.core.parameter import Parameter
from steering.core.result import Result

MODES = ("off", "suggest", "automatic")


@dataclass(frozen=True)
class Suggestion:
    """An action that an agent would take, why, and the result that it rests on."""

    action: Action
    reason: str
    basis: str = ""


@runtime_checkable
class Agent(Protocol):
    """Somebody who looks at results and suggests actions.

    ``suggest`` may be called at any time, also before the first ``ingest``, and then returns nothing. Whether a
    suggestion is only shown or also proposed is not the agent's business but its mode's (off, suggest,
    automatic), which the session holds; either way the guard judges what is proposed.
    """

    name: str

    def ingest(self, result: Result, parameters: Sequence[Parameter]) -> None:
        """Take in a newer result, and the steerable parameters with their current values."""
        ...

    def suggest(self) -> Sequence[Suggestion]:
        """Return what to do now; each suggestion is returned once."""
        ...
