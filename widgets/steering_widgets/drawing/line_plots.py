"""Many lines on one pair of axes: points with error bars, and fits, each in its line's colour."""

from typing import Any, Literal

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool

from steering_widgets.bokeh_view.view import BokehView
from steering_widgets.drawing.growing import grow
from steering_widgets.drawing.line_data import Lines
from steering_widgets.drawing.plot import axis_label, make_plot
from steering_widgets.parts.units import shown_unit

_NO_POINTS: dict[str, Any] = {"x": [], "y": [], "low": [], "high": [], "colour": [], "label": []}
_NO_LINES: dict[str, Any] = {"xs": [], "ys": [], "colour": [], "width": [], "alpha": []}


class LinePlots:
    """A plot of lines on a linear or a logarithmic horizontal axis: Bokeh changes no axis' kind later.

    Attributes:
        view: What is displayed.
    """

    def __init__(self, label: str, kind: Literal["linear", "log"], *, height: int) -> None:
        """Begin without lines.

        Args:
            label: What it shows, for screen readers.
            kind: Of the horizontal axis.
            height: In CSS pixels.
        """
        self._points, self._lines = ColumnDataSource(dict(_NO_POINTS)), ColumnDataSource(dict(_NO_LINES))
        self._plot = plot = make_plot(height=height, tools="pan,wheel_zoom,box_zoom,reset,save", x_axis=kind)
        plot.multi_line("xs", "ys", source=self._lines, line_color="colour", line_width="width", line_alpha="alpha")
        bars = plot.segment("x", "low", "x", "high", source=self._points, line_color="colour", line_alpha=0.55)
        dots = plot.scatter("x", "y", source=self._points, size=5, fill_color="colour", line_color=None)
        plot.x_range.renderers = [dots]
        plot.y_range.renderers = [bars, dots]
        self._hover = HoverTool(renderers=[dots])
        plot.add_tools(self._hover)
        self.view = BokehView(plot, label=label)

    def show(self, drawn: Lines) -> None:
        """Show lines instead of those before."""
        points: dict[str, list[Any]] = {name: [] for name in _NO_POINTS}
        lines: dict[str, list[Any]] = {name: [] for name in _NO_LINES}
        for line in drawn.lines:
            x, y, error = line.points.positions, line.points.values, line.points.errors
            for name, some in (("x", x), ("y", y), ("low", y - error), ("high", y + error)):
                points[name].append(some)
            points["colour"] += [line.colour] * len(x)
            points["label"] += [line.label] * len(x)
            # Where there is a fit it is the line, and the points stand alone.
            fitted = len(line.fit) > 0
            lines["xs"].append(line.fit_x if fitted else x)
            lines["ys"].append(line.fit if fitted else y)
            lines["colour"].append(line.colour)
            lines["width"].append(2.0 if fitted else 1.0)
            lines["alpha"].append(0.9 if fitted else 0.6)
        columns = {name: np.concatenate(points[name]) if points[name] else np.empty(0) for name in list(points)[:4]}
        columns |= {name: np.array(points[name], dtype=object) for name in ("colour", "label")}
        with self.view.edit():
            grow(self._points, columns)
            self._lines.data = dict(lines)
            for axis, (name, units) in ((self._plot.xaxis[0], drawn.x), (self._plot.yaxis[0], drawn.y)):
                # Bokeh sends a label again although it is the same.
                if axis.axis_label != axis_label(name, units):
                    axis.axis_label = axis_label(name, units)
            tooltips = [
                ("", "@label"),
                (drawn.x[0], f"@x{{0.[0000]e}} {shown_unit(drawn.x[1])}"),
                (drawn.y[0], f"@y{{0.[00000]}} {shown_unit(drawn.y[1])}"),
            ]
            if self._hover.tooltips != tooltips:
                self._hover.tooltips = tooltips

    def clear(self) -> None:
        """Take all lines away."""
        with self.view.edit():
            if len(self._lines.data["xs"]):
                self._points.data, self._lines.data = dict(_NO_POINTS), dict(_NO_LINES)
