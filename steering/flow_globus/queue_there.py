"""The choice of a queue where the queues can be asked: on an endpoint of a login node, or here by the rules alone."""

import asyncio
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from steering.compute.batch import NoAnswerError, QueueState
from steering.compute.clock import walltime
from steering.compute.site import Site
from steering.compute.systems import batch_system
from steering.compute.urgency import choose
from steering.core.errors import SteeringError
from steering.core.pool import PoolRequest
from steering.core.workspace import Workspace, default_workspace
from steering.facilities.named import make_facility


def choose_there(asked: Mapping[str, Any], workspace: Workspace | None = None) -> dict[str, Any]:
    """Choose by the policy of the compute owner.

    Args:
        asked: ``facility``, ``urgency``, ``nodes``, ``walltime`` in seconds (or null), ``refusals`` (what the batch
            system said, by queue), ``look`` (whether to ask the queues of this machine), ``most`` (how many queues are
            wanted, each for the case that those before it refuse; 1 if left out).
        workspace: Whose ``steering.yaml`` describes the facility; that of this user if left out.

    Returns:
        ``config`` for the endpoint, and ``why``; or ``refused``, a sentence that says why no queue is possible. Further
        queues are under ``next``, as such values.
    """
    try:
        site = _site(str(asked["facility"]), workspace or default_workspace())
        states, unknown = _states(site, look=bool(asked["look"]))
        best = _chosen(asked, site, states, unknown)
    except SteeringError as error:
        return {"refused": str(error)}
    chosen, refusals = [best], dict(asked["refusals"])
    with suppress(SteeringError):
        while len(chosen) < int(asked.get("most") or 1):
            refusals[chosen[-1]["config"]["queue"]] = "it was tried before"
            chosen.append(_chosen({**asked, "refusals": refusals}, site, states, unknown))
    return {**best, "next": chosen[1:]} if len(chosen) > 1 else best


def _site(name: str, workspace: Workspace) -> Site:
    facility = make_facility(name, workspace)
    site = cast("Site | None", getattr(facility, "site", None))
    if site is None or site.batch == "process":
        raise SteeringError(f"The facility {name} has no queues. Name one that has under 'globus:' of the flow.")
    return site


def _chosen(asked: Mapping[str, Any], site: Site, states: Mapping[str, QueueState], unknown: str) -> dict[str, Any]:
    longest = math.nan if asked["walltime"] is None else float(asked["walltime"])
    wanted = PoolRequest(urgency=asked["urgency"], nodes=int(asked["nodes"]), walltime=longest)
    choice = choose(site, wanted, states, asked["refusals"])
    config = {"queue": choice.queue.name, "nodes_per_block": choice.nodes, "walltime": walltime(choice.walltime)}
    config |= {"account": site.account} if site.account else {}
    config |= {"max_blocks": choice.jobs} if choice.jobs > 1 else {}
    return {"config": config, "why": choice.why + (f" The queues were not asked: {unknown}." if unknown else "")}


def _states(site: Site, *, look: bool) -> tuple[Mapping[str, QueueState], str]:
    """Say how the queues are, and why that is not known."""
    if not look:
        return {}, "no endpoint that sees them is named"
    try:
        return asyncio.run(batch_system(site).queues()), ""
    except NoAnswerError as error:
        return {}, str(error).rstrip(".") or "the batch system does not answer"
