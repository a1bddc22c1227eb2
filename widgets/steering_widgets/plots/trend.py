"""How a feature went over the results of a run."""

import ipywidgets
import numpy as np
from numpy.typing import NDArray

from steering.core.desk import Desk
from steering.core.history import Trend
from steering_widgets.drawing.kept_file import Table
from steering_widgets.drawing.marks import Mark
from steering_widgets.drawing.tables import table_of_trend
from steering_widgets.parts.card import Card
from steering_widgets.parts.choice import Choice
from steering_widgets.parts.place import Place
from steering_widgets.parts.units import with_shown_units
from steering_widgets.parts.wording import action_text, news, title
from steering_widgets.plots.chosen import ChosenPanel
from steering_widgets.plots.line_plot import LinePlot
from steering_widgets.plots.look import Look
from steering_widgets.plots.take_home import TakeHome

FRAMES, TIME = "Frames", "Time"

_HINT = "How a feature changes from result to result appears with the first one."


class TrendPanel(ChosenPanel[Trend]):
    """One feature with its uncertainty against the frames it rests on, or against time."""

    def __init__(self, desk: Desk, look: Look | None = None) -> None:
        """Build it on a desk, which may be idle; of the analysis that is looked at, or the main one."""
        self._plot = LinePlot("trend", "A feature with its uncertainty, result by result", height=200)
        self._feature, self._along = Choice("st-trend-feature", "Feature"), Choice("st-trend-along", "Against")
        self._along.offer((FRAMES, TIME), FRAMES)
        self._desk, self._advice = desk, Place(desk.board.advice)
        take = TakeHome("trend", desk, self._table)
        super().__init__(Place((look or desk.board).trend), (self._feature, self._along, self._advice), take)
        self._bar = ipywidgets.HBox([self._feature.widget, self._along.widget, take.widget])
        self._bar.add_class("st-bar-row")
        self._bar.add_class("st-wraps")
        self.widget = Card("trend", "Trend", [self._bar, self._plot.view])

    def _show(self, trend: Trend, /) -> None:
        self._feature.offer(sorted(trend.features), usual_feature(trend))
        course = trend.features.get(self._feature.value)
        # A choice of nothing is no choice.
        self._bar.layout.display = "none" if course is None else None
        if course is None:
            self._plot.clear()
            self.widget.remark("no result yet")
            self.widget.say(_HINT, "plain")
            return
        self.widget.say("")
        name = title(self._feature.value)
        self._plot.show(self._way(trend), (name, course.units, course.values), course.uncertainties)
        self._show_advice(trend, course.values)
        count = len(trend.frames)
        self.widget.remark(f"{trend.analysis}, {count} result{'' if count == 1 else 's'}", news(float(trend.times[-1])))

    def _show_advice(self, trend: Trend, values: NDArray[np.float64]) -> None:
        """Mark where agents came to say something of this run."""
        status = self._desk.board.status.value
        advice = self._advice.value if trend.run == status.run else ()
        way = self._way(trend)[2]
        at = np.searchsorted(trend.frames, [one.frames for one in advice]).clip(0, len(way) - 1)
        marks = [
            Mark((), one.point, one.agent, action_text(one.action, status), with_shown_units(one.reason))
            for one in advice
        ]
        self._plot.show_marks(way[at], values[at], marks)

    def _table(self) -> Table | None:
        trend = self._shown.value
        return table_of_trend(trend) if trend.features else None

    def _way(self, trend: Trend) -> tuple[str, str, NDArray[np.float64]]:
        if self._along.value == TIME:
            return "time since the first result", "s", trend.times - trend.times[0]
        return "frames in the result", "", trend.frames


def usual_feature(trend: Trend) -> str:
    """Name the feature to show at first: one whose uncertainty is known, if there is one."""
    for name in sorted(trend.features):
        if np.any(trend.features[name].uncertainties > 0):
            return name
    return min(trend.features, default="")
