"""What a batch system is, and what it says of a job."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

Phase: TypeAlias = Literal["queued", "held", "running", "ending", "ended", "gone"]
End: TypeAlias = Literal["", "finished", "failed", "preempted", "expired", "cancelled"]


class NoAnswerError(Exception):
    """The batch system did not answer, or not in a form that can be read: nothing follows from it."""


class RefusedError(Exception):
    """The batch system refused a job; the message is its own words."""


@dataclass(frozen=True)
class Observation:
    """What the batch system says of one job.

    Attributes:
        phase: Where the job is in its life; ``"gone"`` only if the system said that it knows no such job.
        words: Its own reason or comment.
        end: How it ended.
        exit_code: Exit code of its script, if it ended and the system tells.
        nodes: Names of its nodes.
        started: Unix time in seconds of its (newest) start; NaN before.
        expected_start: Unix time in seconds at which it is expected to start; NaN if the system does not say.
        walltime: Seconds granted; NaN if the system does not say.
        never: Whether the system says that it can never run.
        log: The end of what the job wrote, read by the watcher.
    """

    phase: Phase
    words: str = ""
    end: End = ""
    exit_code: int | None = None
    nodes: tuple[str, ...] = ()
    started: float = math.nan
    expected_start: float = math.nan
    walltime: float = math.nan
    never: bool = False
    log: str = ""


@dataclass(frozen=True)
class QueueState:
    """What the batch system says of one queue.

    Attributes:
        name: Its name.
        takes: Whether it takes jobs and starts them.
        queued: Jobs waiting in it, of everybody.
        nodes_free: Nodes that are idle for it, or -1 if the system does not say.
        nodes_all: Nodes that it has in all, or 0 if the system does not say.
        nodes_least: Fewest nodes of a job; 0 if it does not say.
        nodes_most: Most nodes of a job; 0 if it does not say.
        walltime_most: Longest walltime in seconds; infinite if it does not say.
        jobs_most: Most jobs that one user may have in it, queued or running; 0 if it does not say.
    """

    name: str
    takes: bool = True
    queued: int = 0
    nodes_free: int = -1
    nodes_all: int = 0
    nodes_least: int = 0
    nodes_most: int = 0
    walltime_most: float = math.inf
    jobs_most: int = 0


class BatchSystem(Protocol):
    """A batch system, asked and never assumed. Each method may raise :class:`NoAnswerError`."""

    async def submit(self, script: str, name: str, directory: Path) -> str:
        """Submit a job script; return the job's id.

        Raises:
            RefusedError: If the system refuses it, with its words.
        """
        ...

    async def look(self, ids: Sequence[str]) -> dict[str, Observation]:
        """Ask for jobs; one that got no answer is left out."""
        ...

    async def find(self, name: str) -> list[str]:
        """Return the ids of this user's jobs of a name, waiting or running."""
        ...

    async def cancel(self, id: str) -> None:  # noqa: A002  (the batch system's own word)
        """End a job; one that has ended already is no error."""
        ...

    async def queues(self) -> dict[str, QueueState]:
        """Ask for the queues."""
        ...
