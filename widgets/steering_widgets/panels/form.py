"""The running scan's parameters, and who may change them."""

from collections.abc import Mapping

import ipywidgets

from steering.core.action import SetParameter
from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.errors import SteeringError
from steering.core.proposal import Ruling
from steering.core.status import BeamlineStatus
from steering_widgets.panels.agents import AgentRows
from steering_widgets.panels.lease import LeaseRow
from steering_widgets.panels.row import ParameterRow
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import Card, Line, button, close_all
from steering_widgets.parts.place import Place

_IDLE = "No scan is running. What a scan lets you change appears here once it runs."
_WATCHING = "You are watching. Take the lease to steer."


class SteeringForm:
    """Made from the scan's own parameters: one row each, one button that proposes what was changed."""

    def __init__(self, desk: Desk) -> None:
        """Build it on a desk, which may be idle."""
        self._desk = desk
        board = desk.board
        self._status = Place(board.status)
        self._rulings = Place(board.rulings)
        self._modes, self._idle = Place(board.modes), Place(board.idle)
        self._suggestions = Place(board.suggestions)
        self._answer = Answer()
        self._said = Place(self._answer)
        self._complaints: Cell[Mapping[str, str]] = Cell({})
        self._complained = Place(self._complaints)
        self._made: dict[tuple[str, tuple[str, ...]], ParameterRow] = {}
        self._run = ""
        self._rows: dict[str, ParameterRow] = {}
        self._table = ipywidgets.VBox()
        self._table.add_class("st-params")
        self._remark = Line("st-form-remark")
        self._apply = button("st-apply", "Apply", "Propose every value that you changed", strong=True)
        self._apply.on_click(self._propose)
        self._undo = button("st-undo", "Undo", "Put back the values that hold")
        self._undo.on_click(self._put_back)
        buttons = ipywidgets.HBox([self._apply, self._undo])
        buttons.add_class("st-buttons")
        self._lease = LeaseRow(desk, self._answer)
        self._agents = AgentRows(desk, self._answer)
        self.widget = Card(
            "form", "Steering", [self._lease.widget, self._remark, self._table, buttons, self._agents.widget]
        )

    def refresh(self) -> bool:
        """Show newer values, rulings, modes, suggestions, and the answer to the last click."""
        status, rulings = self._status.advance(), self._rulings.advance()
        if status and self._status.value.run != self._run:
            self._run = self._status.value.run
            self._complaints.set({})  # what was said of the last run is past
            self._answer.set(("", "plain"))
            for row in self._made.values():
                row.forget()  # and so is what was typed for it
        complained, said = self._complained.advance(), self._said.advance()
        modes, idle = self._modes.advance(), self._idle.advance()
        suggestions = self._suggestions.advance()
        if complained:
            for name, row in self._rows.items():
                row.complain(self._complained.value.get(name, ""))
        if status or rulings or complained:
            self._write(self._status.value)
        if modes or idle:
            self._agents.write_modes(self._modes.value, self._idle.value)
        if suggestions:
            self._agents.write_suggestions(self._suggestions.value, self._status.value)
        if said:
            self.widget.say(*self._said.value)
        return any((status, rulings, complained, said, modes, idle, suggestions))

    def close(self) -> None:
        """Take it off the screen."""
        self._agents.close()
        for row in self._made.values():
            close_all(row.widget)
        close_all(self.widget)

    def _write(self, status: BeamlineStatus) -> None:
        # What holds for the whole run was chosen at its start.
        parameters = [parameter for parameter in status.parameters if not parameter.fixed]
        shown = [(row.name, row.choices) for row in self._rows.values()]
        if shown != [(parameter.name, parameter.choices) for parameter in parameters]:
            # Rows are kept for the next scan: a page may still be drawing those that are replaced.
            for parameter in parameters:
                if (parameter.name, parameter.choices) not in self._made:
                    self._made[parameter.name, parameter.choices] = ParameterRow(parameter)
            self._rows = {one.name: self._made[one.name, one.choices] for one in parameters}
            self._table.children = tuple(row.widget for row in self._rows.values())
        since = _since(self._rulings.value)
        mine = status.lease.holder == self._desk.name
        for parameter in parameters:
            row = self._rows[parameter.name]
            row.entry.relabel(parameter.name, parameter.units, parameter.description)
            row.write(parameter, status.pending.get(parameter.name), since.get(parameter.name, 0))
            row.enable(allowed=status.scanning)
        self._lease.write(status.lease)
        self._apply.disabled = self._undo.disabled = not status.scanning
        self._remark.write(_IDLE if not status.scanning else "" if mine else _WATCHING)

    def _propose(self, _: object) -> None:
        """Propose each changed field; what is refused is said beside its field."""
        changed = {name: row for name, row in self._rows.items() if row.changed}
        if not changed:
            self._answer.set(("Nothing was changed. Write a new value into a field first.", "warn"))
            return
        result = self._desk.board.result.value
        basis = result.basis if result is not None else ""
        complaints: dict[str, str] = {}
        for name, row in changed.items():
            try:
                ruling = self._desk.propose(SetParameter(name, row.entry.number()), basis)
            except (SteeringError, TimeoutError) as error:
                complaints[name] = str(error) or "The session did not answer in time. Try again."
                continue
            if ruling.accepted:
                row.settle()
            else:
                complaints[name] = ruling.reason
        self._complaints.set(complaints)
        accepted = [name for name in changed if name not in complaints]
        text = f"Accepted from the next point on: {', '.join(accepted)}." if accepted else ""
        self._answer.set((text, "good"))

    def _put_back(self, _: object) -> None:
        for row in self._rows.values():
            row.settle()
        self._complaints.set({})
        self._answer.set(("", "plain"))


def _since(rulings: tuple[Ruling, ...]) -> dict[str, int]:
    """Find for each parameter the point before which it was last changed."""
    return {
        ruling.subject: ruling.before_point
        for ruling in rulings
        if ruling.kind == "set" and ruling.before_point and ruling.accepted
    }
