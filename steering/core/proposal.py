"""A wish to change the running scan, and what was decided on it."""

from dataclasses import dataclass
from typing import Literal

from steering.core.action import Action

_SUGGESTED = "; suggested by "


@dataclass(frozen=True)
class Proposal:
    """One action that somebody asks for.

    Attributes:
        id: Unique name of this proposal; sending the same one twice changes nothing.
        who: Person (the token's name), or agent and person (``"recentre for ana"``).
        action: What is asked for.
        basis: The result that it rests on, for example ``"rocking_curve 26 frames, version 17"``; empty if none. What a
            person accepted names the agent that suggested it too (see :func:`with_author`).
        proposed_at: Unix time in seconds.
    """

    id: str
    who: str
    action: Action
    basis: str = ""
    proposed_at: float = 0.0


@dataclass(frozen=True)
class Ruling:
    """What was decided on a proposal; one event in the run's stream ``steering``.

    Attributes:
        id: The proposal's.
        who: The proposal's.
        kind: The action's kind.
        subject: What it changes: a parameter's name, an axis list, or empty.
        old: Value before, as text with its unit; empty where there is none.
        new: Value asked for, as text with its unit.
        verdict: ``"accepted"`` or ``"refused"``.
        reason: A plain sentence; for a refusal it holds the value, its unit and what is allowed.
        basis: The proposal's.
        proposed_at: Unix time in seconds.
        decided_at: Unix time in seconds.
        applied_at: Unix time in seconds at which the plan took it; 0 while it is pending.
        before_point: Number of the point (from 1) before which it took effect; 0 while it is pending.
        action: The action exactly, as JSON, so that a run can be replayed; empty if it could not be read.
        outcome: What became of an accepted one, if it is not as asked for: a sentence.
    """

    id: str
    who: str
    kind: str
    subject: str
    old: str
    new: str
    verdict: Literal["accepted", "refused"]
    reason: str
    basis: str
    proposed_at: float
    decided_at: float
    applied_at: float = 0.0
    before_point: int = 0
    action: str = ""
    outcome: str = ""

    @property
    def accepted(self) -> bool:
        """Whether it was accepted."""
        return self.verdict == "accepted"


def with_author(basis: str, agent: str) -> str:
    """Name the agent whose suggestion a person accepted, after the result that it rests on."""
    return f"{basis}{_SUGGESTED}{agent}" if agent else basis


def author_of(basis: str) -> tuple[str, str]:
    """Split what :func:`with_author` made into the result and the agent; that is empty where a person had the idea."""
    result, _, agent = basis.rpartition(_SUGGESTED)
    return (result, agent) if _SUGGESTED in basis else (basis, "")
