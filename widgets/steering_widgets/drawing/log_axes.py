"""Logarithmic axes of a plot."""

from bokeh.models import BasicTicker, CustomJS, LinearScale, LogScale, LogTicker
from bokeh.plotting import figure

_RELIEVE = """
for (const [range, scale] of [[plot.x_range, plot.x_scale], [plot.y_range, plot.y_scale]]) {
  range.scale_hint = scale.type === "LogScale" ? "log" : "auto";
  if (!range.have_updated_interactively) range.reset();
}
"""


class LogAxes:
    """Makes the axes of a plot logarithmic, and linear again."""

    def __init__(self, plot: figure) -> None:
        """Begin linear."""
        self._plot = plot
        # Bokeh does not take back that a range was logarithmic: zero would then not be in sight any more.
        relieve = CustomJS(args={"plot": plot}, code=_RELIEVE)
        plot.js_on_change("x_scale", relieve)
        plot.js_on_change("y_scale", relieve)

    def scale(self, *, log_x: bool, log_y: bool) -> None:
        """Make the axes logarithmic or linear."""
        for name, axis, logarithmic in (("x", self._plot.xaxis[0], log_x), ("y", self._plot.yaxis[0], log_y)):
            if isinstance(getattr(self._plot, f"{name}_scale"), LogScale) == logarithmic:
                continue
            setattr(self._plot, f"{name}_scale", LogScale() if logarithmic else LinearScale())
            axis.ticker = LogTicker() if logarithmic else BasicTicker()
