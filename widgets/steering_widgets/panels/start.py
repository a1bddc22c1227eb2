"""The menu of scans, and the fields of the one that is to be started."""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import cast

from steering.archive.past import RECORD, PastDesk
from steering.core.desk import Desk
from steering.core.errors import SteeringError, said
from steering.core.parameter import Parameter
from steering.core.status import ScanDescription
from steering_widgets.panels.row import ParameterRow
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import close_all
from steering_widgets.parts.choice import Choice
from steering_widgets.parts.wording import value_text

_LOG = logging.getLogger(__name__)


class StartFields:
    """Which scan is to be started, and with which values.

    Attributes:
        menu: The menu of scans.
    """

    def __init__(self, desk: Desk, typed: Callable[[object], object]) -> None:
        """Begin without scans; ``typed`` is called with what changed, on any thread."""
        self._desk = desk
        self._typed = typed
        self._choice = Choice("st-scan", "Scan")
        self.menu = self._choice.widget
        self._by_title: dict[str, ScanDescription] = {}
        self._made: dict[ScanDescription, dict[str, ParameterRow]] = {}

    @property
    def scan(self) -> ScanDescription | None:
        """The chosen scan, if one is offered."""
        return self._by_title.get(self._choice.value)

    @property
    def rows(self) -> dict[str, ParameterRow]:
        """The chosen scan's rows by parameter."""
        return self._made[self.scan] if self.scan is not None else {}

    def offer(self, scans: tuple[ScanDescription, ...], last: str = "") -> frozenset[str]:
        """Offer scans; a person's choice stays. Where there is none, ``last`` is chosen by its name, or the first.

        Returns:
            Names of those that were not offered before.
        """
        self._by_title = titled(scans)
        before = {scan.name for scan in self._made}
        # Made once: a page may still be drawing rows that are replaced, so none is closed before the end.
        self._made |= {scan: self._rows(scan) for scan in scans if scan not in self._made}
        usual = next((title for title, scan in self._by_title.items() if scan.name == last), "")
        self._choice.offer(tuple(self._by_title), usual or next(iter(self._by_title), ""))
        return frozenset(scan.name for scan in scans) - before

    def recall(self, name: str, parameters: Iterable[Parameter]) -> None:
        """Write the values of a scan's last run into its fields: whoever measures again mostly means the same.

        A signal to which the run had set nothing has moved on since, and is not to be put back by the next one.
        """
        values = {one.name: one for one in parameters}
        for scan in self._by_title.values():
            for usual in scan.parameters if scan.name == name else ():
                if usual.name in values and not usual.as_read:
                    self._made[scan][usual.name].entry.write(value_text(usual, values[usual.name].value))

    def advance(self) -> bool:
        """Say whether a person chose another scan since this was last asked."""
        return self._choice.advance()

    def refresh(self) -> None:
        """Mark what was edited."""
        scan = self.scan
        for parameter in scan.parameters if scan is not None else ():
            self.rows[parameter.name].write(parameter, None, 0)

    @property
    def wanted(self) -> tuple[str, dict[str, float]]:
        """The chosen scan and the values that were edited, as far as they are numbers; no name for none."""
        values: dict[str, float] = {}
        for name, row in self.rows.items():
            if row.changed:
                with suppress(SteeringError):
                    values[name] = row.entry.number()
        return (self.scan.name if self.scan is not None else "", values)

    def start(self, answer: Answer) -> dict[str, str]:
        """Start the chosen scan with the values that were edited.

        Args:
            answer: Takes what is said of the whole.

        Returns:
            What is wrong with a field, by parameter.
        """
        scan = self.scan
        if scan is None:
            answer.set(("No scan is offered yet. Wait for the beamline service.", "warn"))
            return {}
        # This scan's own rows, which need not be those on the screen yet when the clicks are quick.
        changed = {name: row for name, row in self._made[scan].items() if row.changed}
        complaints: dict[str, str] = {}
        values: dict[str, float] = {}
        for name, row in changed.items():
            try:
                values[name] = row.entry.number()
            except SteeringError as error:
                complaints[name] = str(error)
        if complaints:
            answer.set(("The scan was not started.", "error"))
            return complaints
        try:
            self._desk.start(scan.name, **values)
        except (SteeringError, TimeoutError) as error:
            why = str(error) or "The session did not answer in time. Try again."
            named = next((name for name in changed if why.startswith((f"{name}:", f"{name} "))), "")
            answer.set(("The scan was not started.", "error") if named else (why, "error"))
            return {named: why} if named else {}
        if self._desk.board.source.value.name == RECORD:
            # Whoever starts a scan wants to see it, not the earlier run that they looked at before.
            try:
                cast("PastDesk", self._desk).unfollow()
            except (SteeringError, TimeoutError) as error:
                # The scan has started all the same, and the strip above the plots still says what they show.
                _LOG.warning("the earlier run is still shown: %s", said(error))
        answer.set((f"{scan.title} has started.", "good"))
        return {}

    def close(self) -> None:
        """Close the rows that are not shown now."""
        for rows in self._made.values():
            for row in rows.values():
                close_all(row.widget)

    def _rows(self, scan: ScanDescription) -> dict[str, ParameterRow]:
        rows = {one.name: ParameterRow(one, "st-start", self._typed, steered=False) for one in scan.parameters}
        # The same scan with other limits, or with what a signal reads now: what was typed for it stays.
        no_rows: dict[str, ParameterRow] = {}
        before = next((self._made[made] for made in reversed(self._made) if made.name == scan.name), no_rows)
        for name, row in rows.items():
            if name in before and before[name].changed:
                row.entry.write(before[name].entry.text)
        return rows


def titled(scans: tuple[ScanDescription, ...]) -> dict[str, ScanDescription]:
    """Name scans as a menu does: by their titles, and by their names too where two have one title."""
    titles = [scan.title for scan in scans]
    return {
        scan.title if titles.count(scan.title) == 1 and scan.title else f"{scan.title} ({scan.name})".strip(): scan
        for scan in scans
    }
