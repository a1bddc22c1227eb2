"""In which queues a run may be analysed on a facility of Globus Compute: by the policy of the facility behind it."""

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

from steering.core.errors import SteeringError
from steering.core.facility import WholeRuns
from steering.flow_globus.queue_there import choose_there
from steering.flow_steps.work import Work
from steering.flows.entries import ComputeEntry
from steering.globus.errors import cleaned

# What was chosen is written down under this, so that whoever goes on asks for the same.
_EFFECT = "queues:chosen"
_MOST = 4
# Each queue has its reason.
_LONGEST = 2000
_ANSWER_SECONDS = 60.0


async def prefer_queues(work: Work, step: ComputeEntry, there: WholeRuns, key: str) -> Callable[[], str]:
    """Have the queues chosen that a run is asked for in, if the step says how urgent it is.

    Args:
        work: Whose.
        step: What is done.
        there: Is told of them.
        key: Names the run.

    Returns:
        What says, once the run is done, which was taken and why; nothing where the step leaves that to the facility.

    Raises:
        SteeringError: If nobody knows the queues there, or none is possible, with why for each.
    """
    if not step.urgency:
        return str
    if not there.queues[0]:
        raise SteeringError(
            f"The step is to be as urgent as {step.urgency!r}, and nothing says which queues {step.facility} has. Name "
            f"the facility whose queues it submits to (queues: polaris, of {step.facility} in steering.yaml), or leave "
            f"urgency out of the step: config: of {step.facility} says the queue then. Then resume."
        )
    if _EFFECT not in work.effects:
        answer = await _asked(work, step, there)
        first = answer.get("config")
        if not isinstance(first, dict):
            raise SteeringError(
                f"No queue could be chosen: {answer.get('refused') or 'it gave no answer'} Then resume."
            )
        choices = [answer, *cast("list[dict[str, Any]]", answer.get("next") or [])]
        whys = [cleaned(str(one.get("why") or ""), _LONGEST) + "." for one in choices]
        work.did(_EFFECT, configs=[one["config"] for one in choices], why=whys)
        work.waits(f"Queue {whys[0]}")
    chosen = work.effects[_EFFECT]
    taken = there.prefer(key, chosen["configs"])
    return lambda: str(chosen["why"][taken()])


async def _asked(work: Work, step: ComputeEntry, there: WholeRuns) -> Mapping[str, Any]:
    """Choose where the queues are seen, or here by their rules. It changes nothing there, so it may be asked again."""
    rules, seer = there.queues
    request = step.request("soon")
    asked: dict[str, Any] = {
        "facility": rules, "urgency": request.urgency, "nodes": request.nodes, "refusals": {}, "most": _MOST,
        "walltime": None if math.isnan(request.walltime) else request.walltime, "look": bool(seer),
    }  # fmt: skip
    if not seer:
        return choose_there(asked, work.workspace)
    work.waits(f"The queues of {rules} are asked.")
    facility = await work.facilities.facility(seer, pool=False)
    return await facility.call(choose_there, asked, patience=_ANSWER_SECONDS)
