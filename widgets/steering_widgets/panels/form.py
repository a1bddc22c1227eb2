"""The one form: starts a scan, and steers the one that runs.

Both are made of parameters with unit, limits and largest step. An edited field says what it would change; nothing is
sent before the button is pressed, or Enter.
"""

from collections.abc import Callable, Mapping

import ipywidgets

from steering.core.action import Action, SetParameter
from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.errors import SteeringError
from steering.core.proposal import Ruling
from steering.core.status import BeamlineStatus
from steering_widgets.panels.outlook import StartOutlook
from steering_widgets.panels.row import ParameterRow
from steering_widgets.panels.start import StartFields
from steering_widgets.panels.undo import UndoButton
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.beginning import Beginning
from steering_widgets.parts.card import Card, Line, button, close_all, mark
from steering_widgets.parts.held import held
from steering_widgets.parts.place import Place
from steering_widgets.parts.wording import several, value_text

_FIXED = "This scan has nothing that can be changed while it runs. Pause, finish and abort stand above."
_WATCHING = "You are watching. Take the lease, above, to steer."
# So few fields do not fill a wide card.
_FEW = 4
# What puts the fields back, while no scan runs and while one does.
_PUT_BACK = ("Defaults", "Put back what the beamline's file says"), ("Clear", "Put back the values that hold")
_START, _STEER = "Start a scan", "Steer the scan"


class SteeringForm:
    """A field for each parameter; Start while nothing runs, Apply while a scan does.

    Attributes:
        widget: What is displayed.
        draft: Values that another panel writes into the fields, for a person to look at before they are proposed.
        note: Takes the values that a change from elsewhere replaced, so that it can be taken back here.
    """

    def __init__(self, desk: Desk, want: Callable[[tuple[Action, ...]], object] = lambda _: None) -> None:
        """Build it on a desk, which may be idle.

        Args:
            desk: Where scans are started, and changes proposed.
            want: Takes what the edited fields would change, whenever that changes.
        """
        self._desk = desk
        self._want = want
        self._wanted: tuple[Action, ...] = ()
        board = desk.board
        self._status, self._scans = Place(board.status), Place(board.scans)
        self._rulings = Place(board.rulings)
        self._answer = Answer()
        self._said = Place(self._answer)
        self._complaints: Cell[Mapping[str, str]] = Cell({})
        self._complained = Place(self._complaints)
        self._keys: Cell[int] = Cell(0)
        self._typed = Place(self._keys)
        self.draft: Cell[Mapping[str, float]] = Cell({})
        self._drafted = Place(self.draft)
        self._drafted.advance()
        self._starting = StartFields(desk, self._type)
        self._made: dict[tuple[str, tuple[str, ...]], ParameterRow] = {}
        self._beginning = Beginning()
        self._rows: dict[str, ParameterRow] = {}
        self._table = ipywidgets.Box()
        self._table.add_class("st-params")
        self._remark = Line("st-form-remark")
        self._start = button("st-start", "Start", "Start this scan; you take the lease with it", strong=True)
        self._start.on_click(lambda _: self._complaints.set(self._starting.start(self._answer)))
        self._apply = button("st-apply", "Apply", "Propose every value that you changed", strong=True)
        self._apply.on_click(self._propose)
        self._clear = button("st-clear", *_PUT_BACK[True])
        self._clear.on_click(self._put_back)
        for one in (self._start, self._apply):
            one.add_class("st-enter")  # what Enter in a field presses
        self._outlook = StartOutlook(desk)
        self._undo = UndoButton(desk, self._answer)
        self.note, self._noted = self._undo.note, Place(self._undo.before)
        buttons = ipywidgets.HBox([self._start, self._apply, self._clear, self._undo.widget, self._outlook.widget])
        buttons.add_class("st-buttons")
        self.widget = Card("form", _START, [self._remark, self._starting.menu, self._table, buttons])

    def refresh(self) -> bool:
        """Show newer values and rulings, what is edited, and the answer to the last click."""
        status, scans, rulings = self._status.advance(), self._scans.advance(), self._rulings.advance()
        begun = status and self._beginning.look(self._status.value)
        if begun:
            self._complaints.set({})  # what was said of the last scan is past
            self._answer.set(("", "plain"))
            self._undo.forget()
            for row in self._made.values():
                row.forget()  # and so is what was typed for it
        last = self._status.value.scan
        # A new page or kernel knows of nothing that was typed, but of what the last run had. One that is told of the
        # scans again, as after each break of its link, has in its fields what a person wants.
        fresh = self._starting.offer(self._scans.value, last) if scans else frozenset[str]()
        if begun or last in fresh:
            self._starting.recall(last, self._status.value.parameters)
        chosen, typed, drafted = self._starting.advance(), self._typed.advance(), self._drafted.advance()
        complained, said, noted = self._complained.advance(), self._said.advance(), self._noted.advance()
        if drafted:
            self._draft(self._drafted.value)
        if any((status, scans, rulings, chosen, complained, typed, drafted, said, noted)):
            self._write(self._status.value)
        if complained or chosen:
            for name, row in self._rows.items():
                row.complain(self._complained.value.get(name, ""))
        if said:
            self.widget.say(*self._said.value)
        outlook = self._outlook.refresh((*self._complained.value.values(), self._said.value[0]))
        return any((outlook, status, scans, rulings, chosen, complained, typed, drafted, said, noted))

    def close(self) -> None:
        """Take it off the screen."""
        self._outlook.close()
        self._starting.close()
        for row in self._made.values():
            close_all(row.widget)
        close_all(self.widget)

    def _type(self, _: object) -> None:
        self._keys.set(self._keys.value + 1)

    def _write(self, status: BeamlineStatus) -> None:
        rows = self._steered(status) if status.scanning else self._starting.rows if status.state == "idle" else {}
        if rows != self._rows:
            self._rows = rows
            self._table.children = tuple(row.widget for row in rows.values())
            for count in range(1, _FEW + 1):
                mark(self._table, f"st-of-{count}", on=len(rows) == count)
        if status.scanning:
            self._write_values(status)
        else:
            self._starting.refresh()
        edited = [name for name, row in self._rows.items() if row.changed]
        idle = status.state == "idle"
        self._show_buttons(status, edited)
        self.widget.title(_STEER if status.scanning else _START)
        self.widget.remark("" if not edited else f"{several(len(edited), 'field')} edited")
        _show(self._starting.menu, shown=idle)
        mine = status.lease.holder == self._desk.name
        none = "" if self._rows else _FIXED
        self._remark.write("" if not status.scanning else none if mine else _WATCHING)
        self._tell_wanted(edited if status.scanning else [])
        self._outlook.want(*(self._starting.wanted if idle else ("", {})))

    def _show_buttons(self, status: BeamlineStatus, edited: list[str]) -> None:
        _show(self._start, shown=status.state == "idle")
        _show(self._apply, shown=status.scanning and bool(self._rows))
        _show(self._clear, shown=bool(edited))
        self._undo.show(status)
        self._start.disabled = self._starting.scan is None
        self._clear.description, self._clear.tooltip = _PUT_BACK[status.scanning]
        self._apply.description = "Apply" if not edited else f"Apply {several(len(edited), 'change')}"

    def _steered(self, status: BeamlineStatus) -> dict[str, ParameterRow]:
        # What holds for the whole run was chosen at its start.
        parameters = [parameter for parameter in status.parameters if not parameter.fixed]
        for parameter in parameters:
            # Rows are kept for the next scan: a page may still be drawing those that are replaced.
            if (parameter.name, parameter.choices) not in self._made:
                row = ParameterRow(parameter, typed=self._type)
                self._made[parameter.name, parameter.choices] = row
        return {one.name: self._made[one.name, one.choices] for one in parameters}

    def _write_values(self, status: BeamlineStatus) -> None:
        since = _since(self._rulings.value)
        for parameter in status.parameters:
            row = self._rows.get(parameter.name)
            if row is not None:
                row.entry.relabel(parameter.name, parameter.units, parameter.description)
                row.write(parameter, status.pending.get(parameter.name), since.get(parameter.name, 0))
                row.enable(allowed=status.scanning)

    def _tell_wanted(self, edited: list[str]) -> None:
        wanted: list[Action] = []
        for name in edited:
            try:
                wanted.append(SetParameter(name, self._rows[name].entry.number()))
            except SteeringError:
                continue  # half written; the button says what is wrong with it
        if tuple(wanted) != self._wanted:
            self._wanted = tuple(wanted)
            self._want(self._wanted)

    def _draft(self, values: Mapping[str, float]) -> None:
        known = {one.name: one for one in self._status.value.parameters}
        for name, value in values.items():
            if name in self._rows and name in known:
                self._rows[name].entry.write(value_text(known[name], value))

    def _propose(self, _: object) -> None:
        """Propose each changed field; what is refused is said beside its field."""
        changed = {name: row for name, row in self._rows.items() if row.changed}
        if not changed:
            self._answer.set(("Nothing was changed. Write a new value into a field first.", "warn"))
            return
        before = held(self._desk.board.status.value)
        result = self._desk.board.result.value
        basis = result.basis if result is not None else ""
        complaints: dict[str, str] = {}
        accepted: dict[str, float] = {}
        for name, row in changed.items():
            try:
                ruling = self._desk.propose(SetParameter(name, row.entry.number()), basis)
            except (SteeringError, TimeoutError) as error:
                complaints[name] = str(error) or "The session did not answer in time. Try again."
                continue
            if ruling.accepted:
                row.settle()
                accepted[name] = before[name]
            else:
                complaints[name] = ruling.reason
        self._undo.note(accepted)
        self._complaints.set(complaints)
        text = f"Accepted from the next point on: {', '.join(accepted)}." if accepted else ""
        self._answer.set((text, "good"))

    def _put_back(self, _: object) -> None:
        for row in self._rows.values():
            row.forget()
        self._complaints.set({})
        self._answer.set(("", "plain"))


def _show(widget: ipywidgets.DOMWidget, *, shown: bool) -> None:
    display = None if shown else "none"
    if widget.layout.display != display:
        widget.layout.display = display


def _since(rulings: tuple[Ruling, ...]) -> dict[str, int]:
    """Find for each parameter the point before which it was last changed."""
    return {
        ruling.subject: ruling.before_point
        for ruling in rulings
        if ruling.kind == "set" and ruling.before_point and ruling.accepted
    }
