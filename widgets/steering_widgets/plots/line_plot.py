"""Points joined by a line, with error bars, on axes that a person chooses."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool
from numpy.typing import NDArray

from steering_widgets.bokeh_view.view import BokehView
from steering_widgets.drawing.curve_data import Curve, thin
from steering_widgets.drawing.growing import grow
from steering_widgets.drawing.marks import Mark
from steering_widgets.drawing.plot import ADVICE_COLOUR, POINT_COLOUR, axis_label, make_plot

_NO_MARKS: dict[str, Any] = {"x": [], "y": [], "who": [], "change": [], "reason": []}
_NO_POINTS: dict[str, Any] = {"x": [], "y": [], "low": [], "high": []}


class LinePlot:
    """A plot of one quantity against another.

    Attributes:
        view: What is displayed.
    """

    def __init__(self, name: str, label: str, *, height: int) -> None:
        """Begin without points.

        Args:
            name: Of a picture of it.
            label: What it shows, for screen readers.
            height: In CSS pixels.
        """
        self._points = ColumnDataSource(dict(_NO_POINTS))
        self._plot = make_plot(name, height=height, tools="pan,wheel_zoom,box_zoom,reset,save")
        bars = self._plot.segment("x", "low", "x", "high", source=self._points, line_color=POINT_COLOUR, line_alpha=0.4)
        line = self._plot.line("x", "y", source=self._points, line_color=POINT_COLOUR, line_alpha=0.6)
        dots = self._plot.scatter("x", "y", source=self._points, size=4, fill_color=POINT_COLOUR, line_color=None)
        self._marks = ColumnDataSource(dict(_NO_MARKS))
        marks = self._plot.scatter(
            "x", "y", source=self._marks, marker="inverted_triangle", size=11, fill_color=ADVICE_COLOUR, line_color=None
        )
        tips = [("who", "@who"), ("what", "@change"), ("why", "@reason")]
        self._plot.add_tools(HoverTool(renderers=[marks], tooltips=tips, visible=False))
        self._plot.x_range.renderers = [line, dots]
        self._plot.y_range.renderers = [bars, line, dots]
        self.view = BokehView(self._plot, label=label)

    def show(
        self,
        x: tuple[str, str, NDArray[np.float64]],
        y: tuple[str, str, NDArray[np.float64]],
        uncertainties: NDArray[np.float64] | None = None,
    ) -> None:
        """Show points.

        Args:
            x: Name, unit and values along the horizontal axis, shape ``(points,)``.
            y: Likewise along the vertical axis.
            uncertainties: Half the length of each error bar, in the unit of ``y``; none where it is NaN.
        """
        known = np.zeros(len(y[2])) if uncertainties is None else np.nan_to_num(uncertainties, nan=0.0)
        rows = np.arange(len(y[2]))
        # Of a million points a screen shows no more than the lowest and the highest of each of its columns.
        kept = thin(Curve(x[0], x[1], x[2], y[2], known, rows, y[1], len(rows))).columns
        with self.view.edit():
            grow(self._points, {name: kept[name] for name in _NO_POINTS})
            for axis, (name, units) in ((self._plot.xaxis[0], x[:2]), (self._plot.yaxis[0], y[:2])):
                # Bokeh sends a label again although it is the same.
                if axis.axis_label != axis_label(name, units):
                    axis.axis_label = axis_label(name, units)

    def show_marks(self, x: NDArray[np.float64], y: NDArray[np.float64], marks: Sequence[Mark]) -> None:
        """Mark what was said or decided, at places of shape ``(marks,)`` in the units of the axes."""
        texts = {
            "who": [mark.who for mark in marks],
            "change": [mark.change for mark in marks],
            "reason": [mark.reason or "not said" for mark in marks],
        }
        columns = {name: np.array(column, dtype=object) for name, column in texts.items()}
        with self.view.edit():
            grow(self._marks, {"x": x, "y": y, **columns})

    def clear(self) -> None:
        """Take all points away."""
        with self.view.edit():
            if len(self._marks.data["x"]):
                self._marks.data = dict(_NO_MARKS)
            if len(self._points.data["x"]):
                self._points.data = dict(_NO_POINTS)
