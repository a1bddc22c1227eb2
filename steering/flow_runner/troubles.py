"""What a person has to be told of flows, which go on by themselves: which failed, and which wait for somebody."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from steering.flow_steps.flow_state import ASKED, FlowState

# Whoever orders a flow begins it within so many seconds.
LATE_SECONDS = 60.0


def trouble_of(state: FlowState) -> str:
    """Say what keeps a flow run from going on, with the next step; empty if nothing does."""
    if state.status in ("failed", "interrupted"):
        return f"The flow run {state.id} {'has failed' if state.status == 'failed' else 'was cut off'}. {state.why}"
    asked = (one.why for one in state.steps if one.status == "running" and one.why.startswith(ASKED))
    why = next(asked, "") if state.status == "running" else ""
    return f"The flow run {state.id} waits. {why}" if why else ""


def late_orders(states: Iterable[FlowState]) -> frozenset[str]:
    """Name the flow runs that were ordered long ago and that nobody begins.

    None while another one runs here, since those between folders wait for each other.
    """
    known = list(states)
    if any(one.status == "running" and not _is_far(one) for one in known):
        return frozenset()
    now = time.time()
    return frozenset(one.id for one in known if one.status == "ordered" and now - one.wished > LATE_SECONDS)


def seconds_until_late(states: Iterable[FlowState]) -> float | None:
    """Say in how many seconds the next one that was ordered is late; nothing if none can be."""
    now = time.time()
    left = [one.wished + LATE_SECONDS - now for one in states if one.status == "ordered"]
    return min((one for one in left if one >= 0.0), default=None)


def _is_far(state: FlowState) -> bool:
    """Say whether Globus does it, by how it was ordered; what reads a whole flow loads slowly."""
    entry = _mapping(state.order.get("entry"))
    return entry.get("runs_on") == "globus" or bool(_mapping(entry.get("globus")).get("flow"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


class Troubles:
    """Tells of each trouble once, and when it is over."""

    def __init__(self, say: Callable[[str, str], None]) -> None:
        """Begin; what is in trouble at the first look was so before, and is seen among the flows.

        Args:
            say: Takes a cause and its sentence; an empty one says that it is over.
        """
        self._say = say
        self._known: Mapping[str, str] | None = None

    def look(self, states: Sequence[FlowState]) -> None:
        """Compare how all flow runs stand with how they stood."""
        late = late_orders(states)
        now = {one.id: _late(one) if one.id in late else trouble_of(one) for one in states}
        before = now if self._known is None else self._known
        for id_, trouble in now.items():
            if trouble != before.get(id_, ""):
                self._say(f"flow {id_}", trouble)
        self._known = now


def _late(state: FlowState) -> str:
    return (
        f"The flow run {state.id} was ordered more than {LATE_SECONDS:.0f} s ago, and no process does it: whoever "
        f"ordered it was ended first. Have it done: steering flow resume {state.id}."
    )
