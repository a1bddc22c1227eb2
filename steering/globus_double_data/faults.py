"""Faults that are ordered: how the double fails, and how often."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["refuse", "lose", "garble"]


@dataclass
class AnswerFault:
    """Wrong answers to questions.

    Attributes:
        service: Whose, or empty for all.
        kind: ``refuse`` answers with a status before anything is done; ``lose`` does it and then breaks the connection;
            ``garble`` does it and answers something else.
        times: How often still.
        path: A part of the paths that it strikes; empty for all.
        method: Of HTTP, or empty for all.
        status: Of the refusal.
        retry_after: Seconds that the answer asks to wait, if it does.
        content: What is answered in place of the answer.
    """

    service: str
    kind: Kind
    times: int
    path: str = ""
    method: str = ""
    status: int = 503
    retry_after: int | str | None = None
    content: str = ""

    def strikes(self, service: str, method: str, path: str) -> bool:
        """Say whether it is meant for a question."""
        return (
            self.times > 0
            and self.service in ("", service)
            and self.path in path
            and self.method.upper() in ("", method)
        )


@dataclass
class Faults:
    """All that is wrong now. Read and written under the ground's lock.

    Attributes:
        answers: Wrong answers, in the order in which they are tried.
        offline: Collections and compute endpoints that cannot be reached.
        unconsented: Collections whose data need a consent that nobody gave.
        stalled: Why transfers stand still; empty if they do not.
        paused: Why an administrator paused transfers; empty if nobody did.
        failing: How many of the next transfers fail.
        failing_reason: What they say then.
        wrong_checksums: How many of the next files arrive with a wrong byte.
        preempted: How many of the next runs of functions on a pre-emptible queue lose their node.
        failing_ingests: How many of the next entries cannot be indexed.
    """

    answers: list[AnswerFault] = field(default_factory=list[AnswerFault])
    offline: set[str] = field(default_factory=set[str])
    unconsented: set[str] = field(default_factory=set[str])
    stalled: str = ""
    paused: str = ""
    failing: int = 0
    failing_reason: str = ""
    wrong_checksums: int = 0
    preempted: int = 0
    failing_ingests: int = 0

    def answer(self, service: str, method: str, path: str) -> AnswerFault | None:
        """Take what strikes a question, if anything does; it strikes once less then."""
        for fault in self.answers:
            if fault.strikes(service, method, path):
                fault.times -= 1
                return fault
        return None
