"""What was decided on the scan that is shown, the running one or one of the record, and why."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import ipywidgets

from steering.archive.past import RECORD, PastDesk
from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.parameter import Parameter
from steering.core.proposal import Ruling
from steering_widgets.parts.answer import answer_of
from steering_widgets.parts.card import Card, close_all
from steering_widgets.parts.place import Place
from steering_widgets.parts.units import with_shown_units
from steering_widgets.parts.wording import basis_text, clock, escape, plain, several

_HEADINGS = ("Time", "Who", "What", "Old → new", "Verdict", "Point")
_EMPTY = (
    '<div class="st-faint">Nothing was proposed in this run yet. What you or an agent ask for is written here.</div>'
)
_WORDS = {
    "set": "set",
    "insert": "look finer",
    "replace": "replace path",
    "skip": "skip",
    "end_burst": "end burst",
    "finish": "finish",
    "pause": "pause",
    "resume": "resume",
    "abort": "abort",
}
_SHOWN = 200


@dataclass(frozen=True)
class Earlier:
    """What the record says of a run.

    Attributes:
        run: Its uid; empty while nothing was read.
        rulings: Oldest first.
        missing: Why they are not known, as a sentence.
    """

    run: str = ""
    rulings: tuple[Ruling, ...] = ()
    missing: str = ""


class JournalPanel:
    """The rulings of the run that is shown, newest first."""

    def __init__(self, desk: Desk) -> None:
        """Build it on a desk, which may be idle."""
        self._desk = desk
        self._rulings, self._source = Place(desk.board.rulings), Place(desk.board.source)
        self._runs, self._status = Place(desk.board.runs), desk.board.status
        self._found: Cell[Earlier] = Cell(Earlier())
        self._earlier = Place(self._found)
        self._reader: ThreadPoolExecutor | None = None
        self._asked = ""
        self._table = ipywidgets.HTML()
        self._table.add_class("st-journal")
        self.widget = Card("journal", "Journal", [self._table])

    def refresh(self) -> bool:
        """Show newer rulings, if there are any."""
        # All places must advance, so no short cut between them.
        moved = [one.advance() for one in (self._rulings, self._source, self._runs, self._earlier)]
        if not any(moved):
            return False
        runs = self._runs.value
        shown = runs[-1].uid if runs and self._source.value.name == RECORD else ""
        if shown:
            self._show_earlier(shown)
        else:
            self._asked = ""
            known = {one.name: one for one in self._status.value.parameters}
            self._show(self._rulings.value, known, _EMPTY)
        return True

    def close(self) -> None:
        """Take it off the screen."""
        if self._reader is not None:
            self._reader.shutdown(wait=False, cancel_futures=True)
        close_all(self.widget)

    def _show_earlier(self, run: str) -> None:
        """Show what was decided in a run of the record, once it is read."""
        if run != self._asked:
            self._asked = run
            self._reader = self._reader or ThreadPoolExecutor(1, "steering-journal")
            self._reader.submit(self._read, run)
        found = self._earlier.value
        if found.run != run:
            self._show((), {}, f'<div class="st-faint">Reading the decisions of run {escape(run[:8])} ...</div>')
            return
        none = found.missing or f"Nothing was proposed in run {run[:8]}, which is shown."
        self._show(found.rulings, {}, f'<div class="st-faint">{escape(none)}</div>', f"of run {run[:8]}: ")

    def _read(self, run: str) -> None:
        try:
            found = cast("PastDesk", self._desk).past.decisions(run)
        except Exception as error:  # noqa: BLE001  (a record may hold anything, and is not read any more)
            self._found.set(Earlier(run, missing=answer_of(error, "The record did not answer in time.")))
        else:
            self._found.set(Earlier(run, found.rulings, found.missing))

    def _show(self, rulings: Sequence[Ruling], known: Mapping[str, Parameter], empty: str, whose: str = "") -> None:
        refused = sum(not ruling.accepted for ruling in rulings)
        self.widget.remark(f"{whose}{several(len(rulings), 'ruling')}, {refused} refused" if rulings else "")
        if not rulings:
            self._table.value = empty
            return
        rows = "".join(_row(ruling, known) for ruling in reversed(rulings[-_SHOWN:]))
        head = "".join(f'<th scope="col">{heading}</th>' for heading in _HEADINGS)
        self._table.value = (
            f'<div class="st-scroll" tabindex="0" role="region" aria-label="Journal"><table>'
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        )


def _shortened(text: str, parameter: Parameter | None) -> str:
    """Write a value with its parameter's digits: ``0.220004 deg`` as ``0.22 deg``; the record has them all."""
    value, space, units = text.partition(" ")
    if parameter is None or parameter.choices:
        return text
    with suppress(ValueError):
        return f"{plain(float(value), parameter.decimals)}{space}{units}"
    return text


def _row(ruling: Ruling, known: Mapping[str, Parameter]) -> str:
    what = f"{_WORDS.get(ruling.kind, ruling.kind)} {ruling.subject}".strip()
    old, new = (_shortened(text, known.get(ruling.subject)) for text in (ruling.old, ruling.new))
    change = f"{old} → {new}" if old and new else new or old
    point = str(ruling.before_point) if ruling.before_point else "pending" if ruling.accepted else ""
    basis = f'<span class="st-basis">on {escape(basis_text(ruling.basis))}</span>' if ruling.basis else ""
    why = " ".join(part for part in (escape(with_shown_units(ruling.reason)), escape(ruling.outcome), basis) if part)
    below = f'<tr class="st-why st-{escape(ruling.verdict)}"><td></td><td colspan="5">{why}</td></tr>' if why else ""
    cells = (clock(ruling.decided_at), ruling.who, what, with_shown_units(change))
    return (
        f'<tr class="st-ruling {"st-explained " if why else ""}st-{escape(ruling.verdict)}">'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + f'<td><span class="st-verdict">{escape(ruling.verdict)}</span></td>'
        + f"<td>{escape(point)}</td></tr>{below}"
    )
