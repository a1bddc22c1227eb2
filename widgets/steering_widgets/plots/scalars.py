"""Any column of a result against another: for scalars, and for whatever has no panel of its own."""

from typing import Any

import ipywidgets
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.core.desk import Desk
from steering.core.result import Result
from steering_widgets.drawing.kept_file import Table
from steering_widgets.drawing.tables import table_along
from steering_widgets.parts.card import Card
from steering_widgets.parts.choice import Choice
from steering_widgets.parts.place import Place
from steering_widgets.plots.chosen import ChosenPanel
from steering_widgets.plots.line_plot import LinePlot
from steering_widgets.plots.look import Look
from steering_widgets.plots.take_home import TakeHome, about

_HINT = "What was recorded with each event appears with the first result."


class ScalarsPanel(ChosenPanel[Result | None]):
    """One column against another, as the person chooses."""

    def __init__(self, desk: Desk, look: Look | None = None) -> None:
        """Build it on a desk, which may be idle; of the analysis that is looked at, or the main one."""
        self._plot = LinePlot("columns", "One recorded column against another", height=300)
        self._x, self._y = Choice("st-scalars-x", "Against"), Choice("st-scalars-y", "Show")
        take = TakeHome("scalars", desk, self._table)
        super().__init__(Place((look or desk.board).result), (self._x, self._y), take)
        bar = ipywidgets.HBox([self._y.widget, self._x.widget, take.widget])
        bar.add_class("st-bar-row")
        bar.add_class("st-wraps")
        self.widget = Card("scalars", "Scalars", [bar, self._plot.view])

    @staticmethod
    def fits(data: xr.Dataset) -> bool:
        """Say whether a result has something to show here."""
        return bool(columns_of(data)[1])

    def _show(self, result: Result | None, /) -> None:
        data = result.outcome.data if result is not None else xr.Dataset()
        dimension, names = columns_of(data)
        along = [dimension] if dimension in data.variables else []
        places = [name for name in names if name in data.coords]
        self._x.offer([*along, *(name for name in names if name not in along)], (along or places or names or [""])[0])
        values = [name for name in names if name not in along]
        self._y.offer(values, next((name for name in values if name not in data.coords), (values or [""])[0]))
        if result is None or not self._x.value or not self._y.value:
            self._plot.clear()
            self.widget.remark("no result yet" if result is None else "")
            self.widget.say(_HINT if result is None else "This result has no columns to plot.", "plain")
            return
        self.widget.say("")
        self._plot.show(_column(data, self._x.value), _column(data, self._y.value))
        count = data.sizes[dimension]
        self.widget.remark(f"{result.provenance.analysis}, {count} {dimension}{'' if count == 1 else 's'}")

    def _table(self) -> Table | None:
        result = self._shown.value
        dimension, names = columns_of(result.outcome.data) if result is not None else ("", [])
        return table_along(result.outcome.data, dimension, about(result)) if result is not None and names else None


def columns_of(data: xr.Dataset) -> tuple[str, list[str]]:
    """Return the dimension that most numeric columns have, and the names of these columns."""
    found: dict[str, list[str]] = {}
    for name, variable in data.variables.items():
        kept: NDArray[Any] = np.asarray(variable.values)
        if kept.ndim == 1 and kept.dtype.kind in "iuf":
            found.setdefault(str(variable.dims[0]), []).append(str(name))
    dimension = max(found, key=lambda name: len(found[name]), default="")
    return dimension, found.get(dimension, [])


def _column(data: xr.Dataset, name: str) -> tuple[str, str, NDArray[np.float64]]:
    variable = data[name]
    units = str(variable.attrs.get("units", ""))
    return name, units, np.asarray(variable.values, dtype=np.float64)
