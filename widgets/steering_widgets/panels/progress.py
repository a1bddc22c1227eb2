"""What the beamline is doing, and the buttons that start and stop it."""

import ipywidgets

from steering.core.desk import Desk
from steering.core.status import BeamlineStatus, EndedRun
from steering_widgets.panels.control import ControlBar
from steering_widgets.panels.start import StartForm
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import Card, close_all
from steering_widgets.parts.place import Place
from steering_widgets.parts.wording import STATES, clock, duration, escape

_NEXT = {
    "idle": "Choose a scan and press Start.",
    "opening": "The scan is accepted; its devices are made ready.",
    "offline": "The beamline service cannot be reached. It may still measure; this session keeps trying.",
    "paused": "The scan waits before its next point. Changes are still taken. Press Resume to go on.",
    "aborting": "The scan is being stopped and its devices are made safe. Press Abort again to wait for none of them.",
    "running": "",
}
_ENDED = {"success": "ended", "abort": "was aborted", "fail": "failed"}


class ProgressPanel:
    """Title, state in words, points done and left, remaining time; start, pause, resume, finish, abort.

    Attributes:
        control: The buttons.
    """

    def __init__(self, desk: Desk) -> None:
        """Build it on a desk, which may be idle."""
        self._status = Place(desk.board.status)
        self._scans = Place(desk.board.scans)
        self._answer = Answer()
        self._said = Place(self._answer)
        self._state = ""
        self._facts = ipywidgets.HTML()
        self._facts.add_class("st-progress")
        self._start = StartForm(desk, self._answer)
        self.control = ControlBar(desk)
        self.widget = Card("progress", "Scan", [self._facts, self.control, self._start.widget])

    def refresh(self) -> bool:
        """Show a newer state, and the answer to the last click."""
        status, scans = self._status.advance(), self._scans.advance()
        if status and self._status.value.state != self._state:
            # The state itself now says what the last answer promised.
            self._state = self._status.value.state
            if self._answer.value[1] == "good":
                self._answer.set(("", "plain"))
        said = self._said.advance()
        start = self._start.refresh()
        if scans:
            self._start.write_scans(self._scans.value)
        if status or scans:
            self._write(self._status.value)
        if said:
            self.widget.say(*self._said.value)
        return any((status, scans, said, start))

    def close(self) -> None:
        """Take it off the screen."""
        self._start.close()
        close_all(self.widget)

    def _write(self, status: BeamlineStatus) -> None:
        title = next((scan.title for scan in self._scans.value if scan.name == status.scan), status.scan)
        self.widget.remark(title or status.beamline)
        self._facts.value = _facts(status)
        self.control.write(status)
        self._show(self._start.widget, shown=status.state == "idle")

    def _show(self, widget: ipywidgets.Widget, *, shown: bool) -> None:
        display = None if shown else "none"
        if isinstance(widget, ipywidgets.DOMWidget) and widget.layout.display != display:
            widget.layout.display = display


def _facts(status: BeamlineStatus) -> str:
    total = 0 if status.endless else status.points_done + status.points_left
    percent = 100 * status.points_done / total if total else 0
    state = (
        f'<div class="st-state st-state-{status.state}" role="status" aria-live="polite">{STATES[status.state]}</div>'
    )
    remaining = status.scanning and not status.endless
    left = f"<span>{status.points_left}<small> left</small></span>" if remaining else ""
    running = remaining and status.state == "running"
    time_left = f"<span>{duration(status.seconds_left)}<small> remaining</small></span>" if running else ""
    if status.scanning and status.endless:
        left = "<span><small>without end: press Finish to end it</small></span>"
    frames = f"<span>{status.frames}<small> frames each</small></span>" if status.frames > 1 else ""
    done = f"<span>{status.points_done}<small> points done</small></span>"
    figures = f'<div class="st-figures">{done}{frames}{left}{time_left}</div>' if status.scan else ""
    bar = (
        f'<div class="st-gauge-line" role="progressbar" aria-label="Points done" aria-valuemin="0" '
        f'aria-valuemax="{total}" aria-valuenow="{status.points_done}"><div style="width:{percent:.1f}%"></div></div>'
        if remaining
        else ""
    )
    advice = _NEXT[status.state]
    next_step = f'<div class="st-next">{escape(advice)}</div>' if advice else ""
    why = f'<div class="st-why-waiting">{escape(status.why)}</div>' if status.why else ""
    ended = "" if status.scanning else _ended(status.ended)
    message = f'<div class="st-error">{escape(status.message)}</div>' if status.message else ""
    return f'<div class="st-facts">{state}{figures}</div>{bar}{why}{next_step}{ended}{message}'


def _ended(run: EndedRun) -> str:
    """Say how the last run ended, when, by whom and why."""
    if not run.status:
        return ""
    who = f" by {run.who}" if run.who else ""
    why = f": {run.reason}" if run.reason and run.status == "abort" else ""
    points = f"{run.points} point{'' if run.points == 1 else 's'}"
    text = f"The last scan ({run.scan}) {_ENDED[run.status]} at {clock(run.at)}{who} after {points}{why}"
    return f'<div class="st-faint st-ended">{escape(text.rstrip("."))}.</div>'
