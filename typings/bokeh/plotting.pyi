from collections.abc import Sequence
from typing import Any

from bokeh.model import Model
from bokeh.models import Axis, GlyphRenderer, LinearScale, LogScale, Range, Range1d, Toolbar

class _Grid:
    visible: bool

class figure(Model):
    xaxis: Sequence[Axis]
    yaxis: Sequence[Axis]
    x_range: Range
    y_range: Range
    x_scale: LinearScale | LogScale
    y_scale: LinearScale | LogScale
    extra_y_ranges: dict[str, Range1d]
    extra_y_scales: dict[str, LinearScale | LogScale]
    grid: _Grid
    toolbar: Toolbar
    match_aspect: bool
    max_width: int | None
    styles: dict[str, str]
    tools: Sequence[Model]
    def __init__(self, **properties: Any) -> None: ...
    def image(self, image: str, x: str, y: str, dw: str, dh: str, **properties: Any) -> GlyphRenderer: ...
    def line(self, x: str, y: str, **properties: Any) -> GlyphRenderer: ...
    def multi_line(self, xs: str, ys: str, **properties: Any) -> GlyphRenderer: ...
    def rect(self, x: str, y: str, width: str, height: str, **properties: Any) -> GlyphRenderer: ...
    def scatter(self, x: str, y: str | float, **properties: Any) -> GlyphRenderer: ...
    def segment(self, x0: str, y0: str | float, x1: str, y1: str | float, **properties: Any) -> GlyphRenderer: ...
    def vstrip(self, x0: str, x1: str, **properties: Any) -> GlyphRenderer: ...
    def add_layout(self, obj: Model, place: str = "center") -> None: ...
    def add_tools(self, *tools: Model) -> None: ...
