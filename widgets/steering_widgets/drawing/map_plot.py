"""The drawing of a map."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from bokeh.models import (
    BoxEditTool,
    ColorBar,
    ColumnDataSource,
    HoverTool,
    LinearColorMapper,
    LogColorMapper,
)
from numpy.typing import NDArray

from steering.core.cell import Cell
from steering_widgets.bokeh_view.view import BokehView
from steering_widgets.drawing.cell_image import CellImage, image_of
from steering_widgets.drawing.cells import MapCells
from steering_widgets.drawing.edge import TOOLTIPS, mark_columns
from steering_widgets.drawing.growing import grow, growth
from steering_widgets.drawing.log_axes import LogAxes
from steering_widgets.drawing.marks import Mark
from steering_widgets.drawing.plot import (
    FONT,
    GHOST_COLOUR,
    MARK_COLOUR,
    REGION_COLOUR,
    axis_label,
    keep_square,
    make_plot,
    short_numbers,
)
from steering_widgets.drawing.region import MapAxes, Region
from steering_widgets.drawing.touch import Touch
from steering_widgets.parts.units import shown_unit

_EMPTY: dict[str, Any] = {name: [] for name in ("x", "y", "width", "height", "value", "frame")}
_NO_IMAGE: dict[str, list[Any]] = {name: [] for name in ("value", "frame", "x", "y", "width", "height")}
_NO_BOX: dict[str, list[float]] = {"x": [], "y": [], "width": [], "height": []}
# On a logarithmic axis a cell reaches at most to this part of its position on either side, so not to zero.
_REACH = 0.75
_ANYWHERE = np.array([[-1.0, -1.0], [1.0, 1.0]])
# Of the plot, in pixels; what stands above and below the map itself, and at its sides; and the narrowest that is read.
_HEIGHT, _ABOVE, _BESIDE, _NARROWEST = 420, 70, 190, 340


class MapPlot:
    """Cells, planned points, decisions, and a region that can be dragged.

    Everything that changes it must be called within ``view.edit()``, but for :meth:`show_box`.

    Attributes:
        view: What is displayed.
        cells: Columns of the cells that are drawn.
        box: Columns of the region: one row, or none.
        bar: The bar of colours.
    """

    def __init__(self, draw: Callable[[Region], object], point: Cell[int | None], palette: Sequence[str]) -> None:
        """Draw it without cells.

        Args:
            draw: Takes a region that a person has drawn.
            point: Where the frame of a point that is tapped is written.
            palette: Colours, for the lowest value first.
        """
        self._draw = draw
        self._showing_box = False
        self._log = (False, False)
        self.cells, self.box = ColumnDataSource(dict(_EMPTY)), ColumnDataSource(dict(_NO_BOX))
        # Of a large map: its coarsest grid, and what lies above that.
        self._image, self._above = ColumnDataSource(dict(_NO_IMAGE)), ColumnDataSource(dict(_EMPTY))
        # Not drawn: gives the map the axes of its plan.
        self._extent = ColumnDataSource({"x": [-1.0, 1.0], "y": [-1.0, 1.0]})
        self._planned, self._ghost = (ColumnDataSource({"x": [], "y": []}) for _ in range(2))
        self._decided = ColumnDataSource(mark_columns([], 0, 1))
        self.linear = LinearColorMapper(palette=palette, low=0, high=1, nan_color="#8888")
        self.logarithmic = LogColorMapper(palette=palette, low=1, high=10, nan_color="#8888")
        self._plot = plot = make_plot("map", height=_HEIGHT, tools="pan,wheel_zoom,save", match_aspect=True)
        plot.styles = {"margin": "0 auto"}
        plot.grid.visible = False
        fill = {"field": "value", "transform": self.linear}
        self._mappers: dict[Any, Any] = {
            mapper: type(mapper)(palette=palette, low=mapper.low, high=mapper.high, nan_color="#00000000")
            for mapper in (self.linear, self.logarithmic)
        }
        # One of each scale, as an image keeps the colours of the first. A pixel where nothing was measured has none.
        self._pixels: dict[Any, Any] = {
            mapper: plot.image(
                image="value", x="x", y="y", dw="width", dh="height", source=self._image, visible=mapper is self.linear,
                color_mapper=pixels,
            )
            for mapper, pixels in self._mappers.items()
        }  # fmt: skip
        # Rounded up to whole pixels: no hairlines between neighbours. Outlines would do that too, and take as long.
        self._rects: Any = plot.rect(
            "x", "y", "width", "height", source=self.cells, fill_color=fill, line_color=None, dilate=True
        )
        self.bar = ColorBar(color_mapper=self.linear, title="counts/s", width=12, padding=4, formatter=short_numbers())
        self.bar.title_standoff = 12
        self.bar.title_text_font_style = "normal"
        self.bar.title_text_font_size = self.bar.major_label_text_font_size = "11px"
        self.bar.title_text_font = self.bar.major_label_text_font = FONT
        self.bar.background_fill_alpha = 0
        plot.add_layout(self.bar, "right")
        plot.scatter("x", "y", source=self._planned, size=2, fill_color=MARK_COLOUR, fill_alpha=0.8, line_color=None)
        plot.scatter("x", "y", source=self._ghost, size=2.5, fill_color=GHOST_COLOUR, fill_alpha=0.9, line_color=None)
        box = plot.rect(
            "x", "y", "width", "height", source=self.box,
            fill_color=REGION_COLOUR, fill_alpha=0.12, line_color=REGION_COLOUR, line_width=2,
        )  # fmt: skip
        marks = plot.scatter(
            "x", "y", source=self._decided, marker="inverted_triangle", size=11, fill_color="#ffffff",
            line_color="colour", line_width=2.5,
        )  # fmt: skip
        extent = plot.scatter("x", "y", source=self._extent, size=0, alpha=0)
        plot.x_range.renderers = plot.y_range.renderers = [*self._pixels.values(), self._rects, extent]
        edit = BoxEditTool(renderers=[box], num_objects=1)
        self._hover = HoverTool(renderers=[self._rects], tooltips=[("x, y", "@x, @y"), ("value", "@value{0.00}")])
        # It belongs to the one before it: one button for both.
        self._hover_pixels = HoverTool(
            renderers=[*self._pixels.values()], tooltips=[("value", "@value{0.00}")], visible=False
        )
        plot.add_tools(
            edit, self._hover, self._hover_pixels, HoverTool(renderers=[marks], tooltips=TOOLTIPS, visible=False)
        )
        plot.toolbar.active_drag = edit
        self._axes = LogAxes(plot)
        self._touch = Touch(plot, self.cells, point)
        self.view = BokehView(
            plot, label="Map of the scan; mark a region in the form below", shared=[self.box, self._touch.shared]
        )
        self.box.on_change("data", self._box_changed)
        self.name_axes(MapAxes())

    def name_axes(self, axes: MapAxes) -> None:
        """Label the axes."""
        self._plot.xaxis[0].axis_label = axis_label(axes.x, axes.x_units)
        self._plot.yaxis[0].axis_label = axis_label(axes.y, axes.y_units)

    def scale(self, *, log_x: bool, log_y: bool) -> None:
        """Make the axes logarithmic or linear; the next :meth:`show` draws cells that fit them."""
        self._log = (log_x, log_y)
        self._axes.scale(log_x=log_x, log_y=log_y)
        # Equal lengths of both axes mean the same only where both are linear.
        self._plot.match_aspect = not (log_x or log_y)
        keep_square(self._plot, square=not (log_x or log_y))

    def show(self, cells: MapCells, *, whole: bool) -> Literal["same", "more", "all", "later"]:
        """Draw the cells.

        Args:
            cells: All of them.
            whole: Whether all may be sent if new ones do not suffice.

        Returns:
            What was sent; ``"later"`` if all would have to be, and may not.
        """
        columns = dict(cells.columns)
        for place, size, logarithmic in (("x", "width", self._log[0]), ("y", "height", self._log[1])):
            if logarithmic:
                columns[size] = np.minimum(columns[size], 2 * _REACH * columns[place])
        if not whole and growth(self.cells, columns) == "all":
            return "later"
        sent = grow(self.cells, columns)
        self._show_image(None if any(self._log) else image_of(cells), changed=sent != "same")
        return sent

    def _show_image(self, image: CellImage | None, *, changed: bool) -> None:
        """Draw the coarsest grid as an image, if there is one, and only the rest as rectangles."""
        drawn = self.cells if image is None else self._above
        if image is not None and (changed or not len(self._image.data["value"])):
            (x, y), (width, height) = image.corner, image.size
            self._image.data = {
                "value": [image.value], "frame": [image.frame],
                "x": [x], "y": [y], "width": [width], "height": [height],
            }  # fmt: skip
            grow(self._above, image.rest)
        elif image is None and len(self._image.data["value"]):
            self._image.data, self._above.data = dict(_NO_IMAGE), dict(_EMPTY)
        if self._rects.data_source is not drawn:
            self._rects.data_source = drawn

    def colour(self, cells: MapCells, axes: MapAxes, value: tuple[str, str], *, log: bool, follow: bool) -> None:
        """Set the scale of colours.

        Args:
            cells: What is drawn.
            axes: Of the map.
            value: Name and unit of what the colours mean.
            log: Whether the scale is logarithmic.
            follow: Whether the scale spans all values; else it stays as it is.
        """
        mapper = self.logarithmic if log else self.linear
        low = cells.smallest_positive if log else cells.low
        high = cells.high if cells.high > low else low + 1.0
        if follow and (mapper.low, mapper.high) != (low, high):
            for one in (mapper, self._mappers[mapper]):
                one.update(low=low, high=high)
        if self.bar.color_mapper is not mapper:
            fill = {"field": "value", "transform": mapper}
            self._rects.glyph.update(fill_color=fill)
            for scale, pixels in self._pixels.items():
                pixels.visible = scale is mapper
            self.bar.color_mapper = mapper
        name, units = value
        tooltips = [
            (axes.x, f"@x{{0.00}} {shown_unit(axes.x_units)}"),
            (axes.y, f"@y{{0.00}} {shown_unit(axes.y_units)}"),
            (name, f"@value{{0.00}} {shown_unit(units)}"),
            ("frame", "@frame{0}"),
        ]
        if self.bar.title != axis_label(name, units) or list(self._hover.tooltips) != tooltips:
            self.bar.title, self._hover.tooltips = axis_label(name, units), tooltips
            under = [(label, text.replace("@x", "$x").replace("@y", "$y")) for label, text in tooltips]
            self._hover_pixels.tooltips = under

    def touched(self, frame: int | None, axes: MapAxes, value: tuple[str, str]) -> str:
        """Ring the cell of a frame, and write what is there; empty if there is none."""
        self._touch.show(self.cells, frame)
        columns = self.cells.data
        rows = np.flatnonzero(np.asarray(columns["frame"]) == (-1 if frame is None else frame))
        if frame is None or not len(rows):
            return ""
        x, y, found = (float(columns[name][rows[0]]) for name in ("x", "y", "value"))
        name, units = value
        where = f"{axes.x} {x:.6g} {shown_unit(axes.x_units)}, {axes.y} {y:.6g} {shown_unit(axes.y_units)}"
        return f"Frame {frame}: {where}, {name.lower()} {found:.6g} {shown_unit(units)}."

    def show_planned(self, positions: NDArray[np.float64]) -> None:
        """Draw points that are planned and not measured, shape ``(points, 2)``, rightwards first."""
        grow(self._planned, {"x": positions[:, 0], "y": positions[:, 1]})

    def show_ghost(self, positions: NDArray[np.float64]) -> None:
        """Draw points that a forecast would add, shape ``(points, 2)``, rightwards first."""
        grow(self._ghost, {"x": positions[:, 0], "y": positions[:, 1]})

    def show_marks(self, marks: Sequence[Mark], order: Sequence[int]) -> None:
        """Draw decisions; ``order`` names the axes of the plan that are drawn rightwards and upwards."""
        grow(self._decided, mark_columns(marks, *order))

    def show_extent(self, corners: NDArray[np.float64], *, empty: bool) -> None:
        """Keep an area in sight: its lowest and highest corner, shape ``(2, 2)``, or none."""
        shown = corners if len(corners) else (_ANYWHERE if empty else np.empty((0, 2)))
        grow(self._extent, {"x": shown[:, 0], "y": shown[:, 1]})
        self._fit_width()

    def _fit_width(self) -> None:
        """Make the plot no wider than its square pixels need: a map of 40 by 60 µm is not drawn from -60 to 60 µm."""
        widest = None
        if not any(self._log):
            across, up = (self._span(*names) for names in (("x", "width"), ("y", "height")))
            if across > 0 and up > 0:
                widest = max(round((_HEIGHT - _ABOVE) * across / up) + _BESIDE, _NARROWEST)
        if self._plot.max_width != widest:
            self._plot.max_width = widest

    def _span(self, place: str, size: str) -> float:
        """Say how far what is drawn or planned reaches along an axis."""
        middles, sizes = (np.asarray(self.cells.data[name], dtype=np.float64) for name in (place, size))
        corners = np.asarray(self._extent.data[place], dtype=np.float64)
        known = np.concatenate([corners, middles - sizes / 2, middles + sizes / 2])
        known = known[np.isfinite(known)]
        return float(known.max() - known.min()) if len(known) else 0.0

    def show_box(self, region: Region) -> None:
        """Draw a region that was typed."""
        middle_x, middle_y = (region.x0 + region.x1) / 2, (region.y0 + region.y1) / 2
        size = (abs(region.x1 - region.x0), abs(region.y1 - region.y0))
        if not all(map(math.isfinite, (middle_x, middle_y, *size))):
            return
        with self.view.edit():
            # Bokeh calls back for this change too, within the view's lock; only a browser's is a drawing.
            self._showing_box = True
            self.box.data = {"x": [middle_x], "y": [middle_y], "width": [size[0]], "height": [size[1]]}
            self._showing_box = False

    def hide_box(self) -> None:
        """Take the marked region away."""
        self._showing_box = True
        self.box.data = dict(_NO_BOX)
        self._showing_box = False

    def clear(self) -> None:
        """Take all cells away."""
        if len(self.cells.data["x"]):
            self.cells.data = dict(_EMPTY)
        self._show_image(None, changed=True)

    def _box_changed(self, _attr: str, _old: object, new: Any) -> None:
        if self._showing_box or len(new["x"]) == 0:
            return
        x, y, width, height = (float(new[name][-1]) for name in ("x", "y", "width", "height"))
        width, height = abs(width), abs(height)
        self._draw(Region(x - width / 2, x + width / 2, y - height / 2, y + height / 2))
