from collections.abc import Mapping, Sequence
from typing import Any

from bokeh.model import Model

class InlineStyleSheet(Model):
    def __init__(self, *, css: str) -> None: ...

class CustomJS(Model):
    def __init__(self, *, args: Mapping[str, Model], code: str) -> None: ...

class ColumnDataSource(Model):
    data: Any
    def __init__(self, data: Mapping[str, Any]) -> None: ...
    def stream(self, new_data: Mapping[str, Any], rollover: int | None = None) -> None: ...

class GlyphRenderer(Model):
    glyph: Model
    nonselection_glyph: Model | None

class CustomJSTickFormatter(Model):
    def __init__(self, *, code: str) -> None: ...

class Axis(Model):
    axis_label: str
    axis_label_text_font_style: str
    axis_label_text_font: str
    axis_label_text_font_size: str
    major_label_text_font: str
    major_label_text_font_size: str
    formatter: CustomJSTickFormatter
    ticker: BasicTicker | CustomJSTicker

class BasicTicker(Model): ...

class CustomJSTicker(Model):
    def __init__(self, *, major_code: str, minor_code: str) -> None: ...

class LinearScale(Model): ...

class LegendItem(Model):
    def __init__(self, *, label: dict[str, str], renderers: Sequence[GlyphRenderer]) -> None: ...

class Legend(Model):
    def __init__(self, **properties: Any) -> None: ...
    visible: bool

class LogScale(Model): ...

class Range1d(Model):
    def __init__(self, start: float, end: float) -> None: ...

class Range(Model):
    renderers: Sequence[GlyphRenderer]
    range_padding: float

class Toolbar(Model):
    logo: str | None
    autohide: bool
    active_drag: Model

class ColorMapper(Model):
    palette: Sequence[str]
    low: float
    high: float

class LinearColorMapper(ColorMapper):
    def __init__(self, *, palette: Sequence[str], low: float, high: float, nan_color: str) -> None: ...

class LogColorMapper(ColorMapper):
    def __init__(self, *, palette: Sequence[str], low: float, high: float, nan_color: str) -> None: ...

class ColorBar(Model):
    color_mapper: ColorMapper
    title: str
    title_text_font_style: str
    title_text_font: str
    title_text_font_size: str
    major_label_text_font: str
    major_label_text_font_size: str
    background_fill_alpha: float
    title_standoff: int
    def __init__(
        self, *, color_mapper: ColorMapper, title: str, width: int, padding: int, formatter: CustomJSTickFormatter
    ) -> None: ...

class Span(Model):
    location: float
    visible: bool
    def __init__(
        self, *, dimension: str, line_color: str, line_dash: str, line_width: float, visible: bool
    ) -> None: ...

class HoverTool(Model):
    tooltips: Sequence[tuple[str, str]]
    def __init__(
        self, *, renderers: Sequence[GlyphRenderer], tooltips: Sequence[tuple[str, str]] = ..., visible: bool = True
    ) -> None: ...

class CrosshairTool(Model):
    def __init__(self, *, dimensions: str, line_alpha: float) -> None: ...

class SaveTool(Model):
    filename: str | None

class WheelZoomTool(Model):
    zoom_on_axis: bool

class BoxEditTool(Model):
    def __init__(self, *, renderers: Sequence[GlyphRenderer], num_objects: int, dimensions: str = "both") -> None: ...
