"""Logarithmic axes of a plot."""

from bokeh.models import BasicTicker, CustomJS, CustomJSTicker, LinearScale, LogScale
from bokeh.plotting import figure

_RELIEVE = """
for (const [range, scale] of [[plot.x_range, plot.x_scale], [plot.y_range, plot.y_scale]]) {
  range.scale_hint = scale.type === "LogScale" ? "log" : "auto";
  if (!range.have_updated_interactively) range.reset();
}
"""
# 1, 2 and 5 of each decade where these are few, then 1 alone, then of every second decade, and so on; where less than a
# decade is seen steps of one length. Bokeh's own has such steps up to two decades: 0.05 is then the first tick of 0.01
# to 0.2, and the next ones touch.
_MAJOR = """
const [low, high] = [cb_data.start, cb_data.end].sort((a, b) => a - b);
if (!(low > 0) || !Number.isFinite(high)) return [];
const decades = Math.log10(high / low), every = Math.ceil(decades / 8), ticks = [];
for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
  if (power % every !== 0) continue;
  for (const part of decades <= 2 ? [1, 2, 5] : [1]) {
    const tick = Number(`${part}e${power}`);
    if (tick >= low && tick <= high) ticks.push(tick);
  }
}
if (ticks.length > 2) return ticks;
const rough = (high - low) / 5, size = 10 ** Math.floor(Math.log10(rough));
const step = [1, 2, 5, 10].find((part) => part * size >= rough) * size;
const first = Math.ceil(low / step);
return Array.from({ length: Math.max(Math.floor(high / step) - first + 1, 0) }, (_, at) => (first + at) * step);
"""
_MINOR = """
const [low, high] = [cb_data.start, cb_data.end].sort((a, b) => a - b);
if (!(low > 0) || !Number.isFinite(high) || high / low > 1e8) return [];
const ticks = [];
for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
  for (let part = 1; part < 10; part++) {
    const tick = Number(`${part}e${power}`);
    if (tick >= low && tick <= high && !cb_data.major_ticks.includes(tick)) ticks.push(tick);
  }
}
return ticks;
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
            axis.ticker = CustomJSTicker(major_code=_MAJOR, minor_code=_MINOR) if logarithmic else BasicTicker()
