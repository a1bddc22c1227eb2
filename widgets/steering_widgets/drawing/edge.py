"""The edges of a plot of one axis: planned positions as a rug at the bottom, decisions as triangles at the top."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, CustomJS, GlyphRenderer, HoverTool, LinearScale, Range1d
from bokeh.plotting import figure
from numpy.typing import NDArray

from steering_widgets.drawing.growing import grow
from steering_widgets.drawing.marks import Mark
from steering_widgets.drawing.plot import GHOST_COLOUR, MARK_COLOUR

_EDGE = "edge"
# A screen has no room for more ticks side by side.
_MOST_TICKS = 2_000
_PLANNED, _GHOST = (0.0, 0.035), (0.045, 0.08)
TOOLTIPS = [("point", "@point"), ("who", "@who"), ("what", "@change"), ("why", "@reason")]


class Edge:
    """Draws at the edges of a plot, whatever its vertical range and scale.

    Attributes:
        marks: The triangles.
    """

    def __init__(self, plot: figure) -> None:
        """Add it to a plot."""
        # An own range from 0 to 1, which stays so when a person zooms.
        edge = Range1d(0.0, 1.0)
        still = CustomJS(args={"edge": edge}, code="edge.setv({start: 0, end: 1});")
        edge.js_on_change("start", still)
        edge.js_on_change("end", still)
        plot.extra_y_ranges[_EDGE] = edge
        plot.extra_y_scales[_EDGE] = LinearScale()
        self._planned, self._ghost = ColumnDataSource({"x": []}), ColumnDataSource({"x": []})
        self._decided = ColumnDataSource(mark_columns([], 0))
        for source, (low, high), colour, alpha in (
            (self._planned, _PLANNED, MARK_COLOUR, 0.6),
            (self._ghost, _GHOST, GHOST_COLOUR, 0.9),
        ):
            plot.segment(
                "x", low, "x", high, source=source, line_color=colour, line_alpha=alpha, y_range_name=_EDGE,
            )  # fmt: skip
        self.marks: GlyphRenderer = plot.scatter(
            "x", 0.975, source=self._decided, marker="inverted_triangle", size=9, fill_color="colour",
            line_color=None, y_range_name=_EDGE,
        )  # fmt: skip
        plot.add_tools(HoverTool(renderers=[self.marks], tooltips=TOOLTIPS, visible=False))

    def show_plan(self, positions: NDArray[np.float64]) -> None:
        """Draw the planned positions that are not measured yet, shape ``(points,)``."""
        grow(self._planned, {"x": _few(positions)})

    def show_ghost(self, positions: NDArray[np.float64]) -> None:
        """Draw what a forecast would measure, shape ``(points,)``."""
        grow(self._ghost, {"x": _few(positions)})

    def show_marks(self, marks: Sequence[Mark]) -> None:
        """Draw decisions at the point before which they took effect."""
        grow(self._decided, mark_columns(marks, 0))


def mark_columns(marks: Sequence[Mark], *axes: int) -> dict[str, NDArray[Any]]:
    """Make the columns of decisions for a plot and its hover.

    Args:
        marks: The decisions.
        *axes: Which axes of the plan are drawn as ``x`` and, if there are two, as ``y``.
    """
    columns = {
        name: np.array([mark.place[axis] for mark in marks], dtype=np.float64)
        for name, axis in zip("xy", axes, strict=False)
    }
    texts = {
        "point": [str(mark.point) for mark in marks],
        "who": [mark.who for mark in marks],
        "change": [mark.change for mark in marks],
        "reason": [mark.reason or "not said" for mark in marks],
        "colour": [mark.colour for mark in marks],
    }
    return {**columns, **{name: np.array(column, dtype=object) for name, column in texts.items()}}


def _few(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    ordered = np.unique(positions)
    if len(ordered) <= _MOST_TICKS:
        return ordered
    return ordered[np.linspace(0, len(ordered) - 1, _MOST_TICKS).round().astype(np.int64)]
