"""The command bar: what the beamline does, who steers, and the buttons that pause, resume, finish and abort.

It stays at the top while the page is scrolled. What it says in words, its colour says too.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import replace

import ipywidgets

from steering.core.agent import Suggestion
from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.facility import FacilityStatus
from steering.core.latency import LatencySummary
from steering.core.proposal import Ruling
from steering.core.status import BeamlineStatus, EndedRun
from steering_widgets.link.control import ControlBar
from steering_widgets.panels.lease import LeaseRow
from steering_widgets.panels.pools import pools_text
from steering_widgets.panels.suggestion import newest
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import Card, button, close_all, mark
from steering_widgets.parts.light import light_of
from steering_widgets.parts.place import Place
from steering_widgets.parts.units import with_shown_units
from steering_widgets.parts.wording import STATES, TIMES, age, clock, duration, escape, several

_NEXT = {
    "idle": "Choose a scan and press Start.",
    "opening": "The scan is accepted; its devices are made ready.",
    "offline": "The beamline service cannot be reached. It may still measure; this session keeps trying. If it "
    "lasts, run steering check on the beamline's machine.",
    "paused": "The scan waits before its next point. Changes are still taken. Press Resume to go on.",
    "aborting": "The scan is being stopped and its devices are made safe. Press Abort again to wait for none of them.",
    "running": "",
}
# A state is shown at once; nobody reads figures more often than this.
_FIGURES_SECONDS = 0.5
# What stands on the light's button: its reasons can be unfolded, or are.
_MORE, _LESS = "Details", "Fewer details"
_ENDED = {"success": "ended", "abort": "was aborted", "fail": "failed"}


class ProgressPanel:
    """State in a large word, points done and left, remaining time, lease, freshness; pause, resume, finish, abort.

    Attributes:
        control: The buttons.
    """

    def __init__(self, desk: Desk) -> None:
        """Build it on a desk, which may be idle."""
        board = desk.board
        self._status, self._scans = Place(board.status), Place(board.scans)
        self._latency, self._compute = Place(board.latency), Place(board.compute)
        self._suggestions, self._rulings = Place(board.suggestions), Place(board.rulings)
        self._notice = Place(board.notice)
        self._answer = Answer()
        self._said = Place(self._answer)
        self._state = self._written = ""
        self._late, self._due = False, 0.0
        self._facts = ipywidgets.HTML()
        self._facts.add_class("st-progress")
        self._fresh = ipywidgets.HTML()
        self._unfold = button("st-unfold", _MORE, "Show what computes, and what it waits for")
        self._offered = Cell(_MORE)
        self._folds = Place(self._offered)
        self._unfold.on_click(lambda _: self._offered.set(_MORE if self._offered.value == _LESS else _LESS))
        self._computes = ipywidgets.HTML()
        self._computes.add_class("st-computes")
        light = ipywidgets.HBox([self._fresh, self._unfold])
        light.add_class("st-fresh")
        self._more = ipywidgets.HTML()
        self._more.add_class("st-progress-more")
        self._lease = LeaseRow(desk, self._answer)
        self.control = ControlBar(desk)
        parts = [self._facts, light, self._lease.widget, self.control, self._more, self._computes]
        self.widget = Card("progress", "Scan", parts)

    def refresh(self) -> bool:
        """Show a newer state, and the answer to the last click."""
        status, scans = self._status.advance(), self._scans.advance()
        fresh = (self._latency.advance(), self._compute.advance(), self._folds.advance())
        if fresh[2]:
            self._due = 0.0
        if status and self._status.value.state != self._state:
            # The state itself now says what the last answer promised.
            self.widget.remove_class(f"st-is-{self._state}")
            self._state = self._status.value.state
            self.widget.add_class(f"st-is-{self._state}")
            if self._answer.value[1] == "good":
                self._answer.set(("", "plain"))
        said, suggested, ruled = self._said.advance(), self._suggestions.advance(), self._rulings.advance()
        self._late = self._late or status or scans or ruled or any(fresh)
        if self._late and (self._status.value.state != self._written or time.monotonic() >= self._due):
            self._late, self._due = False, time.monotonic() + _FIGURES_SECONDS
            self._written = self._status.value.state
            self._write(self._status.value)
            _put(self._fresh, _freshness(self._status.value, self._latency.value, self._compute.value))
            self._write_compute(self._folds.value)
        if suggested:
            self.control.ask(*_asked(self._suggestions.value))
        if self._notice.advance():
            self.control.warn(self._notice.value)
        if said:
            self.widget.say(*self._said.value)
        return any((status, scans, *fresh, said, suggested, ruled))

    def close(self) -> None:
        """Take it off the screen."""
        close_all(self.widget)

    def _write(self, status: BeamlineStatus) -> None:
        scan = next((scan for scan in self._scans.value if scan.name == status.scan), None)
        _put(self._facts, _facts(status, scan.title if scan else status.scan, scan.sample if scan else ""))
        _put(self._more, _more(status, self._rulings.value))
        self._lease.write(status.lease)
        self.control.write(status)

    def _write_compute(self, offered: str) -> None:
        self._unfold.description = offered
        self._computes.layout.display = None if offered == _LESS else "none"
        mark(self.widget, "st-unfolded", on=offered == _LESS)
        if offered == _LESS:
            status = self._compute.value
            there = several(len(status.workers), "worker") if status.workers else "no worker is there yet"
            said = f"{there}. {status.detail}".strip()
            _put(self._computes, f"<b>{escape(status.name)}</b>: {escape(said)}{pools_text(status)}")


def _asked(suggestions: Sequence[Suggestion]) -> tuple[str, str]:
    """Say which agent waits for an answer, and why; of several the newest."""
    shown = newest(suggestions)
    if not shown:
        return "", ""
    return shown[0].agent, with_shown_units(shown[0].reason) or "See the page for what it is."


def _put(widget: ipywidgets.HTML, text: str) -> None:
    if widget.value != text:
        widget.value = text


def _facts(status: BeamlineStatus, title: str, sample: str) -> str:
    state = (
        f'<div class="st-state st-state-{status.state}" role="status" aria-live="polite">{STATES[status.state]}</div>'
    )
    what = title if status.scan and status.scanning else status.beamline
    of = f" <small>of {escape(sample)}</small>" if sample and status.scanning else ""
    title = f'<div class="st-scan-title">{escape(what)}{of}{_pace(status.haste)}</div>'
    return f'<div class="st-facts">{state}{title}{_points(status)}</div>'


def _pace(haste: float) -> str:
    """Say how fast a simulated beamline runs: what is exposed for 1 s is there sooner."""
    if haste == 1:
        return ""
    why = f"This beamline is simulated: an exposure of 1 s takes {1 / haste:.3g} s. Times that are left are real ones."
    return f'<small class="st-pace" title="{why}">, simulated at {haste:g} {TIMES} speed</small>'


def _points(status: BeamlineStatus) -> str:
    """Say how far the scan is, in numbers and as a bar; of the last one, how many points it has."""
    if not status.scan:
        return ""
    total = 0 if status.endless else status.points_done + status.points_left
    percent = 100 * status.points_done / total if total else 0
    remaining = status.scanning and not status.endless
    left = f"<span>{status.points_left}<small> left</small></span>" if remaining else ""
    running = remaining and status.state == "running" and math.isfinite(status.seconds_left)
    time_left = f"<span>{duration(status.seconds_left)}<small> remaining</small></span>" if running else ""
    if status.scanning and status.endless:
        left = "<span><small>without end: press Finish to end it</small></span>"
    frames = f"<span>{status.frames}<small> frames each</small></span>" if status.frames > 1 else ""
    done = f"<span>{status.points_done}<small> points done</small></span>"
    figures = f'<div class="st-figures">{done}{frames}{left}{time_left}</div>'
    if not remaining:
        return figures
    # Before the numbers, whose widths change: so it stays where it is.
    bar = (
        f'<div class="st-gauge-line" role="progressbar" aria-label="Points done" aria-valuemin="0" '
        f'aria-valuemax="{total}" aria-valuenow="{status.points_done}"><div style="width:{percent:.1f}%"></div></div>'
    )
    return f'<div class="st-how-far">{bar}{figures}</div>'


def _freshness(status: BeamlineStatus, latency: LatencySummary, compute: FacilityStatus) -> str:
    """Say how old the newest result is and how the analysis keeps up, with a light for it."""
    light, words = light_of(latency, compute)
    if not status.scanning:
        words = words.replace("keeps up", "ready")
    old = ""
    if status.scanning and math.isfinite(latency.exposed):
        old = f"<span>{age(latency.exposed)}<small> old</small></span>"
    left = status.points_left
    period = status.seconds_left / left if left and math.isfinite(status.seconds_left) else 0.0
    said = f'{old}<span class="st-light-words">{escape(words)}</span>'
    return f'<div class="st-light st-light-{light}" data-period="{period:.2g}">{said}</div>'


def _more(status: BeamlineStatus, rulings: Sequence[Ruling]) -> str:
    why = f'<div class="st-why-waiting">{escape(with_shown_units(status.why))}</div>' if status.why else ""
    advice = _NEXT[status.state]
    next_step = f'<div class="st-next">{escape(advice)}</div>' if advice else ""
    finished = next((one.who for one in rulings if one.kind == "finish" and one.accepted), "")
    ended = "" if status.scanning else _ended(status.ended, finished)
    message = f'<div class="st-error">{escape(with_shown_units(status.message))}</div>' if status.message else ""
    return f"{why}{next_step}{ended}{message}"


def _ended(run: EndedRun, finished: str) -> str:
    """Say how the last run ended, when, by whom and why; ``finished`` is who finished it before its last point."""
    if not run.status:
        return ""
    how = _ENDED[run.status]
    if run.status == "success" and finished:
        how, run = "was finished early", replace(run, who=finished)
    who = f" by {run.who}" if run.who else ""
    why = f": {run.reason}" if run.reason and run.status == "abort" else ""
    points = several(run.points, "point")
    text = f"The last scan ({run.scan}) {how} at {clock(run.at)}{who} after {points}{why}"
    kind = "st-faint" if run.status == "success" else f"st-ended-{run.status}"
    return f'<div class="{kind} st-ended">{escape(text.rstrip("."))}.</div>'
