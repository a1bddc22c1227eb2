"""The compute as one traffic light: whether the analysis keeps up, and what it waits for."""

from typing import Literal, TypeAlias

from steering.core.facility import FacilityStatus
from steering.core.latency import LatencySummary
from steering.core.pool import PoolStatus
from steering_widgets.parts.wording import several

Colour: TypeAlias = Literal["good", "warn", "bad"]

# The analysis is behind when more points than this have no result yet: some are always under way.
_BEHIND = 3


def light_of(latency: LatencySummary, compute: FacilityStatus) -> tuple[Colour, str]:
    """Choose the light's colour, and say why: ``12 points behind, 4 workers of 8; the rest wait in preemptable``."""
    there = len(compute.workers)
    if compute.state in ("stopped", "lost") and not there:
        return "bad", f"no analysis: {compute.name or 'the facility'} is {compute.state}"
    failed = [pool.name for pool in compute.pools if pool.state == "failed"]
    if failed:
        return "bad", f"{_workers(compute)}; {' and '.join(failed)} failed"
    if not there:
        waits = _waits(compute.pools).replace("the rest wait", "its jobs wait")
        return "warn", f"no worker is there yet{waits}"
    behind = latency.points_behind
    if behind > _BEHIND:
        return "warn", f"{several(behind, 'point')} behind, {_workers(compute)}"
    return "good", f"keeps up, {_workers(compute)}"


def _workers(compute: FacilityStatus) -> str:
    there = len(compute.workers)
    wanted = sum(_wanted(pool) for pool in compute.pools)
    if wanted <= there:
        return several(there, "worker")
    return f"{several(there, 'worker')} of {wanted}{_waits(compute.pools)}"


def _wanted(pool: PoolStatus) -> int:
    """Count the workers that a pool will have, as far as its jobs say."""
    return sum(job.workers_wanted for job in pool.jobs if job.state in ("submitting", "queued", "held", "running"))


def _waits(pools: tuple[PoolStatus, ...]) -> str:
    queues = dict.fromkeys(
        pool.queue for pool in pools if any(job.state in ("submitting", "queued", "held") for job in pool.jobs)
    )
    return f"; the rest wait in {' and '.join(queues)}" if queues else ""
