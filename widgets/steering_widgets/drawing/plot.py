"""A Bokeh figure that looks at home in JupyterLab, in the light and the dark theme."""

from bokeh.models import CustomJSTickFormatter, InlineStyleSheet, SaveTool, WheelZoomTool
from bokeh.plotting import figure

from steering_widgets.parts.units import shown_unit

# Bokeh reads these custom properties when it paints; JupyterLab sets the variables on the right.
_STYLE = """
:host {
  --bk-background-fill-color: var(--jp-layout-color1, #fff);
  --bk-border-fill-color: var(--jp-layout-color1, #fff);
  --bk-outline-line-color: var(--jp-border-color2, #ccc);
  --bk-axis-line-color: var(--jp-border-color1, #999);
  --bk-major-tick-line-color: var(--jp-border-color1, #999);
  --bk-minor-tick-line-color: var(--jp-border-color2, #ccc);
  --bk-grid-line-color: var(--jp-border-color3, #eee);
  --bk-major-label-text-color: var(--jp-ui-font-color1, #222);
  --bk-axis-label-text-color: var(--jp-ui-font-color1, #222);
  --bk-title-text-color: var(--jp-ui-font-color1, #222);
  --bk-bar-line-color: var(--jp-border-color2, #ccc);
}
"""
_SHORT_NUMBER = """
const value = Number(tick.toPrecision(6));
const size = Math.abs(value);
const text = size >= 1e5 || (size > 0 && size < 1e-3) ? value.toExponential().replace("e+", "e") : String(value);
return text.replaceAll("-", "\u2212");
"""
# Bokeh's own, Helvetica alone, becomes one with serifs where a browser does not have it (Firefox on Debian).
FONT = "system-ui, Helvetica, Arial, 'DejaVu Sans', sans-serif"
# Read on both themes' backgrounds.
POINT_COLOUR = "#3b82c4"
FIT_COLOUR = "#d9772b"
MARK_COLOUR = "#8a8f98"
REGION_COLOUR = "#e0457b"
# What an agent came to say: a feature that merits a closer look.
ADVICE_COLOUR = "#e39b00"
GHOST_COLOUR = "#9b5de0"
# Told apart on a light and a dark ground, from the points and the fit, and by their dashes where colours look alike.
EARLIER_COLOURS = ("#00a37a", "#d64541", "#b08d00", "#00a0b8")
EARLIER_DASHES = ("solid", "dashed", "dotted", "dashdot")


def make_plot(name: str, *, height: int, tools: str, match_aspect: bool = False) -> figure:
    """Make an empty figure that is as wide as its panel; a picture that is saved of it is called by its name."""
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        tools=tools,
        toolbar_location="right",
        match_aspect=match_aspect,
        output_backend="canvas",
        stylesheets=[InlineStyleSheet(css=_STYLE)],
        min_border_top=6,
        min_border_right=6,
    )
    keep_square(plot, square=match_aspect)
    for tool in plot.tools:
        if isinstance(tool, SaveTool):
            tool.filename = name
    plot.toolbar.logo = None
    plot.toolbar.autohide = True
    for axis in (*plot.xaxis, *plot.yaxis):
        axis.formatter = short_numbers()
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size = "12px"
        axis.major_label_text_font_size = "11px"
        axis.axis_label_text_font = axis.major_label_text_font = FONT
    return plot


def keep_square(plot: figure, *, square: bool) -> None:
    """Let the wheel zoom one axis alone, or not where that would make square pixels oblong."""
    for tool in plot.tools:
        if isinstance(tool, WheelZoomTool) and tool.zoom_on_axis is square:
            tool.zoom_on_axis = not square


def short_numbers() -> CustomJSTickFormatter:
    """Make a formatter of ticks that writes 1.4e7 where Bokeh's own writes 1.400e+7."""
    return CustomJSTickFormatter(code=_SHORT_NUMBER)


def axis_label(name: str, units: str) -> str:
    """Write an axis' label: ``th (°)``."""
    unit = shown_unit(units)
    return f"{name} ({unit})" if unit else name
