"""The runs of the record: a person finds one, lays it over the curve, shows it again, or takes it home as a file."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias, cast

import ipywidgets

from steering.archive.past import Past, PastDesk, decisions_beside
from steering.archive.run_entry import RunEntry
from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.errors import SteeringError
from steering.core.result import Result
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import Card, Line, button, close_all
from steering_widgets.parts.place import Place
from steering_widgets.parts.units import with_shown_units
from steering_widgets.parts.wording import several
from steering_widgets.plots.curve import CurvePanel
from steering_widgets.plots.lines import LinesPanel
from steering_widgets.plots.look import Look
from steering_widgets.runs.laying import fitting, fitting_lines
from steering_widgets.runs.reader import Listing, RunReader
from steering_widgets.runs.shown import RECORD
from steering_widgets.runs.table import RunTable

# The count of the run that goes on, which a person reads, follows it so often.
_COUNT_SECONDS = 1.0
_NOTHING = "No run is in the record yet. Start a scan: its run is listed here while it goes on, and afterwards."
_CHOOSE = "Choose a run in the table first."
_CHOOSE_ONE = "Choose one run, not two, for this."

Wish: TypeAlias = tuple[str, Mapping[str, Any]]
_AS_SAID: Wish = ("", {})


class RunsPanel:
    """A search field, the table of runs, and what can be done with those that are chosen."""

    def __init__(
        self,
        desk: Desk,
        look: Look | None = None,
        curve: CurvePanel | None = None,
        wish: Callable[[], Wish] | None = None,
        lines: LinesPanel | None = None,
    ) -> None:
        """Build it on a desk, which may be idle, and may have no record.

        Args:
            desk: Whose record.
            look: Which result is shown beside it.
            curve: Over which runs are laid; without one there are no buttons for that.
            wish: Says with which analysis and parameters a run is to be analysed again; as its scan said without it.
            lines: Behind which runs are laid while a result of lines is shown.
        """
        self._desk = desk
        self._curve, self._wish, self._lines = curve, wish, lines
        self._shown = (look or desk.board).result
        self._reader = RunReader(self._past)
        self._listing = Place(self._reader.listing)
        self._status = Place(desk.board.status)
        self._answer = Answer()
        self._said = Place(self._answer)
        self._text: Cell[str] = Cell("")
        self._sought = Place(self._text)
        self._minus: Cell[bool] = Cell(False)  # noqa: FBT003  (a cell of a truth value)
        self._subtracted = Place(self._minus)
        self._subtracted.advance()
        self._table = RunTable()
        self._chosen, self._opened = Place(self._table.chosen), Place(self._table.opened)
        self._opened.advance()
        self._named: Cell[str] = Cell("")
        self._picked = Place(self._named)
        self._picked.advance()
        # Runs that are chosen stay in the table, whatever is searched for.
        self._entries: dict[str, RunEntry] = {}
        self._scanned, self._counted = "", float("-inf")
        self._followed = ""
        search = ipywidgets.Text(
            description="Search", placeholder="scan, sample, status, date or uid", tooltip="All words must be in a run"
        )
        search.add_class("st-run-search")
        search.observe(self._typed, "value")
        self._buttons = self._make_buttons()
        row = ipywidgets.HBox([*self._buttons.values()])
        row.add_class("st-buttons")
        self._about = Line("st-run-chosen")
        self.widget = Card("runs", "Runs", [search, self._table, self._about, row])
        self._shows = Place(self._shown)
        self._enable()

    def refresh(self) -> bool:
        """Show what was read, ask for what is wanted, and say what was answered."""
        self._ask()
        listing, chosen, status = self._listing.advance(), self._chosen.advance(), self._status.advance()
        if listing or status:
            self._fill(self._listing.value)
        self._count()
        shows = self._shows.advance()
        if listing or chosen or shows:
            self._enable()
        if self._picked.advance() and self._picked.value:
            self._table.picked = [self._picked.value]
        subtracted, said = self._subtracted.advance(), self._said.advance()
        if subtracted and self._curve is not None:
            self._curve.subtract(on=self._subtracted.value)
        if said:
            self.widget.say(*self._said.value)
        return any((listing, chosen, status, subtracted, said))

    def close(self) -> None:
        """Take it off the screen, and read no more."""
        self._reader.close()
        close_all(self.widget)

    @property
    def _past_desk(self) -> PastDesk:
        """The desk, if it has a record.

        Raises:
            SteeringError: If it has none.
        """
        if getattr(self._desk, "past", None) is None:
            message = "There is no record here, so no earlier run can be listed."
            raise SteeringError(message)
        return cast("PastDesk", self._desk)

    def _past(self) -> Past:
        return self._past_desk.past

    def _make_buttons(self) -> dict[str, ipywidgets.Button]:
        """Make a button for each thing that can be done with what is chosen."""
        made = {
            "show": (self._show, "Show", "Show one chosen run in all plots, analysed as its scan said"),
            "overlay": (self._overlay, "Overlay", "Draw the chosen runs behind the curve, or the lines"),
            "minus": (self._subtract, "Difference", "The curve minus a chosen run; of two, the first minus the other"),
            "clear": (self._clear, "Clear", "Take earlier runs out of the plot"),
            "csv": (partial(self._export, "csv"), "Export CSV", "Points and features of the chosen run, or the plot"),
            "nexus": (partial(self._export, "nexus"), "Export NeXus", "The same as HDF5, with the events of the run"),
            "png": (partial(self._export, "png"), "Export PNG", "A picture of the result, with errors and features"),
            "again": (self._again, "Analyse again", "One chosen run, with what stands in the card Analyses"),
        }  # fmt: skip
        if self._curve is None:
            for name in ("overlay", "minus", "clear"):
                del made[name]
        buttons: dict[str, ipywidgets.Button] = {}
        for name, (act, text, meaning) in made.items():
            buttons[name] = button(f"st-run-{name}", text, meaning)
            buttons[name].on_click(lambda _, act=act: self._do(act))
        return buttons

    def _do(self, act: Callable[[], str]) -> None:
        """Do what a button is for, and say what came of it."""
        said: list[str] = []
        if self._answer.ask(lambda: said.append(act())):
            self._answer.set((said[0], "good"))

    def _typed(self, change: Mapping[str, Any]) -> None:
        self._text.set(str(change["new"]))

    def _ask(self) -> None:
        """Ask for the list when something else is searched for, a run has ended, or one was analysed again."""
        status, source = self._desk.board.status.value, self._desk.board.source.value
        scanned = status.run if status.scanning else ""
        followed = source.status.state if source.name == RECORD else ""
        ended = self._scanned if self._scanned != scanned else ""
        analysed = followed == "ended" and self._followed != followed
        began = scanned if self._scanned != scanned else ""
        self._scanned, self._followed = scanned, followed
        if self._sought.advance() or ended or analysed or began:
            self._reader.ask(self._sought.value, began, ended)
        if self._opened.advance():
            run = self._opened.value
            self._reader.do(lambda: self._do(lambda: self._open(run)))
            self._reader.ask(self._sought.value)

    def _fill(self, listing: Listing) -> None:
        found = {entry.uid: entry for entry in listing.found.entries}
        kept = {
            uid: self._entries[uid] for uid in self._table.chosen.value if uid in self._entries and uid not in found
        }
        self._entries = {**kept, **found}
        status = self._status.value
        # Chosen runs stay in sight whatever is searched for, and are no answer to it.
        nothing = "" if found else _empty(listing)
        rows = tuple(self._entries.values())
        self._table.show(rows, status.run if status.scanning else "", nothing, status.state)
        self.widget.remark(_count(listing))

    def _count(self) -> None:
        """Say how many points the running run has."""
        status, now = self._status.value, time.monotonic()
        if status.scanning and now - self._counted >= _COUNT_SECONDS:
            self._counted = now
            self._table.count(status.run, status.points_done)

    def _enable(self) -> None:
        chosen = [uid for uid in self._table.chosen.value if uid in self._entries]
        names = " and ".join(_called(self._entries[uid]) for uid in chosen)
        # Where nothing is chosen, what the plot shows can be taken home all the same.
        exports = bool(chosen) or self._shown.value is not None
        nothing = "No run is chosen. Export writes what the plot shows." if exports else ""
        self._about.write(f"Chosen: {names}." if names else nothing)
        allowed = {
            "csv": exports,
            "nexus": exports,
            "png": exports,
            "show": len(chosen) == 1,
            "overlay": bool(chosen),
            "minus": len(chosen) in (1, 2),
            "again": len(chosen) == 1,
        }
        for name, made in self._buttons.items():
            disabled = not allowed.get(name, True)
            if made.disabled != disabled:
                made.disabled = disabled

    def _one(self) -> RunEntry:
        """Return the run that is chosen.

        Raises:
            SteeringError: If it is not exactly one.
        """
        chosen = self._all()
        if len(chosen) > 1:
            raise SteeringError(_CHOOSE_ONE)
        return chosen[0]

    def _all(self) -> list[RunEntry]:
        entries = self._entries
        chosen = [entries[uid] for uid in self._table.chosen.value if uid in entries]
        if not chosen:
            raise SteeringError(_CHOOSE)
        return chosen

    def _show(self) -> str:
        entry = self._one()
        # What was compared with another run says nothing of this one.
        self._clear()
        self._past_desk.show(entry.uid)
        return f"{entry.name} is shown, analysed as its scan said."

    def _open(self, run: str) -> str:
        if self._desk.board.status.value.scanning:
            # All pages show the same: a link that somebody opens must not take the running scan from the others.
            self._named.set(next((uid for uid in self._entries if uid.startswith(run)), ""))
            return f"A scan runs. Press Show to look at {run[:8]}, which the page's address names, instead of it."
        self._past_desk.show(run)
        return f"{run[:8]}, which the page's address names, is shown."

    def _again(self) -> str:
        entry = self._one()
        analysis, parameters = self._wish() if self._wish is not None else _AS_SAID
        self._past_desk.show(entry.uid, analysis, **parameters)
        return f"{entry.name} is analysed again{f' by {analysis}' if analysis else ''}."

    def _overlay(self) -> str:
        shown = self._shown.value
        others = [one for one in self._all() if shown is None or one.uid != shown.provenance.run]
        if not others:
            raise SteeringError("The chosen run is the one that is shown. Choose another one to lay behind it.")
        self._minus.set(False)
        if self._lines is not None and shown is not None and LinesPanel.fits(shown.outcome.data):
            return f"Behind the lines: {self._lay_lines(others, shown, self._lines)}."
        return f"Behind the curve: {self._lay(others, shown)}."

    def _subtract(self) -> str:
        *first, other = self._all()[-2:]
        names = self._lay([other], self._past().result(first[0].uid) if first else self._shown.value)
        for one in first:
            self._past_desk.show(one.uid)
        self._minus.set(True)
        return f"{first[0].name if first else 'The curve'} minus {names}."

    def _lay(self, entries: list[RunEntry], shown: Result | None) -> str:
        """Lay runs over a curve, all or none; return their names."""
        past, status = self._past(), self._desk.board.status.value
        curves = [(one.name, fitting(one.name, past.result(one.uid), shown, status)) for one in entries]
        if self._curve is not None:
            self._curve.clear_overlays()
            for name, curve in curves:
                self._curve.overlay(name, curve.positions, curve.values, curve.errors)
        return " and ".join(name for name, _ in curves)

    def _lay_lines(self, entries: list[RunEntry], shown: Result, lines: LinesPanel) -> str:
        """Lay runs over lines, all or none; return their names."""
        past = self._past()
        laid = [(one.name, fitting_lines(one.name, past.result(one.uid), shown)) for one in entries]
        lines.clear_overlays()
        for name, data in laid:
            lines.overlay(name, data)
        return " and ".join(name for name, _ in laid)

    def _clear(self) -> str:
        for plot in (self._curve, self._lines):
            if plot is not None:
                plot.clear_overlays()
        self._minus.set(False)
        return ""

    def _export(self, kind: str) -> str:
        past, shown, board = self._past(), self._shown.value, self._desk.board
        run, rulings = board.status.value.run, board.rulings.value
        if self._table.chosen.value:
            paths = [past.export(entry.uid, kind, rulings=rulings if entry.uid == run else ()) for entry in self._all()]
        elif shown is not None:
            paths = [past.export_result(shown, kind, rulings if shown.provenance.run == run else ())]
        else:
            raise SteeringError(_CHOOSE)
        beside = [decisions_beside(path) for path in paths]
        paths += [path for path in beside if path.exists()]
        self._table.show_written(paths)
        return f"Written to {paths[0].parent}: {', '.join(path.name for path in paths)}"


def _called(entry: RunEntry) -> str:
    """Name a run and what it was started with, so that two can be told apart before they are compared."""
    settings = with_shown_units(entry.settings)
    return f"{entry.name} ({settings})" if settings else entry.name


def _empty(listing: Listing) -> str:
    if listing.said:
        return listing.said
    if listing.reading:
        return "Reading the record ..."
    if listing.text.strip():
        return f"No run has all of “{listing.text.strip()}”. Search for fewer words, or for a date such as 2026-11-28."
    return _NOTHING


def _count(listing: Listing) -> str:
    if listing.said and not listing.found.entries:
        return "not read"
    shown = len(listing.found.entries)
    count = several(shown, "run")
    if not listing.found.whole:
        count = f"the newest {count}"
    if listing.said:
        return f"{count}, not read as a whole: {listing.said}"
    return f"{count}, reading" if listing.reading else count
