"""One batch job as its pool's ledger knows it."""

import math
from dataclasses import dataclass, field

from steering.compute.batch import Observation
from steering.compute.clock import duration
from steering.core.pool import JobState, JobStatus
from steering.machine.steady import to_wall


@dataclass
class Job:
    """A job from its submission to its end.

    Attributes:
        name: Its name, never used twice.
        slot: Its place in the pool.
        nodes: How many nodes it asks for.
        id: The batch system's id; empty until the submission was answered.
        asked_at: When it was last asked for or submitted, Unix time in seconds.
        submitted_at: When it was submitted, or taken over, Unix time in seconds.
        doubts: How often the batch system said that it knows no job of this name after an unanswered submission.
        uncertain: Whether its submission got no answer.
        seen: What the batch system last said of it.
        over: Whether it has ended, or never came to be.
        refused: What the batch system said when it refused it.
        unwanted: Whether it is to end.
        cancelled_at: When it was last told to end.
        leaving: Whether its walltime is nearly over, so that its successor may be submitted.
        workers: Workers of it that are connected.
        joined: Whether a worker of it ever was.
        seconds: Seconds that it ran.
        lacks_since: Unix time in seconds since when some of its workers are missing; NaN if none is, or none ever came.
        halved: Whether it leaves because some of its workers were missing for long.
    """

    name: str
    slot: int
    nodes: int
    id: str = ""
    asked_at: float = 0.0
    submitted_at: float = 0.0
    doubts: int = 0
    uncertain: bool = False
    seen: Observation = field(default_factory=lambda: Observation("queued"))
    over: bool = False
    refused: str = ""
    unwanted: bool = False
    cancelled_at: float = -math.inf
    leaving: bool = False
    workers: int = 0
    joined: bool = False
    seconds: float = 0.0
    lacks_since: float = math.nan
    halved: bool = False

    @property
    def ends(self) -> float:
        """Unix time in seconds at which its walltime is over; NaN if that is not known."""
        return self.seen.started + self.seen.walltime

    @property
    def tries(self) -> bool:
        """Whether it has still to show that it works; one that waits in a queue may do so for long."""
        waits = bool(self.id) and self.seen.phase in ("queued", "held")
        return not (self.unwanted or self.joined or waits)

    @property
    def how(self) -> str:
        """How it ended, as the end of a sentence."""
        code = self.seen.exit_code
        return "ended" if not code else f"ended with exit code {code}"

    def told(self, otherwise: str) -> str:
        """Return what it said in the end, with its exit code; ``otherwise`` if it said nothing."""
        said, code = self.seen.log or self.seen.words, self.seen.exit_code
        return f"{said} (exit code {code})" if said and code else said or otherwise

    @property
    def state(self) -> JobState:
        """Its state in a word."""
        if self.refused:
            return "failed"
        if self.over:
            return {"": "ended", "finished": "ended"}.get(self.seen.end, self.seen.end)  # type: ignore[return-value]  (each end is a state)
        if not self.id:
            return "submitting"
        if self.unwanted or self.leaving:
            return "ending"
        return self.seen.phase if self.seen.phase not in ("ended", "gone") else "ended"

    def status(self, workers: int) -> JobStatus:
        """Say how it is; ``workers`` is how many it will have."""
        seen = self.seen
        waits = not self.over and seen.phase in ("queued", "held")
        return JobStatus(
            id=self.id,
            slot=self.slot,
            state=self.state,
            reason=self.refused or seen.words or self._ending(),
            nodes=() if self.over or waits else seen.nodes,
            workers=0 if self.over else self.workers,
            workers_wanted=workers,
            expected_start=seen.expected_start if waits else math.nan,
            started=to_wall(seen.started),
            ends=to_wall(self.ends),
        )

    def _ending(self) -> str:
        if self.over and self.seen.end == "expired":
            return f"its walltime of {duration(self.seen.walltime)} was over"
        if self.over and self.seen.exit_code:
            return f"exit code {self.seen.exit_code}"
        return ""
