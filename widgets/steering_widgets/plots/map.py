"""A map as it grows, and a finer look at a part of it."""

import math
import time
from typing import Any

import ipywidgets
import xarray as xr
from bokeh.models import (
    BoxEditTool,
    ColorBar,
    ColumnDataSource,
    HoverTool,
    LinearColorMapper,
    LogColorMapper,
)
from bokeh.plotting import figure

from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.proposal import Ruling
from steering.core.result import Result
from steering.core.status import BeamlineStatus
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.bridge import BokehView
from steering_widgets.parts.card import Card, button, close_all
from steering_widgets.parts.place import Place
from steering_widgets.parts.wording import several, title
from steering_widgets.plots.cells import MapCells, make_cells, quantities_of
from steering_widgets.plots.colours import PALETTES
from steering_widgets.plots.look import Look
from steering_widgets.plots.plot import REGION_COLOUR, axis_label, make_plot, short_numbers
from steering_widgets.plots.region import MapAxes, Region, RegionForm

_EMPTY: dict[str, Any] = {"x": [], "y": [], "width": [], "height": [], "value": []}
_NO_BOX: dict[str, list[float]] = {"x": [], "y": [], "width": [], "height": []}
# A map of more rectangles than this is sent at most twice a second when it has to be sent whole.
_LARGE, _LARGE_SECONDS = 4000, 0.5
_HINT = "Hold Shift and drag to mark a region; drag it to move it. Or write it here:"


class MapPanel:
    """Each point a rectangle of its cell's size; a region can be marked and looked at more finely."""

    def __init__(self, desk: Desk, look: Look | None = None) -> None:
        """Build it on a desk, which may be idle; of the analysis that is looked at, or the main one."""
        self._desk = desk
        self._result = Place((look or desk.board).result)
        self._status = Place(desk.board.status)
        self._answer = Answer()
        self._said = Place(self._answer)
        self._settings = Cell(0)
        self._wanted = Place(self._settings)
        self._axes = MapAxes()
        self._showing_box = False
        self._sent_whole = 0.0
        self._late = False
        self._source = ColumnDataSource(dict(_EMPTY))
        # Not drawn: gives the empty map axes.
        self._extent = ColumnDataSource({"x": [-1.0, 1.0], "y": [-1.0, 1.0]})
        self._box = ColumnDataSource(dict(_NO_BOX))
        self._linear = LinearColorMapper(palette=PALETTES["viridis"], low=0, high=1, nan_color="#8888")
        self._logarithmic = LogColorMapper(palette=PALETTES["viridis"], low=1, high=10, nan_color="#8888")
        self._plot = self._draw()
        self.view = BokehView(self._plot, label="Map of the scan; mark a region in the form below", shared=[self._box])
        self._box.on_change("data", self._box_changed)
        self._finer = button("st-finer", "Look finer here", "Measure this region on its own grid first", strong=True)
        self._finer.on_click(self._look_finer)
        self.form = RegionForm(self._finer)
        self._region = Place(self.form.newest)
        self._quantity = ipywidgets.Dropdown(options=[("Intensity", "intensity")], description="Colour by")
        self._quantity.add_class("st-quantity")
        self._log = ipywidgets.Checkbox(description="Log", indent=False)
        self._log.add_class("st-map-log")
        for control in (self._quantity, self._log):
            control.observe(self._setting_changed, "value")
        bar = ipywidgets.HBox([self._quantity, self._log])
        bar.add_class("st-bar-row")
        hint = ipywidgets.HTML(_HINT)
        hint.add_class("st-hint")
        self.widget = Card("map", "Map", [bar, self.view, hint, self.form.widget])

    @staticmethod
    def fits(data: xr.Dataset) -> bool:
        """Say whether a result has something to show here."""
        return "point" in data.dims and len([name for name in data if str(name).endswith("_step")]) == 2

    def refresh(self) -> bool:
        """Show a newer result, a drawn or typed region, and the answer to the last click."""
        status, result, wanted = self._status.advance(), self._result.advance(), self._wanted.advance()
        if status:
            self._finer.disabled = not self._status.value.scanning
            self._name_axes(planned_axes(self._status.value) or self._axes)
        if result or wanted or (self._late and time.monotonic() - self._sent_whole > _LARGE_SECONDS):
            self._show(self._result.value)
        region = self._region.advance()
        if region and self._region.value is not None:
            how, where = self._region.value
            # Whichever of the twins was touched last tells the other.
            follow = self.form.write if how == "drawn" else self._show_box
            follow(where)
        said = self._said.advance()
        if said:
            self.widget.say(*self._said.value)
        return any((status, result, wanted, region, said))

    def close(self) -> None:
        """Take it off the screen."""
        close_all(self.widget)

    def _draw(self) -> figure:
        plot = make_plot(height=340, tools="pan,wheel_zoom,reset,save", match_aspect=True)
        plot.xaxis[0].axis_label = axis_label(self._axes.x, self._axes.x_units)
        plot.yaxis[0].axis_label = axis_label(self._axes.y, self._axes.y_units)
        plot.grid.visible = False
        fill = {"field": "value", "transform": self._linear}
        # The outline closes the hairlines that antialiasing leaves between neighbours.
        self._cells = plot.rect("x", "y", "width", "height", source=self._source, fill_color=fill, line_color=fill)
        self._bar = ColorBar(
            color_mapper=self._linear, title="counts/s", width=12, padding=4, formatter=short_numbers()
        )
        self._bar.title_text_font_style = "normal"
        self._bar.title_text_font_size = self._bar.major_label_text_font_size = "11px"
        self._bar.background_fill_alpha = 0
        plot.add_layout(self._bar, "right")
        box = plot.rect(
            "x", "y", "width", "height", source=self._box,
            fill_color=REGION_COLOUR, fill_alpha=0.12, line_color=REGION_COLOUR, line_width=2,
        )  # fmt: skip
        extent = plot.scatter("x", "y", source=self._extent, size=0, alpha=0)
        plot.x_range.renderers = plot.y_range.renderers = [self._cells, extent]
        edit = BoxEditTool(renderers=[box], num_objects=1)
        plot.add_tools(edit)
        plot.toolbar.active_drag = edit
        self._hover = HoverTool(renderers=[self._cells], tooltips=[("x, y", "@x, @y"), ("value", "@value{0.00}")])
        plot.add_tools(self._hover)
        return plot

    def _show(self, result: Result | None) -> None:
        if result is None or not self.fits(result.outcome.data):
            with self.view.edit():
                self._source.data = dict(_EMPTY)
                self._extent.data = {"x": [-1.0, 1.0], "y": [-1.0, 1.0]}
            self.widget.remark("no result yet")
            return
        data = result.outcome.data
        self._offer(data)
        quantity = str(self._quantity.value)
        axes = axes_of(data, self._status.value)
        cells = make_cells(data, axes, quantity)
        with self.view.edit():
            self._show_cells(cells)
            self._extent.data = {"x": [], "y": []}
            self._show_colours(cells, title(quantity), str(data[quantity].attrs.get("units", "")))
            self._name_axes(axes)
        if len(cells):
            self.form.propose_step(float(cells.columns["width"].min()) / 5)
        self.widget.remark(f"{several(len(cells), 'point')}, version {result.version}")

    def _name_axes(self, axes: MapAxes) -> None:
        if axes == self._axes:
            return
        self._axes = axes
        self.form.name_axes(axes)
        with self.view.edit():
            self._plot.xaxis[0].axis_label = axis_label(axes.x, axes.x_units)
            self._plot.yaxis[0].axis_label = axis_label(axes.y, axes.y_units)

    def _offer(self, data: xr.Dataset) -> None:
        names = [(title(name), name) for name in quantities_of(data)]
        if names and tuple(names) != tuple(self._quantity.options):
            chosen = self._quantity.value
            self._quantity.options = names
            if chosen in dict(names).values():
                self._quantity.value = chosen

    def _show_cells(self, cells: MapCells) -> None:
        shown = dict(self._source.data)
        self._late = False
        if cells.continues(shown):
            count = len(shown["x"])
            if count < len(cells):
                self._source.stream({name: column[count:] for name, column in cells.columns.items()})
            return
        now = time.monotonic()
        if len(cells) > _LARGE and now - self._sent_whole < _LARGE_SECONDS:
            self._late = True
            return
        self._sent_whole = now
        self._source.data = dict(cells.columns)

    def _show_colours(self, cells: MapCells, name: str, units: str) -> None:
        mapper = self._logarithmic if self._log.value else self._linear
        low = cells.smallest_positive if self._log.value else cells.low
        mapper.update(low=low, high=cells.high if cells.high > low else low + 1.0)
        if self._bar.color_mapper is not mapper:
            fill = {"field": "value", "transform": mapper}
            self._cells.glyph.update(fill_color=fill, line_color=fill)
            self._bar.color_mapper = mapper
        self._bar.title = axis_label(name, units)
        axes = self._axes
        self._hover.tooltips = [
            (axes.x, f"@x{{0.00}} {axes.x_units}"),
            (axes.y, f"@y{{0.00}} {axes.y_units}"),
            (name, f"@value{{0.00}} {units}"),
        ]

    def _show_box(self, region: Region) -> None:
        middle_x, middle_y = (region.x0 + region.x1) / 2, (region.y0 + region.y1) / 2
        size = (abs(region.x1 - region.x0), abs(region.y1 - region.y0))
        if not all(map(math.isfinite, (middle_x, middle_y, *size))):
            return
        with self.view.edit():
            # Bokeh calls back for this change too, within the view's lock; only a browser's is a drawing.
            self._showing_box = True
            self._box.data = {"x": [middle_x], "y": [middle_y], "width": [size[0]], "height": [size[1]]}
            self._showing_box = False

    def _box_changed(self, _attr: str, _old: object, new: Any) -> None:
        if self._showing_box or len(new["x"]) == 0:
            return
        x, y, width, height = (float(new[name][-1]) for name in ("x", "y", "width", "height"))
        width, height = abs(width), abs(height)
        region = Region(x - width / 2, x + width / 2, y - height / 2, y + height / 2)
        self.form.newest.set(("drawn", region))

    def _setting_changed(self, _: object) -> None:
        self._settings.set(self._settings.value + 1)

    def _look_finer(self, _: object) -> None:
        result = self._result.value

        def propose() -> Ruling:
            return self._desk.propose(self.form.action(), result.basis if result is not None else "")

        self._answer.ask(propose, "Accepted: the region is measured next, then the rest.")


def planned_axes(status: BeamlineStatus) -> MapAxes | None:
    """Name the axes of a map that is being measured, before its first point; nothing for another scan."""
    if len(status.axes) != 2:
        return None
    slow, fast = status.axes.values()
    return MapAxes(fast.name, slow.name, fast.units, slow.units)


def axes_of(data: xr.Dataset, status: BeamlineStatus) -> MapAxes:
    """Name the map's axes: the scan's fast axis is drawn to the right."""
    names = [name for name in reversed(list(status.axes)) if name in data]
    if len(names) != 2:
        names = sorted(str(name).removesuffix("_step") for name in data if str(name).endswith("_step"))
    x, y = names[:2]
    return MapAxes(x, y, str(data[x].attrs.get("units", "")), str(data[y].attrs.get("units", "")))
