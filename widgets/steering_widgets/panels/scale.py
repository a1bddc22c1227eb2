"""Asks the facility for more or fewer nodes."""

import threading
from typing import cast

import ipywidgets

from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.errors import SteeringError
from steering.core.facility import FacilityStatus
from steering.core.pool import PoolRequest, Urgency
from steering_widgets.parts.answer import Answer, answer_of
from steering_widgets.parts.card import button
from steering_widgets.parts.entry import NumberEntry
from steering_widgets.parts.place import Place


class ScaleForm:
    """Urgency, nodes, and the buttons that start, scale and stop a pool."""

    def __init__(self, desk: Desk, answer: Answer) -> None:
        """Build it; ``answer`` takes what the facility says."""
        self._desk = desk
        self._answer = answer
        self._status: FacilityStatus | None = None
        self._chosen: Cell[str] = Cell("")
        self._choice = Place(self._chosen)
        self._urgency = ipywidgets.Dropdown(description="Pool")
        self._urgency.add_class("st-compute-urgency")
        self._urgency.observe(self._choose, "value")
        self._nodes = NumberEntry("st-compute-nodes", "nodes", "", "1", "Nodes wanted at all times")
        self._start = button("st-compute-start", "Start", "Ask for these nodes", strong=True)
        self._stop = button("st-compute-stop", "Stop", "End the jobs of this pool and give its nodes back", asks=True)
        self._start.on_click(lambda _: self._ask(give_back=False))
        self._stop.on_click(lambda _: self._ask(give_back=True))
        buttons = ipywidgets.HBox([self._start, self._stop])
        buttons.add_class("st-buttons")
        self.widget = ipywidgets.Box([self._urgency, self._nodes, buttons])
        self.widget.add_class("st-compute-form")
        self.widget.layout.display = "none"

    def write(self, status: FacilityStatus) -> None:
        """Offer what this facility can be asked for."""
        self._status = status
        if status.urgencies and tuple(self._urgency.options) != status.urgencies:
            self._urgency.options = status.urgencies
            self._urgency.value = status.urgencies[0]
            self._choice.advance()  # what this method chose is shown by it
        display = None if status.urgencies else "none"
        if self.widget.layout.display != display:
            self.widget.layout.display = display
        self._label()

    def refresh(self) -> bool:
        """Show what the buttons do for a newly chosen pool."""
        if not self._choice.advance():
            return False
        self._label()
        return True

    def _choose(self, _: object) -> None:
        self._chosen.set(str(self._urgency.value))

    def _label(self) -> None:
        pools = self._status.pools if self._status is not None else ()
        there = any(pool.name == self._urgency.value and pool.jobs_wanted for pool in pools)
        self._start.description = "Scale" if there else "Start"
        self._stop.disabled = not there

    def _ask(self, *, give_back: bool) -> None:
        urgency = cast("Urgency", self._urgency.value)
        try:
            number = 0.0 if give_back else self._nodes.number()
        except SteeringError as error:
            self._answer.set((str(error), "error"))
            return
        if not give_back and (number < 1 or number != int(number)):
            self._answer.set((f"{number:g} nodes cannot be asked for. Write a whole number above 0.", "error"))
            return
        self._answer.set(("Asking ...", "plain"))

        def ask() -> None:
            # A queue may take its time: not on the kernel's thread.
            try:
                said = self._desk.ask_compute(PoolRequest(urgency=urgency, nodes=int(number)))
            except Exception as error:  # noqa: BLE001  (whatever it is, it is not asked for any more)
                self._answer.set((answer_of(error, "The facility did not answer in time. Try again."), "error"))
            else:
                self._answer.set((said, "good"))

        threading.Thread(target=ask, name="steering-ask-compute", daemon=True).start()
