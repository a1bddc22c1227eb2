"""The flows of the beamline: started by hand, watched, cancelled, resumed."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets

from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.flow_steps.flow_state import FlowState
from steering_widgets.flows.steps import steps_html
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import Card, button, close_all
from steering_widgets.parts.choice import Choice
from steering_widgets.parts.place import Place

if TYPE_CHECKING:
    # What it does takes long to load, and a page needs only its face.
    from steering.flow_runner.desk import Flows

_EMPTY = (
    '<div class="st-faint">No flow has been ordered yet. A flow copies, analyses, catalogues and gives out a run.</div>'
)
# So many of the newest flow runs can be looked at here; the command line lists the newest as well.
_MOST = 30


class FlowsPanel:
    """One flow run with its steps, a menu of the others, and what can be done with it."""

    def __init__(self, desk: Desk) -> None:
        """Build it on a desk, which may have no flows; its card is hidden then."""
        self._flows: Flows | None = getattr(desk, "flows", None)
        self._states = Place(self._flows.states if self._flows is not None else Cell[tuple[FlowState, ...]](()))
        self._offered = Place(self._flows.offered if self._flows is not None else Cell[tuple[str, ...]](()))
        # Whether the newest flow run is shown, and not one that a person has chosen.
        self._newest = True
        self._answer = Answer()
        self._said = Place(self._answer)
        self._run, self._flow = Choice("st-flow-run", "Flow run"), Choice("st-flow-name", "Flow")
        self._steps = ipywidgets.HTML(_EMPTY)
        self._steps.add_class("st-flow-steps")
        self._start = button("st-flow-start", "Start", "Run this flow on the newest run that has ended", strong=True)
        self._resume = button("st-flow-resume", "Resume", "Go on where it was; what was done is not done again")
        self._cancel = button("st-flow-cancel", "Cancel", "Stop this flow run, and keep what was done", asks=True)
        self._start.on_click(lambda _: self._do(self._begin, "Started. It goes on without this page."))
        self._resume.on_click(lambda _: self._do(self._go_on, "It goes on."))
        self._cancel.on_click(lambda _: self._do(self._stop, "It stops. What was done is kept."))
        above = ipywidgets.HBox([self._flow.widget, self._start])
        below = ipywidgets.HBox([self._run.widget, self._resume, self._cancel])
        for row in (above, below):
            row.add_class("st-buttons")
        self.widget = Card("flows", "Flows", [above, below, self._steps])
        self._show()

    def refresh(self) -> bool:
        """Show how the flows stand now, and what was answered."""
        states, offered = self._states.advance(), self._offered.advance()
        chosen, _ = self._run.advance(), self._flow.advance()
        if chosen:
            # What was answered was of another one.
            self._answer.set(("", "plain"))
            self._newest = self._run.value == next((one.id for one in self._states.value), "")
        if states or offered or chosen:
            self._show()
        said = self._said.advance()
        if said:
            self.widget.say(*self._said.value)
        return states or offered or chosen or said

    def close(self) -> None:
        """Take it off the screen; flows go on."""
        close_all(self.widget)

    def _show(self) -> None:
        states, offered = self._states.value[:_MOST], self._offered.value
        display = None if states or offered else "none"
        if self.widget.layout.display != display:
            self.widget.layout.display = display
        self._flow.offer(offered, offered[0] if offered else "")
        self._run.offer([one.id for one in states], states[0].id if states else "")
        if self._newest and states:
            self._run.put(states[0].id)
        state = self._chosen
        html = steps_html(state) if state is not None else _EMPTY
        if self._steps.value != html:
            self._steps.value = html
        self._enable(state)
        counts = Counter(one.status for one in self._states.value)
        self.widget.remark(", ".join(f"{count} {status}" for status, count in counts.items()))

    def _enable(self, state: FlowState | None) -> None:
        self._start.disabled = not self._offered.value
        self._resume.disabled = state is None or state.status not in ("failed", "interrupted", "cancelled", "ordered")
        self._cancel.disabled = state is None or state.over

    @property
    def _chosen(self) -> FlowState | None:
        return next((one for one in self._states.value if one.id == self._run.value), None)

    def _do(self, what: Callable[["Flows"], object], done: str) -> None:
        flows = self._flows
        if flows is None:
            return
        before = flows.changed.version
        asked = self._answer.ask(lambda: str(what(flows)), done)
        version, changed = flows.changed.read()
        # What was said of a flow that was asked for before is no answer to this press.
        if asked and changed and version != before:
            self._answer.set((changed, "error"))

    def _begin(self, flows: "Flows") -> None:
        flows.run(self._flow.value)
        self._newest = True

    def _go_on(self, flows: "Flows") -> None:
        flows.resume(self._run.value)

    def _stop(self, flows: "Flows") -> None:
        flows.cancel(self._run.value)
