"""Which queue a flow's job is for: as the flow says, or as the compute owner's policy chooses, with its reason."""

import math
from collections.abc import Mapping
from typing import Any, cast

from steering.core.errors import SteeringError
from steering.flow_globus.connection import Connection
from steering.flow_globus.queue_there import choose_there
from steering.flow_steps.hold import point
from steering.flow_steps.work import Work
from steering.flows.entries import ComputeEntry, FlowEntry
from steering.globus.compute import Compute, ComputeOrder, new_group
from steering.globus.errors import cleaned
from steering.globus.payload import Source

# A queue that the batch system refused, and one that was chosen, are written down under these and a number.
REFUSED, CHOSEN = "globus:refused:", "globus:queue:"
# Each queue has its reason.
_LONGEST = 2000
_CHOOSE = Source(
    "steering_queue",
    "def steering_queue(**asked):\n"
    "    from steering.flow_globus.queue_there import choose_there\n\n"
    "    return choose_there(asked)\n",
)


def choice_of(work: Work) -> int:
    """Say which choice is to be taken: those before were refused."""
    return sum(key.startswith(REFUSED) for key in work.effects)


def with_queue(work: Work, flow: FlowEntry, connection: Connection) -> FlowEntry:
    """Return a flow with the queue that its next try is for, which is chosen and written down if it was not.

    Raises:
        SteeringError: If no queue is possible; with why for each.
    """
    step, number = flow.steps.compute, choice_of(work)
    if not flow.globus.facility or step is None:
        return flow
    if f"{CHOSEN}{number}" not in work.effects:
        _choose(work, flow, step, connection, number)
    chosen = [cast("dict[str, Any]", work.effects[f"{CHOSEN}{one}"]["config"]) for one in range(number + 1)]
    return flow.model_copy(update={"globus": flow.globus.model_copy(update={"compute_config": tuple(chosen)})})


def has_another(work: Work, flow: FlowEntry, number: int, reason: str) -> bool:
    """Write down that a queue was refused; return whether the flow has another choice.

    Args:
        work: Whose.
        flow: With the queues up to the one that was refused.
        number: Of the try.
        reason: The batch system's words.
    """
    if f"{REFUSED}{number}" in work.effects:
        # Whoever wrote it was ended before the next try. It is not this choice that was refused, but the one before.
        return True
    choices, now = flow.globus.compute_config, choice_of(work)
    if now + 1 >= len(choices) and not flow.globus.facility:
        return False
    old = str(choices[now].get("queue") or "?")
    work.step = "compute"
    work.did(f"{REFUSED}{number}", choice=now, queue=old, why=reason)
    point("queue.refused")
    new = "next one by the policy" if flow.globus.facility else f"queue {choices[now + 1].get('queue') or '?'}"
    work.waits(f"The queue {old} was refused ({reason}). The {new} is tried.")
    return True


def queue_said(work: Work) -> str:
    """Say why the last queue was chosen; nothing if the flow names its queues itself."""
    return str((work.effects.get(f"{CHOSEN}{choice_of(work)}") or {}).get("why") or "")


def _choose(work: Work, flow: FlowEntry, step: ComputeEntry, connection: Connection, number: int) -> None:
    there, request = flow.globus, step.request("soon")
    refused = [one for key, one in work.effects.items() if key.startswith(REFUSED)]
    asked: dict[str, Any] = {
        "facility": there.facility, "urgency": request.urgency, "nodes": request.nodes,
        "walltime": None if math.isnan(request.walltime) else request.walltime,
        "refusals": {str(one["queue"]): str(one["why"]) for one in refused}, "look": bool(there.queue_endpoint),
    }  # fmt: skip
    work.step = "compute"
    answer = _asked(work, flow, connection, asked) if there.queue_endpoint else choose_there(asked, work.workspace)
    if not isinstance(answer.get("config"), dict):
        said = cleaned(str(answer.get("refused") or "It gave no answer"), _LONGEST) + "."
        raise SteeringError(
            f"No queue could be chosen: {said} Then order the flow anew: remove its folder under 'flows'."
        )
    common = there.compute_config[0] if there.compute_config else {}
    why = cleaned(str(answer.get("why") or ""), _LONGEST) + "."
    point("queue.answered")
    work.did(f"{CHOSEN}{number}", config={**common, **cast("dict[str, Any]", answer["config"])}, why=why)
    point("queue.chosen")
    work.waits(f"Queue {why}")


def _asked(work: Work, flow: FlowEntry, connection: Connection, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Have it chosen on the endpoint that sees the queues. It changes nothing there, so it may be asked again."""
    compute = Compute(connection.login)
    function = connection.function(work.workspace, _CHOOSE)
    there = flow.globus
    work.waits(f"The queues of {there.facility} are asked.")
    order = ComputeOrder(new_group(), there.queue_endpoint, function, (), asked, there.queue_config)
    answer = compute.wait(compute.submit(order))
    return cast("Mapping[str, Any]", answer) if isinstance(answer, dict) else {}
