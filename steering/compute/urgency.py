"""Which queue, how many nodes, how long: a pure policy that says why.

For each urgency a site names the queues to try, best first. A queue is possible if the site's rules, and what the
batch system says of it now, allow the nodes and the walltime. A live analysis takes the first possible queue that can
start now if any can, else the first possible one; the others take the first possible one.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from steering.compute.batch import QueueState
from steering.compute.clock import duration
from steering.compute.site import Queue, Site
from steering.core.errors import SteeringError
from steering.core.pool import PoolRequest


@dataclass(frozen=True)
class Choice:
    """What to ask the batch system for.

    Attributes:
        queue: Where to submit.
        jobs: How many jobs.
        nodes: Nodes of each.
        walltime: Seconds of each.
        jobs_most: Most jobs that the queue lets this user have; 0 for no limit.
        why: A sentence.
    """

    queue: Queue
    jobs: int
    nodes: int
    walltime: float
    jobs_most: int
    why: str


def choose(
    site: Site,
    request: PoolRequest,
    states: Mapping[str, QueueState],
    refusals: Mapping[str, str] | None = None,
    nodes_per_job: int = 0,
) -> Choice:
    """Choose a queue for a request.

    Args:
        site: Where.
        request: What is wanted.
        states: What the batch system says of its queues now; empty if it gave no answer.
        refusals: Queues that refused a job of this pool, with the batch system's words.
        nodes_per_job: Nodes of the jobs that the pool has already, so that a larger pool adds to them; 0 for none.

    Raises:
        SteeringError: If no queue is possible; the message says why for each.
    """
    possible: list[Choice] = []
    against: list[str] = []
    for name in site.preference.get(request.urgency, ()):
        queue = site.queues[name]
        refusal = (refusals or {}).get(name)
        fit = (
            f"refused the last job: {refusal}"
            if refusal
            else _fit(site, queue, states.get(name), request, nodes_per_job)
        )
        if isinstance(fit, str):
            against.append(f"{name or 'the default queue'}: {fit}")
        else:
            possible.append(fit)
    if not possible:
        message = (
            f"{site.title or site.name} has no queue for {_nodes(request.nodes)}, {request.urgency}. "
            f"{'; '.join(against) or 'None is described for this urgency'}. Ask for fewer nodes or another urgency."
        )
        raise SteeringError(message)
    now = [one for one in possible if _starts_now(one, states.get(one.queue.name))]
    best = now[0] if request.urgency == "live" and now else possible[0]
    return Choice(
        best.queue,
        best.jobs,
        best.nodes,
        best.walltime,
        best.jobs_most,
        _why(best, possible, now, against, request),
    )


def _fit(site: Site, queue: Queue, state: QueueState | None, request: PoolRequest, usual: int) -> Choice | str:
    """Fit a request into a queue, or say why not."""
    seen = state or QueueState(queue.name)
    if not seen.takes:
        return "takes no jobs now"
    if seen.nodes_all and request.nodes > seen.nodes_all:
        return f"{_nodes(request.nodes)}, it has {seen.nodes_all}"
    least = max(queue.nodes_least, seen.nodes_least)
    most = _least_limit(queue.nodes_most, seen.nodes_most)
    jobs_most = _least_limit(queue.jobs_most, seen.jobs_most)
    nodes = min(request.nodes, most or request.nodes)
    if queue.nodes_per_job or usual:
        nodes = min(nodes, max(queue.nodes_per_job or usual, least))
    if nodes < least:
        return f"{_nodes(request.nodes)}, it wants {least} at least"
    jobs = math.ceil(request.nodes / nodes)
    # Of too many jobs, fewer and larger ones may still fit; all are of one size.
    jobs = min(jobs, jobs_most or jobs)
    nodes = max(math.ceil(request.nodes / jobs), least)
    if most and nodes > most:
        return f"{_nodes(request.nodes)}, of which it gives {most * jobs_most} to a user"
    jobs = math.ceil(request.nodes / nodes)
    if queue.pool_nodes_most and request.nodes > queue.pool_nodes_most:
        return f"{_nodes(request.nodes)}, of which it gives {queue.pool_nodes_most} to a user"
    longest = min(queue.walltime_most, seen.walltime_most)
    if not math.isnan(request.walltime) and not queue.walltime_least <= request.walltime <= longest:
        return f"{duration(request.walltime)} is outside its {duration(queue.walltime_least)} to {duration(longest)}"
    wished = site.walltime.get(request.urgency, math.inf) if math.isnan(request.walltime) else request.walltime
    walltime = max(min(wished, longest), queue.walltime_least)
    return Choice(queue, jobs, nodes, walltime, jobs_most, "")


def _least_limit(first: int, second: int) -> int:
    """The smaller of two limits, where 0 is none."""
    return min(limit for limit in (first, second) if limit) if first or second else 0


def _nodes(count: int) -> str:
    return f"{count} {'node' if count == 1 else 'nodes'}"


def _starts_now(choice: Choice, state: QueueState | None) -> bool:
    if state is None or state.queued:
        return False
    return state.nodes_free < 0 or state.nodes_free >= choice.nodes * choice.jobs


def _why(best: Choice, possible: list[Choice], now: list[Choice], against: list[str], request: PoolRequest) -> str:
    name = best.queue.name or "the default queue"
    jobs = f"{best.jobs} jobs" if best.jobs > 1 else "one job"
    said = f"{name}: {jobs} of {_nodes(best.nodes)} for {duration(best.walltime)}"
    if best in now and request.urgency == "live":
        passed = [one.queue.name for one in possible[: possible.index(best)]]
        said += ", can start now" + (f" (before it come {', '.join(passed)}, which cannot)" if passed else "")
    elif len(possible) + len(against) > 1:
        said += f", the first choice for {request.urgency} that fits"
    if against:
        said += f"; not {'; not '.join(against)}"
    return said + (f". Note: {best.queue.note}." if best.queue.note else ".")
