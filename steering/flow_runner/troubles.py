"""What a person has to be told of flows, which go on by themselves: which failed, and which wait for somebody."""

from collections.abc import Callable, Mapping, Sequence

from steering.flow_steps.flow_state import ASKED, FlowState


def trouble_of(state: FlowState) -> str:
    """Say what keeps a flow run from going on, with the next step; empty if nothing does."""
    if state.status in ("failed", "interrupted"):
        return f"The flow run {state.id} {'has failed' if state.status == 'failed' else 'was cut off'}. {state.why}"
    asked = (one.why for one in state.steps if one.status == "running" and one.why.startswith(ASKED))
    why = next(asked, "") if state.status == "running" else ""
    return f"The flow run {state.id} waits. {why}" if why else ""


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
        now = {one.id: trouble_of(one) for one in states}
        before = now if self._known is None else self._known
        for id_, trouble in now.items():
            if trouble != before.get(id_, ""):
                self._say(f"flow {id_}", trouble)
        self._known = now
