"""Curves of earlier runs, behind the one that is shown."""

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, GlyphRenderer, Legend, LegendItem
from bokeh.plotting import figure
from numpy.typing import NDArray

from steering_widgets.drawing.curve_data import Overlay
from steering_widgets.drawing.plot import EARLIER_COLOURS, EARLIER_DASHES, FONT, MARK_COLOUR

_NO_LINES: dict[str, Any] = {"x": [], "y": [], "colour": [], "dash": [], "label": []}
_STYLES = tuple(zip(EARLIER_COLOURS, EARLIER_DASHES, strict=True))
_NO_BARS: dict[str, Any] = {"x": [], "low": [], "high": [], "colour": []}


class Earlier:
    """Each curve has a colour of its own, and its name stands in the legend.

    Attributes:
        bars: Its error bars, which the plot's ranges follow.
    """

    def __init__(self, plot: figure) -> None:
        """Begin without curves."""
        self._shown: tuple[Overlay, ...] = ()
        self._lines, self._bars = ColumnDataSource(dict(_NO_LINES)), ColumnDataSource(dict(_NO_BARS))
        self.bars: GlyphRenderer = plot.segment(
            "x", "low", "x", "high", source=self._bars, line_color="colour", line_alpha=0.4
        )
        lines = plot.multi_line("x", "y", source=self._lines, line_color="colour", line_dash="dash", line_width=2)
        self._legend = Legend(
            items=[LegendItem(label={"field": "label"}, renderers=[lines])],
            # Read on both themes' backgrounds, which it does not cover.
            label_text_color=MARK_COLOUR, background_fill_alpha=0.0, border_line_color=None,
            label_text_font_size="11px", label_text_font=FONT, padding=2, spacing=0, visible=False,
        )  # fmt: skip
        plot.add_layout(self._legend)

    def show(self, overlays: Sequence[Overlay]) -> None:
        """Draw curves; none take all away."""
        if tuple(overlays) == self._shown:
            return
        self._shown = tuple(overlays)
        lines: dict[str, list[Any]] = {name: [] for name in _NO_LINES}
        bars: dict[str, list[NDArray[Any]]] = {name: [] for name in _NO_BARS}
        for overlay, (colour, dash) in zip(overlays, cycle(_STYLES), strict=False):
            order = np.argsort(overlay.positions, kind="stable")
            x, y, error = overlay.positions[order], overlay.values[order], overlay.errors[order]
            for name, value in (("x", x), ("y", y), ("colour", colour), ("dash", dash), ("label", overlay.label)):
                lines[name].append(value)
            for name, values in (("x", x), ("low", y - error), ("high", y + error)):
                bars[name].append(values)
            bars["colour"].append(np.full(len(x), colour))
        self._lines.data = lines
        # An empty array is one of numbers, which are no colours: Bokeh would draw nothing any more.
        self._bars.data = {name: np.concatenate(parts) if parts else [] for name, parts in bars.items()}
        self._legend.visible = bool(overlays)
