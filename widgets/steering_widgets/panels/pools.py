"""Pools and batch jobs as the compute panel shows them."""

import math
import time

from steering.core.facility import FacilityStatus
from steering.core.pool import JobStatus, PoolStatus
from steering_widgets.parts.wording import NONE, duration, escape

_STATES = {
    "starting": "Starting",
    "running": "All workers there",
    "short": "Short of workers",
    "stopping": "Stopping",
    "failed": "Failed",
}
_DOTS = {
    "starting": "starting",
    "running": "running",
    "short": "paused",
    "stopping": "starting",
    "failed": "lost",
}
_JOBS = {
    "submitting": "being submitted",
    "queued": "waiting",
    "preempted": "pre-empted",
    "expired": "walltime over",
}
_HERE = "this machine"


def pools_text(status: FacilityStatus) -> str:
    """Write the pools of a facility with their jobs, and the node-hours; nothing for plain workers of this machine."""
    if not status.pools:
        return ""
    plain = all(job.nodes == (_HERE,) and job.state == "running" for pool in status.pools for job in pool.jobs)
    if plain and len(status.pools) == 1:
        return ""
    allowed = f" of {status.node_hours_allowed:g}" if math.isfinite(status.node_hours_allowed) else ""
    hours = (
        f'<div class="st-figures"><span>{status.node_hours:.2f}{allowed}<small> node-hours used</small></span></div>'
    )
    return "".join(_pool(pool) for pool in status.pools) + hours


def _pool(pool: PoolStatus) -> str:
    rows = "".join(_job(job) for job in pool.jobs)
    table = (
        '<div class="st-scroll" tabindex="0" role="region" aria-label="Jobs"><table><thead><tr><th scope="col">Job</th>'
        '<th scope="col">State</th><th scope="col">Nodes</th><th scope="col" class="st-right">Workers</th>'
        f'<th scope="col" class="st-right">Time</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )
    detail = f'<div class="{"st-error" if pool.state == "failed" else "st-next"}">{escape(pool.detail)}</div>'
    return (
        f'<div class="st-pool st-pool-{escape(pool.name)}">'
        f'<div class="st-pool-head"><b>{escape(pool.name)}</b> '
        f'<span class="st-state st-small st-state-{_DOTS[pool.state]}">{_STATES[pool.state]}</span></div>'
        f'<div class="st-faint">{escape(pool.choice)}</div>'
        f"{detail if pool.detail else ''}{table if pool.jobs else ''}</div>"
    )


def _job(job: JobStatus) -> str:
    nodes = ", ".join(job.nodes[:3]) + (f" and {len(job.nodes) - 3} more" if len(job.nodes) > 3 else "")
    reason = f'<div class="st-faint">{escape(job.reason)}</div>' if job.reason else ""
    workers = f"{job.workers} of {job.workers_wanted}" if job.state in ("running", "ending") else NONE
    state = _JOBS.get(job.state, job.state)
    return (
        f"<tr><td>{escape(job.id) or NONE}</td><td>{state}{reason}</td><td>{escape(nodes) or NONE}</td>"
        f'<td class="st-right">{workers}</td><td class="st-right">{_time(job)}</td></tr>'
    )


def _time(job: JobStatus) -> str:
    if job.state in ("running", "ending") and math.isfinite(job.ends):
        return f"{duration(job.ends - time.time())} left"
    if job.state in ("queued", "held") and math.isfinite(job.expected_start):
        return f"starts {time.strftime('%H:%M', time.localtime(job.expected_start))}"
    return NONE
