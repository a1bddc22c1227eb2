"""Many lines on one pair of axes: points with error bars, and fits, each in its line's colour."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool
from numpy.typing import NDArray

from steering.core.block import Floats
from steering_widgets.bokeh_view.view import BokehView
from steering_widgets.drawing.growing import grow
from steering_widgets.drawing.line_data import Lines
from steering_widgets.drawing.log_axes import LogAxes
from steering_widgets.drawing.plot import EARLIER_DASHES, MARK_COLOUR, axis_label, make_plot
from steering_widgets.parts.units import shown_unit

_NO_POINTS: dict[str, Any] = {"x": [], "y": [], "low": [], "high": [], "colour": [], "label": []}
_NO_LINES: dict[str, Any] = {"xs": [], "ys": [], "colour": [], "width": [], "alpha": []}
_NO_EARLIER: dict[str, Any] = {"xs": [], "ys": [], "colour": [], "dash": []}
# The first one of a run's own lines is solid.
_DASHES = EARLIER_DASHES[1:]


class LinePlots:
    """A plot of lines on linear or logarithmic axes.

    Attributes:
        view: What is displayed.
    """

    def __init__(self, label: str, *, height: int) -> None:
        """Begin without lines.

        Args:
            label: What it shows, for screen readers.
            height: In CSS pixels.
        """
        self._points, self._lines = ColumnDataSource(dict(_NO_POINTS)), ColumnDataSource(dict(_NO_LINES))
        self._plot = plot = make_plot("lines", height=height, tools="pan,wheel_zoom,box_zoom,reset,save")
        plot.multi_line("xs", "ys", source=self._lines, line_color="colour", line_width="width", line_alpha="alpha")
        self._earlier = ColumnDataSource(dict(_NO_EARLIER))
        plot.multi_line("xs", "ys", source=self._earlier, line_color="colour", line_dash="dash", line_width=1.5)
        bars = plot.segment("x", "low", "x", "high", source=self._points, line_color="colour", line_alpha=0.55)
        dots = plot.scatter("x", "y", source=self._points, size=5, fill_color="colour", line_color=None)
        plot.x_range.renderers = [dots]
        plot.y_range.renderers = [bars, dots]
        self._hover = HoverTool(renderers=[dots])
        plot.add_tools(self._hover)
        self._axes = LogAxes(plot)
        self.view = BokehView(plot, label=label)

    def show(
        self, drawn: Lines, *, log_x: bool = False, log_y: bool = False, earlier: Sequence[tuple[str, Lines]] = ()
    ) -> None:
        """Show lines instead of those before.

        Args:
            drawn: The lines.
            earlier: Lines of earlier runs by their names; one is drawn in the colour of the line that it belongs to.
            log_x: Whether the horizontal axis is logarithmic; what is not above zero is not drawn then.
            log_y: Likewise of the vertical one. An error bar that reaches zero ends below all points.
        """
        least = _least(drawn) if log_y else None
        points: dict[str, list[Any]] = {name: [] for name in _NO_POINTS}
        lines: dict[str, list[Any]] = {name: [] for name in _NO_LINES}
        for line in drawn.lines:
            x, y, error = line.points.positions, line.points.values, line.points.errors
            shown = _shown(x, y, log_x=log_x, log_y=log_y)
            x, y, error = x[shown], y[shown], error[shown]
            low = y - error if least is None else np.maximum(y - error, least)
            for name, some in (("x", x), ("y", y), ("low", low), ("high", y + error)):
                points[name].append(some)
            points["colour"] += [line.colour] * len(x)
            points["label"] += [line.label] * len(x)
            # Where there is a fit it is the line, and the points stand alone.
            fitted = len(line.fit) > 0
            seen = _shown(line.fit_x, line.fit, log_x=log_x, log_y=log_y)
            lines["xs"].append(line.fit_x[seen] if fitted else x)
            lines["ys"].append(line.fit[seen] if fitted else y)
            lines["colour"].append(line.colour)
            lines["width"].append(2.0 if fitted else 1.0)
            lines["alpha"].append(0.9 if fitted else 0.6)
        columns = {name: np.concatenate(points[name]) if points[name] else np.empty(0) for name in list(points)[:4]}
        columns |= {name: np.array(points[name], dtype=object) for name in ("colour", "label")}
        with self.view.edit():
            self._axes.scale(log_x=log_x, log_y=log_y)
            grow(self._points, columns)
            self._lines.data = dict(lines)
            behind = _behind(drawn, [one for _, one in earlier], log_x=log_x, log_y=log_y)
            if behind["xs"] or self._earlier.data["xs"]:
                self._earlier.data = behind
            for axis, (name, units) in ((self._plot.xaxis[0], drawn.x), (self._plot.yaxis[0], drawn.y)):
                # Bokeh sends a label again although it is the same.
                if axis.axis_label != axis_label(name, units):
                    axis.axis_label = axis_label(name, units)
            tooltips = [
                ("", "@label"),
                (drawn.x[0], f"@x{{0.[0000]e}} {shown_unit(drawn.x[1])}"),
                (drawn.y[0], f"@y{{{'0.[0000]e' if log_y else '0.[00000]'}}} {shown_unit(drawn.y[1])}"),
            ]
            if self._hover.tooltips != tooltips:
                self._hover.tooltips = tooltips

    def clear(self) -> None:
        """Take all lines away."""
        with self.view.edit():
            if len(self._lines.data["xs"]):
                self._points.data, self._lines.data = dict(_NO_POINTS), dict(_NO_LINES)
                self._earlier.data = dict(_NO_EARLIER)


def dash_of(number: int) -> str:
    """Say how the lines of one of several earlier runs are drawn: ``dashed``, ``dotted`` or ``dashdot``."""
    return _DASHES[number % len(_DASHES)]


def _behind(drawn: Lines, earlier: Sequence[Lines], *, log_x: bool, log_y: bool) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in _NO_EARLIER}
    colours = {line.label: line.colour for line in drawn.lines}
    for number, run in enumerate(earlier):
        for line in run.lines:
            x, y = line.points.positions, line.points.values
            shown = _shown(x, y, log_x=log_x, log_y=log_y)
            values = (x[shown], y[shown], colours.get(line.label, MARK_COLOUR), dash_of(number))
            for column, value in zip(columns.values(), values, strict=True):
                column.append(value)
    return columns


def _shown(x: Floats, y: Floats, *, log_x: bool, log_y: bool) -> NDArray[np.bool_]:
    shown = np.ones(len(x), bool)
    if log_x:
        shown &= x > 0
    if log_y:
        shown &= y > 0
    return shown


def _least(drawn: Lines) -> float:
    """Return half of the smallest value that can be drawn on a logarithmic axis."""
    above = [float(one[one > 0].min()) for one in (line.points.values for line in drawn.lines) if (one > 0).any()]
    return min(above, default=1.0) / 2
