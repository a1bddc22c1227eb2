"""The drawing of a curve."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import (
    BoxEditTool,
    ColumnDataSource,
    CrosshairTool,
    HoverTool,
    Span,
)
from numpy.typing import NDArray

from steering.core.cell import Cell
from steering_widgets.bokeh_view.view import BokehView
from steering_widgets.drawing.curve_data import Curve, Overlay
from steering_widgets.drawing.earlier import Earlier
from steering_widgets.drawing.edge import Edge
from steering_widgets.drawing.growing import grow
from steering_widgets.drawing.log_axes import LogAxes
from steering_widgets.drawing.plot import (
    FIT_COLOUR,
    MARK_COLOUR,
    POINT_COLOUR,
    REGION_COLOUR,
    axis_label,
    make_plot,
)
from steering_widgets.drawing.touch import Touch

# What a curve is measured along, before there is a scan that says it.
ANY_AXIS = "position"
_NO_POINTS: dict[str, Any] = {name: [] for name in ("x", "y", "low", "high", "error", "frame")}
_NO_STRIP: dict[str, list[float]] = {"x0": [], "x1": []}


class CurvePlot:
    """Points with error bars, a fitted line, an earlier run, what is planned, and a range that can be dragged.

    Everything that changes it must be called within ``view.edit()``.

    Attributes:
        view: What is displayed.
        edge: Planned positions and decisions.
        points: The points.
        touch: The point that was tapped.
        strip: The range that was dragged: columns ``x0`` and ``x1`` with one row, or none.
    """

    def __init__(self, point: Cell[int | None] | None = None) -> None:
        """Draw it without points.

        Args:
            point: Where the frame of a point that is tapped is written.
        """
        self.points = ColumnDataSource(dict(_NO_POINTS))
        self.strip = ColumnDataSource(dict(_NO_STRIP))
        self._fit = ColumnDataSource({"x": [], "y": []})
        # Not drawn: keeps the planned range and zero in sight from the first point on.
        self._extent = ColumnDataSource({"x": [0.0, 1.0], "y": [0.0, 1.0]})
        self._half = ColumnDataSource({"x0": [], "x1": [], "y": []})
        self._plot = plot = make_plot("curve", height=300, tools="pan,wheel_zoom,box_zoom,save")
        plot.xaxis[0].axis_label = ANY_AXIS
        plot.yaxis[0].axis_label = axis_label("intensity", "counts/s")
        self.edge = Edge(plot)
        strip = plot.vstrip(
            "x0", "x1", source=self.strip, fill_color=REGION_COLOUR, fill_alpha=0.14, line_color=REGION_COLOUR,
            line_width=1.5,
        )  # fmt: skip
        self._earlier = Earlier(plot)
        bars = plot.segment("x", "low", "x", "high", source=self.points, line_color=POINT_COLOUR, line_alpha=0.55)
        dots = plot.scatter("x", "y", source=self.points, size=6, fill_color=POINT_COLOUR, line_color=None)
        strip.nonselection_glyph = None
        line = plot.line("x", "y", source=self._fit, line_color=FIT_COLOUR, line_width=2)
        plot.segment("x0", "y", "x1", "y", source=self._half, line_color=MARK_COLOUR, line_width=2)
        self._mark = Span(dimension="height", line_color=MARK_COLOUR, line_dash="dashed", line_width=1.5, visible=False)
        plot.add_layout(self._mark)
        extent = plot.scatter("x", "y", source=self._extent, size=0, alpha=0)
        plot.x_range.renderers = [bars, dots, self._earlier.bars, extent]
        plot.y_range.renderers = [bars, dots, line, self._earlier.bars, extent]
        self._hover = HoverTool(renderers=[dots])
        edit = BoxEditTool(renderers=[strip], num_objects=1, dimensions="width")
        plot.add_tools(self._hover, CrosshairTool(dimensions="height", line_alpha=0.3), edit)
        plot.toolbar.active_drag = edit
        self.touch = Touch(plot, self.points, point)
        self._axes = LogAxes(plot)
        self._labelled = ("", "", "")
        self.label(ANY_AXIS, "", "counts/s")
        self.view = BokehView(
            plot, label="Rocking curve: intensity against position, with its fit; mark a range in the form below",
            shared=[self.strip, self.touch.shared],
        )  # fmt: skip

    @property
    def fitted(self) -> bool:
        """Whether a fit is drawn."""
        return len(self._fit.data["x"]) > 0

    @property
    def marked(self) -> bool:
        """Whether a value is marked."""
        return bool(self._mark.visible)

    def label(self, axis: str, units: str, value_units: str, what: str = "intensity") -> bool:
        """Name the axes; say whether they were called otherwise."""
        labels = axis_label(axis, units), axis_label(what, value_units), value_units
        if labels == self._labelled:
            return False
        self._labelled = labels
        self._plot.xaxis[0].axis_label, self._plot.yaxis[0].axis_label = labels[:2]
        self._hover.tooltips = [
            (labels[0], "@x{0.0000}"),
            (value_units or "value", "@y{0.0} ± @error{0.0}"),
            ("frame", "@frame"),
        ]
        return True

    def scale(self, *, log_x: bool, log_y: bool) -> None:
        """Make the axes logarithmic or linear."""
        self._axes.scale(log_x=log_x, log_y=log_y)

    def show(self, curve: Curve) -> None:
        """Draw the points."""
        grow(self.points, curve.columns, key="x")

    def show_earlier(self, overlays: Sequence[Overlay]) -> None:
        """Draw earlier runs."""
        self._earlier.show(overlays)

    def show_fit(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """Draw a fitted line."""
        grow(self._fit, {"x": x, "y": y})

    def show_mark(self, position: float, middle: float, width: float, level: float) -> None:
        """Draw where the peak is and how wide; NaN for what is not known.

        Args:
            position: Of the dashed line, in the axis' unit.
            middle: Around which the width is drawn, likewise.
            width: Likewise.
            level: Height at which the width is drawn, in the unit of the values.
        """
        self._mark.visible = bool(np.isfinite(position))
        if self._mark.visible:
            self._mark.location = position
        known = np.isfinite([middle, width, level]).all()
        kept = np.array([[middle - width / 2, middle + width / 2, level]] if known else np.empty((0, 3)))
        grow(self._half, {"x0": kept[:, 0], "x1": kept[:, 1], "y": kept[:, 2]})

    def show_extent(self, low: float, high: float, *, zero: bool) -> None:
        """Keep a range of positions in sight, and zero if it is to be; NaN for no range."""
        value = 0.0 if zero else np.nan
        grow(self._extent, {"x": np.array([low, high]), "y": np.array([value, value])})

    def show_strip(self, low: float, high: float) -> None:
        """Draw a range that was typed."""
        grow(self.strip, {"x0": np.array([low]), "x1": np.array([high])})

    def hide_strip(self) -> None:
        """Take the marked range away."""
        self.strip.data = dict(_NO_STRIP)

    def clear(self) -> None:
        """Take all points away."""
        if len(self.points.data["x"]):
            self.points.data = dict(_NO_POINTS)
        self.show_fit(np.empty(0), np.empty(0))
        self.show_mark(np.nan, np.nan, np.nan, np.nan)
