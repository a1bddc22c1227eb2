"""How many points a scan will have that is not started yet, and how long it will take."""

import math
from collections.abc import Mapping
from typing import TypeAlias

from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.plan import Forecast
from steering_widgets.parts.card import Line
from steering_widgets.parts.place import Place
from steering_widgets.parts.wording import duration, several
from steering_widgets.plots.asker import Asker

Start: TypeAlias = tuple[str, Mapping[str, float]]


class StartOutlook:
    """A line that says so; asked of the desk whenever the fields change.

    Attributes:
        widget: The line.
    """

    def __init__(self, desk: Desk) -> None:
        """Begin without a word."""
        self._desk = desk
        self._wanted: Start = ("", {})
        self._found: Cell[str] = Cell("")
        self._text = Place(self._found)
        self._said: tuple[str, ...] = ()
        self._asker: Asker[Start, Forecast | None] = Asker(self._ask, self._tell)
        self.widget = Line("st-outlook")

    def want(self, scan: str, values: Mapping[str, float]) -> None:
        """Say which scan a person thinks of starting; no name for none."""
        wanted = (scan, dict(values))
        if wanted == self._wanted:
            return
        self._wanted = wanted
        if scan:
            self._asker.ask(wanted)
        else:
            self._found.set("")

    def refresh(self, said: tuple[str, ...] = ()) -> bool:
        """Write a newer answer.

        Args:
            said: What stands beside a field or under the form already; the same is not said twice.
        """
        news = self._text.advance() or said != self._said
        self._said = said
        if news:
            self.widget.write("" if self._text.value in said else self._text.value)
        return news

    def close(self) -> None:
        """Ask nothing any more."""
        self._asker.close()

    def _ask(self, start: Start) -> Forecast | None:
        try:
            return self._desk.outlook(start[0], **start[1])
        except Exception:  # noqa: BLE001  (whatever it is)
            # A line less: what is wrong is said when it is started.
            return None

    def _tell(self, start: Start, found: Forecast | None) -> None:
        if start == self._wanted:
            self._found.set("" if found is None else outlook_text(found))


def outlook_text(found: Forecast) -> str:
    """Write what a scan would be; empty where nobody knows."""
    if found.refusal:
        return found.refusal
    if not found.points_left:
        return ""
    seconds, how = found.seconds_left, "at least" if found.at_least else "about"
    return several(found.points_left, "point") + (
        f", {how} {duration(max(seconds, 1.0))}" if math.isfinite(seconds) else ""
    )
