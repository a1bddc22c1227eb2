"""Pools of workers, and the batch jobs that they are made of."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

Urgency: TypeAlias = Literal["live", "soon", "batch"]
URGENCIES: tuple[Urgency, ...] = ("live", "soon", "batch")

JobState: TypeAlias = Literal[
    "submitting", "queued", "held", "running", "ending", "preempted", "expired", "cancelled", "failed", "ended"
]
PoolState: TypeAlias = Literal["starting", "running", "short", "stopping", "failed"]


@dataclass(frozen=True)
class PoolRequest:
    """What is wanted of a facility.

    Attributes:
        pool: Name of the pool; empty for the one of this urgency.
        urgency: ``"live"`` (a running scan waits for it), ``"soon"`` (within the beamtime) or ``"batch"``.
        nodes: Nodes wanted at all times; 0 ends the pool.
        most_nodes: Nodes up to which the pool may grow with its backlog; 0 for no more than ``nodes``.
        walltime: Seconds that one job should last; NaN lets the policy choose.
    """

    pool: str = ""
    urgency: Urgency = "live"
    nodes: int = 1
    most_nodes: int = 0
    walltime: float = math.nan


@dataclass(frozen=True)
class JobStatus:
    """One batch job, as the batch system sees it.

    Attributes:
        id: The batch system's name for it; empty while it is being submitted.
        slot: Its place in the pool, from 0.
        state: In a word.
        reason: Why: the batch system's own words, or the end of its log.
        nodes: Names of its nodes, once it has some.
        workers: Workers of it that are connected.
        workers_wanted: Workers that it will have.
        expected_start: Unix time in seconds at which the batch system expects to start it; NaN if it does not say.
        started: Unix time in seconds of its start; NaN before.
        ends: Unix time in seconds at which its walltime is over; NaN before its start.
    """

    id: str
    slot: int
    state: JobState
    reason: str = ""
    nodes: tuple[str, ...] = ()
    workers: int = 0
    workers_wanted: int = 0
    expected_start: float = math.nan
    started: float = math.nan
    ends: float = math.nan


@dataclass(frozen=True)
class PoolStatus:
    """A pool of workers of one kind.

    Attributes:
        name: The pool's; tasks are sent to it by it.
        queue: Queue that its jobs are submitted to.
        urgency: What it was asked for.
        choice: A sentence: why this queue, node count and walltime.
        state: ``"starting"``, ``"running"``, ``"short"`` (fewer workers than wanted), ``"stopping"`` (its jobs are
            told to end; it is gone with the last of them) or ``"failed"``.
        detail: A sentence: what is missing and what to do, if anything.
        nodes_per_job: Nodes of one job.
        jobs_wanted: How many jobs it should have.
        jobs: Its jobs, and the newest ended one of each place that has none.
        node_hours: Node-hours used by it.
        refused: Whether its submissions are refused again and again; they are tried on, ever later.
    """

    name: str
    queue: str
    urgency: Urgency
    choice: str
    state: PoolState
    detail: str
    nodes_per_job: int
    jobs_wanted: int
    jobs: tuple[JobStatus, ...] = ()
    node_hours: float = 0.0
    refused: bool = False
