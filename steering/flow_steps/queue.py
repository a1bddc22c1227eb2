"""The pool of workers that a compute step asks for: its urgency, and what its facility's policy chose and why."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from steering.core.errors import SteeringError
from steering.core.facility import Facility
from steering.core.pool import PoolStatus
from steering.flows.entries import ComputeEntry

_LOOK_SECONDS = 2.0
_OVER = ("stopping", "failed")


async def asked_pool(facility: Facility, step: ComputeEntry) -> str:
    """Ask for a pool of the step's urgency, unless there is one that is as large; return its urgency.

    Raises:
        SteeringError: If no queue is possible; with why for each.
    """
    if not step.urgency:
        return ""
    there = await _pool(facility, step.urgency)
    if there is None or there.nodes_per_job * there.jobs_wanted < step.nodes:
        await facility.ask(step.request(step.urgency))
    return step.urgency


async def queue_of(facility: Facility, urgency: str) -> str:
    """Say which queue was chosen for a pool of an urgency, and why; nothing if none was asked for."""
    there = await _pool(facility, urgency) if urgency else None
    return there.choice if there is not None else ""


async def tell_queue(facility: Facility, urgency: str, tell: Callable[[str], None]) -> None:
    """Say why the workers are not there yet, as the batch system says it, until this is cancelled.

    Args:
        facility: Whose workers; it is looked at as often as its owner looks.
        urgency: Of the pool; any if empty.
        tell: Takes a sentence when it is another one; an empty one once there are workers.
    """
    last: str | None = None
    while True:
        with suppress(SteeringError, OSError):
            status = await facility.status()
            pools = [one for one in status.pools if urgency in ("", one.urgency)]
            reasons = dict.fromkeys(job.reason for one in pools for job in one.jobs if job.reason)
            said = [*(one.choice for one in pools), *(one.detail for one in pools), *reasons]
            sentence = "" if status.workers else " ".join(one for one in said if one)
            if sentence != last:
                last = sentence
                tell(sentence)
        await asyncio.sleep(_LOOK_SECONDS)


async def _pool(facility: Facility, urgency: str) -> PoolStatus | None:
    """Return the pool that is asked for by an urgency, if it stands."""
    pools = (await facility.status()).pools
    return next((one for one in pools if one.name == urgency and one.state not in _OVER), None)
