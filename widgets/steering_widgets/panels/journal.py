"""What was decided on the running scan, and why."""

from collections.abc import Mapping
from contextlib import suppress

import ipywidgets

from steering.archive.past import RECORD
from steering.core.desk import Desk
from steering.core.parameter import Parameter
from steering.core.proposal import Ruling
from steering_widgets.parts.card import Card, close_all
from steering_widgets.parts.place import Place
from steering_widgets.parts.units import with_shown_units
from steering_widgets.parts.wording import basis_text, clock, escape, plain, several

_HEADINGS = ("Time", "Who", "What", "Old → new", "Verdict", "Point")
_EMPTY = (
    '<div class="st-faint">Nothing was proposed in this run yet. What you or an agent ask for is written here.</div>'
)
_ELSEWHERE = (
    '<div class="st-faint">An earlier run is shown, and this is the journal of the newest one. What was decided in the '
    "earlier one is written with its export, as a table of decisions.</div>"
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


class JournalPanel:
    """The rulings of the newest run, newest first."""

    def __init__(self, desk: Desk) -> None:
        """Build it on a desk, which may be idle."""
        self._rulings, self._source = Place(desk.board.rulings), Place(desk.board.source)
        self._status = desk.board.status
        self._table = ipywidgets.HTML()
        self._table.add_class("st-journal")
        self.widget = Card("journal", "Journal", [self._table])

    def refresh(self) -> bool:
        """Show newer rulings, if there are any."""
        if not any([self._rulings.advance(), self._source.advance()]):
            return False
        rulings = self._rulings.value
        elsewhere = _ELSEWHERE if self._source.value.name == RECORD else ""
        refused = sum(not ruling.accepted for ruling in rulings)
        self.widget.remark(f"{several(len(rulings), 'ruling')}, {refused} refused" if rulings else "")
        if not rulings:
            self._table.value = elsewhere or _EMPTY
            return True
        known = {one.name: one for one in self._status.value.parameters}
        rows = "".join(_row(ruling, known) for ruling in reversed(rulings[-_SHOWN:]))
        head = "".join(f'<th scope="col">{heading}</th>' for heading in _HEADINGS)
        self._table.value = elsewhere + (
            f'<div class="st-scroll" tabindex="0" role="region" aria-label="Journal"><table>'
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        )
        return True

    def close(self) -> None:
        """Take it off the screen."""
        close_all(self.widget)


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
