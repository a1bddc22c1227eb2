"""A tap on a point of a plot: which frame it is of."""

from typing import Any

import numpy as np
from bokeh.model import Model
from bokeh.models import ColumnDataSource, CustomJS
from bokeh.plotting import figure

from steering.core.cell import Cell
from steering_widgets.drawing.growing import grow
from steering_widgets.drawing.plot import REGION_COLOUR

# A tool of Bokeh's for taps would switch off the one that drags a region: both listen to taps.
_FIND = """
const { data } = points;
const share = (value, range, scale) => scale.type === "LogScale"
  ? Math.log(value / range.start) / Math.log(range.end / range.start)
  : (value - range.start) / (range.end - range.start);
const across = (value) => share(value, plot.x_range, plot.x_scale) * plot.inner_width;
const up = (value) => share(value, plot.y_range, plot.y_scale) * plot.inner_height;
const { x, y } = cb_obj;
let best = -1, least = Infinity;
for (let row = 0; row < data.x.length; row += 1) {
  let far;
  if (data.width) {
    // Of cells that cover each other the smallest is on top.
    const beside = Math.abs(x - data.x[row]) / data.width[row], above = Math.abs(y - data.y[row]) / data.height[row];
    far = Math.max(beside, above) <= 0.5 ? data.width[row] * data.height[row] : Infinity;
  } else {
    far = Math.hypot(across(x) - across(data.x[row]), up(y) - up(data.y[row]));
    if (far > 14) far = Infinity;
  }
  if (far < least) [best, least] = [row, far];
}
if (best >= 0) touched.data = { frame: [data.frame[best]] };
"""


class Touch:
    """Writes the frame of the point that is tapped into a cell, and rings the point.

    Attributes:
        shared: What the browser changes.
    """

    def __init__(self, plot: figure, points: ColumnDataSource, to: Cell[int | None] | None) -> None:
        """Add it to a plot.

        Args:
            plot: The plot.
            points: What it draws: ``x``, ``y`` and ``frame``, and of a map ``width`` and ``height``.
            to: Where the index of the frame is written.
        """
        self._to = to
        touched = ColumnDataSource({"frame": []})
        self.shared: Model = touched
        touched.on_change("data", self._tapped)
        plot.js_on_event("tap", CustomJS(args={"points": points, "plot": plot, "touched": touched}, code=_FIND))
        self._ring = ColumnDataSource({"x": [], "y": []})
        plot.scatter(
            "x", "y", source=self._ring, size=13, fill_color=None, line_color=REGION_COLOUR, line_width=2.5,
        )  # fmt: skip

    def show(self, points: ColumnDataSource, frame: int | None) -> None:
        """Ring the point of a frame, if it is drawn. Call within the view's ``edit``."""
        frames = np.asarray(points.data["frame"])
        rows = np.flatnonzero(frames == frame) if frame is not None and len(frames) else np.empty(0, dtype=np.int64)
        grow(self._ring, {name: np.asarray(points.data[name], dtype=np.float64)[rows[:1]] for name in ("x", "y")})

    def _tapped(self, _attr: str, _old: object, new: Any) -> None:
        frame = int(new["frame"][0]) if len(new["frame"]) else -1
        if self._to is not None and frame >= 0:
            self._to.set(frame)
