"""What the beamline is doing, and the buttons that start and stop it."""

import ipywidgets

from steering.core.action import Abort, Action, Finish, Pause, Resume
from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.status import BeamlineStatus
from steering_widgets.answer import Answer
from steering_widgets.card import Card, button, close_all
from steering_widgets.place import Place
from steering_widgets.start import StartForm
from steering_widgets.wording import STATES, duration, escape

_NEXT = {
    "idle": "Choose a scan and press Start.",
    "offline": "The beamline service cannot be reached. It may still measure; this session keeps trying.",
    "paused": "The scan waits before its next point. Changes are still taken. Press Resume to go on.",
    "aborting": "The scan is being stopped.",
    "running": "",
}


class ProgressPanel:
    """Title, state in words, points done and left, remaining time; start, pause, resume, finish, abort."""

    def __init__(self, desk: Desk) -> None:
        """Build it on a desk, which may be idle."""
        self._desk = desk
        self._status = Place(desk.board.status)
        self._scans = Place(desk.board.scans)
        self._answer = Answer()
        self._said = Place(self._answer)
        self._state = ""
        # True between the first and the second click on Abort.
        self._armed = Cell(value=False)
        self._arming = Place(self._armed)
        self._facts = ipywidgets.HTML()
        self._facts.add_class("st-progress")
        self._start = StartForm(desk, self._answer)
        self._pause = button("st-pause", "Pause", "Wait before the next point")
        self._resume = button("st-resume", "Resume", "Go on after a pause")
        self._finish = button("st-finish", "Finish", "End before the next point; the run is complete")
        self._abort = button("st-abort", "Abort", "Stop now, in the middle of a point if need be")
        self._abort.add_class("st-danger")
        for one, action, done in (
            (self._pause, Pause(), "The scan pauses before its next point."),
            (self._resume, Resume(), "The scan goes on."),
            (self._finish, Finish(), "The scan ends before its next point."),
        ):
            one.on_click(self._proposer(action, done))
        self._abort.on_click(self._abort_clicked)
        self._buttons = ipywidgets.HBox([self._pause, self._resume, self._finish, self._abort])
        self._buttons.add_class("st-buttons")
        self._buttons.add_class("st-run-buttons")
        self.widget = Card("progress", "Scan", [self._facts, self._buttons, self._start.widget])

    def refresh(self) -> bool:
        """Show a newer state, and the answer to the last click."""
        status, scans = self._status.advance(), self._scans.advance()
        if status and not self._status.value.scanning and self._armed.value:
            self._armed.set(value=False)
        if status and self._status.value.state != self._state:
            # The state itself now says what the last answer promised.
            self._state = self._status.value.state
            if self._answer.value[1] == "good":
                self._answer.set(("", "plain"))
        said, arming = self._said.advance(), self._arming.advance()
        start = self._start.refresh()
        if scans:
            self._start.write_scans(self._scans.value)
        if status or scans:
            self._write(self._status.value)
        if arming:
            self._abort.description = "Really abort?" if self._arming.value else "Abort"
        if said:
            self.widget.say(*self._said.value)
        return any((status, scans, said, arming, start))

    def close(self) -> None:
        """Take it off the screen."""
        self._start.close()
        close_all(self.widget)

    def _proposer(self, action: Action, done: str) -> "_Proposer":
        return _Proposer(self._desk, self._answer, self._armed, action, done)

    def _abort_clicked(self, clicked: object) -> None:
        if not self._armed.value:
            self._armed.set(value=True)
            self._answer.set(("Press again to abort. Press Pause or Finish to keep the run whole.", "warn"))
            return
        self._proposer(Abort("aborted from the notebook"), "The scan is being aborted.")(clicked)

    def _write(self, status: BeamlineStatus) -> None:
        title = next((scan.title for scan in self._scans.value if scan.name == status.scan), status.scan)
        self.widget.remark(title or status.beamline)
        self._facts.value = _facts(status)
        self._pause.disabled = status.state != "running"
        self._resume.disabled = status.state != "paused"
        self._finish.disabled = status.state not in ("running", "paused")
        self._abort.disabled = status.state not in ("running", "paused")
        self._show(self._buttons, shown=status.scanning)
        self._show(self._start.widget, shown=status.state == "idle")

    def _show(self, widget: ipywidgets.Widget, *, shown: bool) -> None:
        display = None if shown else "none"
        if isinstance(widget, ipywidgets.DOMWidget) and widget.layout.display != display:
            widget.layout.display = display


class _Proposer:
    """Proposes one action when clicked."""

    def __init__(self, desk: Desk, answer: Answer, armed: Cell[bool], action: Action, done: str) -> None:
        self._desk = desk
        self._answer = answer
        self._armed = armed
        self._action = action
        self._done = done

    def __call__(self, _: object) -> None:
        self._armed.set(value=False)
        self._answer.ask(lambda: self._desk.propose(self._action), self._done)


def _facts(status: BeamlineStatus) -> str:
    total = status.points_done + status.points_left
    percent = 100 * status.points_done / total if total else 0
    state = (
        f'<div class="st-state st-state-{status.state}" role="status" aria-live="polite">{STATES[status.state]}</div>'
    )
    left = f"<span>{status.points_left}<small> left</small></span>" if status.scanning else ""
    time_left = (
        f"<span>{duration(status.seconds_left)}<small> remaining</small></span>" if status.state == "running" else ""
    )
    figures = (
        f'<div class="st-figures"><span>{status.points_done}<small> points done</small></span>{left}{time_left}</div>'
        if status.scan
        else ""
    )
    bar = (
        f'<div class="st-gauge-line" role="progressbar" aria-label="Points done" aria-valuemin="0" '
        f'aria-valuemax="{total}" aria-valuenow="{status.points_done}"><div style="width:{percent:.1f}%"></div></div>'
        if status.scan
        else ""
    )
    advice = _NEXT[status.state]
    next_step = f'<div class="st-next">{escape(advice)}</div>' if advice else ""
    message = f'<div class="st-error">{escape(status.message)}</div>' if status.message else ""
    return f'<div class="st-facts">{state}{figures}</div>{bar}{next_step}{message}'
