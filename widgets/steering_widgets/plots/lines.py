"""A two-dimensional array of a result as lines, one for each row: correlation curves, spectra, profiles."""

from collections.abc import Sequence
from html import escape

import ipywidgets
import xarray as xr

from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.result import Result
from steering_widgets.drawing.kept_file import Table
from steering_widgets.drawing.line_data import Lines, line_names, lines_of
from steering_widgets.drawing.line_plots import LinePlots, dash_of
from steering_widgets.drawing.tables import table_of_lines
from steering_widgets.parts.card import Card
from steering_widgets.parts.choice import Choice
from steering_widgets.parts.place import Place
from steering_widgets.parts.wording import exposed_at, news
from steering_widgets.plots.chosen import ChosenPanel
from steering_widgets.plots.look import Look
from steering_widgets.plots.take_home import TakeHome, about

_HINT = "A result with several curves along the same axis is drawn here, one line for each."
_SPACED, _SPREAD, _LINEAR, _LOG = "as spaced", "as spread", "linear", "logarithmic"
_HEIGHT = 340


class LinesPanel(ChosenPanel[Result | None]):
    """Lines with error bars and fits, a legend, and axes that follow how the points are spaced and spread."""

    def __init__(self, desk: Desk, look: Look | None = None) -> None:
        """Build it on a desk, which may be idle; of the analysis that is looked at, or the main one."""
        self._settings = Cell(0)
        self._plot = LinePlots("The lines of a result", height=_HEIGHT)
        self._name = Choice("st-lines-name", "Show")
        self._x, self._y = (
            ipywidgets.Dropdown(description=f"{name} axis", options=(usual, _LINEAR, _LOG))
            for name, usual in (("x", _SPACED), ("y", _SPREAD))
        )
        for name, axis in (("x", self._x), ("y", self._y)):
            axis.add_class("st-lines-axis").add_class(f"st-lines-{name}")
            axis.observe(self._axis_chosen, "value")
        take = TakeHome("lines", desk, self._table)
        self._overlays: Cell[tuple[tuple[str, xr.Dataset], ...]] = Cell(())
        self._earlier = Place(self._overlays)
        choices = (self._name, Place(self._settings), self._earlier)
        super().__init__(Place((look or desk.board).result), choices, take)
        self._legend = ipywidgets.HTML()
        self._legend.add_class("st-lines-legend")
        bar = ipywidgets.HBox([self._name.widget, self._x, self._y, take.widget])
        bar.add_class("st-bar-row")
        bar.add_class("st-wraps")
        self.widget = Card("lines", "Lines", [bar, self._plot.view, self._legend])

    @staticmethod
    def fits(data: xr.Dataset) -> bool:
        """Say whether a result has something to show here."""
        return bool(line_names(data))

    def overlay(self, label: str, data: xr.Dataset) -> None:
        """Draw the lines of an earlier run behind these; from any thread. The same label again replaces them."""
        kept = (one for one in self._overlays.value if one[0] != label)
        self._overlays.set((*kept, (label, data)))

    def clear_overlays(self) -> None:
        """Take all earlier lines away; from any thread."""
        self._overlays.set(())

    def _show(self, result: Result | None, /) -> None:
        data = result.outcome.data if result is not None else xr.Dataset()
        names = line_names(data)
        self._name.offer(names, (names or [""])[0])
        name = self._name.value
        if result is None or not name:
            self._plot.clear()
            self._legend.value = ""
            self.widget.remark("no result yet" if result is None else "")
            self.widget.say(_HINT if result is None else "This result has no lines.", "plain")
            return
        drawn = lines_of(data, name)
        log_x, log_y = (
            usual if axis.value not in (_LINEAR, _LOG) else axis.value == _LOG
            for axis, usual in ((self._x, drawn.log_x), (self._y, drawn.log_y))
        )  # fmt: skip
        like = [(label, lines_of(one, name)) for label, one in self._earlier.value if name in line_names(one)]
        earlier = [(label, one) for label, one in like if (one.x, one.y) == (drawn.x, drawn.y)]
        self._plot.show(drawn, log_x=log_x, log_y=log_y, earlier=earlier)
        self._legend.value = _legend_of(drawn, [label for label, _ in earlier])
        self.widget.say("")
        some = "" if len(drawn.lines) == drawn.rows else f"{len(drawn.lines)} of "
        self.widget.remark(
            f"{some}{drawn.rows} line{'' if drawn.rows == 1 else 's'}, version {result.version}",
            news(exposed_at(result)),
        )

    def _table(self) -> Table | None:
        result, name = self._shown.value, self._name.value
        if result is None or name not in result.outcome.data:
            return None
        return table_of_lines(result.outcome.data, name, about(result))

    def _axis_chosen(self, _: object) -> None:
        self._settings.set(self._settings.value + 1)


def _legend_of(drawn: Lines, earlier: Sequence[str]) -> str:
    parts = [
        f'<li><span aria-hidden="true" style="background:{line.colour}"></span>{escape(line.label)}</li>'
        for line in drawn.lines
    ]
    parts += [f"<li>{dash_of(number)}: {escape(label)}</li>" for number, label in enumerate(earlier)]
    return f'<ul aria-label="Lines">{"".join(parts)}</ul>'
