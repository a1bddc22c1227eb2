"""A facility's state as text for a terminal."""

import math
import time

from steering.core.facility import FacilityStatus
from steering.core.pool import JobStatus, PoolStatus


def describe(status: FacilityStatus) -> str:
    """Write a facility with its pools and jobs, one a line."""
    hours = f"{status.node_hours:.2f} node-hours used"
    if math.isfinite(status.node_hours_allowed):
        hours += f" of {status.node_hours_allowed:g}"
    head = f"{status.name}: {status.state}, {len(status.workers)} workers" + (f", {hours}" if status.pools else "")
    detail = f". {status.detail}" if status.detail else "."
    return "\n".join([head + detail, *(line for pool in status.pools for line in _pool(pool)), ""])


def _pool(pool: PoolStatus) -> list[str]:
    first = f"  pool {pool.name}: {pool.state}. {pool.choice} {pool.detail}".rstrip()
    return [first, *(f"    {_job(job)}" for job in pool.jobs)]


def _job(job: JobStatus) -> str:
    parts = [f"job {job.id or '(being submitted)'}", job.state]
    parts += [f"on {', '.join(job.nodes)}"] if job.nodes else []
    parts += [f"{job.workers} of {job.workers_wanted} workers"] if job.state == "running" else []
    parts += [f"ends at {_clock(job.ends)}"] if math.isfinite(job.ends) and job.state in ("running", "ending") else []
    parts += [f"expected to start at {_clock(job.expected_start)}"] if math.isfinite(job.expected_start) else []
    parts += [job.reason] if job.reason else []
    return ", ".join(parts)


def _clock(moment: float) -> str:
    return time.strftime("%H:%M", time.localtime(moment))
