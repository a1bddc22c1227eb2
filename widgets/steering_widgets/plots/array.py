"""A two-dimensional array of a result as an image: for whatever has no panel of its own."""

import time
from dataclasses import dataclass
from typing import Any

import ipywidgets
import numpy as np
import xarray as xr
from bokeh.models import ColorBar, ColumnDataSource, HoverTool, LinearColorMapper, LogColorMapper
from bokeh.plotting import figure
from numpy.typing import NDArray

from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.result import Result
from steering_widgets.bokeh_view.view import BokehView
from steering_widgets.drawing.colours import PALETTES
from steering_widgets.drawing.kept_file import Table
from steering_widgets.drawing.plot import FONT, axis_label, keep_square, make_plot, short_numbers
from steering_widgets.drawing.tables import table_of_picture
from steering_widgets.parts.card import Card, close_all
from steering_widgets.parts.choice import Choice
from steering_widgets.parts.place import Place
from steering_widgets.parts.units import shown_unit
from steering_widgets.parts.wording import exposed_at, news, title
from steering_widgets.plots.look import Look
from steering_widgets.plots.take_home import TakeHome, about

# More cells than a screen has are binned to their mean.
MOST_CELLS = 512
# Limits of the colours leave out so much (per cent) at either end: one hot cell must not blacken all others.
_LEFT_OUT = 0.5
# Part of the time that drawing may take.
_SHARE = 0.2
_EMPTY: dict[str, Any] = {"image": [], "x": [], "y": [], "dw": [], "dh": []}
_HINT = "A result with a table of values in two dimensions is drawn here as an image."


@dataclass(frozen=True)
class Picture:
    """What is drawn.

    Attributes:
        values: Shape ``(rows, columns)``, the first row at the bottom.
        x: Name, unit, lowest and highest edge along the columns.
        y: Likewise along the rows.
        binned: How many rows and columns are one.
    """

    values: NDArray[np.float64]
    x: tuple[str, str, float, float]
    y: tuple[str, str, float, float]
    binned: tuple[int, int]


class ArrayPanel:
    """An image with its axes, units, and colour limits; another layer of a deeper array is chosen by its index."""

    def __init__(self, desk: Desk, look: Look | None = None) -> None:
        """Build it on a desk, which may be idle; of the analysis that is looked at, or the main one."""
        self._result = Place((look or desk.board).result)
        self._late, self._not_before = False, 0.0
        self._settings = Cell(0)
        self._wanted = Place(self._settings)
        self._source = ColumnDataSource(dict(_EMPTY))
        self._linear = LinearColorMapper(palette=PALETTES["viridis"], low=0, high=1, nan_color="#8888")
        self._logarithmic = LogColorMapper(palette=PALETTES["viridis"], low=1, high=10, nan_color="#8888")
        self._plot = self._draw()
        self.view = BokehView(self._plot, label="An array of the result as an image")
        self._name = Choice("st-array-name", "Show")
        self._layer = ipywidgets.IntSlider(description="Layer", min=0, max=0, continuous_update=False)
        self._layer.add_class("st-array-layer")
        self._log = ipywidgets.Checkbox(description="Log", indent=False)
        self._log.add_class("st-array-log")
        for control in (self._log, self._layer):
            control.observe(self._setting_changed, "value")
        self._take_home = TakeHome("array", desk, self._table)
        bar = ipywidgets.HBox([self._name.widget, self._layer, self._log, self._take_home.widget])
        bar.add_class("st-bar-row")
        self.widget = Card("array", "Image", [bar, self.view])

    @staticmethod
    def fits(data: xr.Dataset) -> bool:
        """Say whether a result has something to draw here, or says why it has nothing yet."""
        return bool(names_of(data)) or bool(data.attrs.get("remark"))

    def refresh(self) -> bool:
        """Show a newer result, another array of it, or other colours."""
        # All places must advance, so no short cut between them.
        result, *chosen = (self._result.advance(), self._name.advance(), self._wanted.advance())
        self._late = self._late or result or any(chosen)
        now = time.monotonic()
        # What a person chose is drawn at once.
        if any(chosen) or (self._late and now >= self._not_before):
            self._late = False
            self._show(self._result.value)
            if self._name.value:
                # A large array takes no more than a share of the time.
                self._not_before = time.monotonic() + (time.monotonic() - now) * (1 / _SHARE - 1)
        return self._take_home.refresh() or result or any(chosen)

    def close(self) -> None:
        """Take it off the screen."""
        close_all(self.widget)

    def _draw(self) -> figure:
        plot = make_plot("image", height=340, tools="pan,wheel_zoom,box_zoom,reset,save")
        plot.grid.visible = False
        plot.x_range.range_padding = plot.y_range.range_padding = 0
        self._image = plot.image(
            "image", "x", "y", "dw", "dh", source=self._source, color_mapper=self._linear, level="image"
        )
        self._bar = ColorBar(color_mapper=self._linear, title="", width=12, padding=4, formatter=short_numbers())
        self._bar.title_text_font_style = "normal"
        self._bar.title_text_font_size = self._bar.major_label_text_font_size = "11px"
        self._bar.title_text_font = self._bar.major_label_text_font = FONT
        self._bar.background_fill_alpha = 0
        plot.add_layout(self._bar, "right")
        self._hover = HoverTool(renderers=[self._image], tooltips=[("x, y", "$x, $y"), ("value", "@image")])
        plot.add_tools(self._hover)
        return plot

    def _show(self, result: Result | None) -> None:
        data = result.outcome.data if result is not None else xr.Dataset()
        names = names_of(data)
        self._name.offer(names, (names or [""])[0])
        name = self._name.value
        if result is None or not name:
            with self.view.edit():
                self._source.data = dict(_EMPTY)
            self._layer.layout.display = "none"
            self.widget.remark("no result yet" if result is None else "")
            said = str(data.attrs.get("remark", "")) or "This result has no array of two dimensions."
            self.widget.say(_HINT if result is None else said, "plain")
            return
        array = data[name]
        layers = layers_of(array)
        self._layer.max = layers - 1
        self._layer.layout.display = None if layers > 1 else "none"
        picture = picture_of(array, min(int(self._layer.value), layers - 1))
        units = str(array.attrs.get("units", ""))
        # What an analysis says of its own result.
        self.widget.say(str(data.attrs.get("remark", "")), "plain")
        with self.view.edit():
            self._put(picture, title(name), units)
        rows, columns = array.shape[-2:]
        binned = "" if picture.binned == (1, 1) else ", {} x {} are one".format(*picture.binned)
        self.widget.remark(f"{rows} x {columns}{binned}, version {result.version}", news(exposed_at(result)))

    def _put(self, picture: Picture, name: str, units: str) -> None:
        x, y = picture.x, picture.y
        self._source.data = {
            "image": [picture.values], "x": [x[2]], "y": [y[2]], "dw": [x[3] - x[2]], "dh": [y[3] - y[2]],
        }  # fmt: skip
        mapper = self._logarithmic if self._log.value else self._linear
        low, high = limits_of(picture.values, logarithmic=bool(self._log.value))
        mapper.update(low=low, high=high)
        if self._bar.color_mapper is not mapper:
            self._image.glyph.update(color_mapper=mapper)
            self._bar.color_mapper = mapper
        # What is a length both ways keeps its shape.
        self._plot.match_aspect = bool(x[1]) and x[1] == y[1]
        keep_square(self._plot, square=self._plot.match_aspect)
        self._bar.title = axis_label(name, units)
        self._plot.xaxis[0].axis_label = axis_label(x[0], x[1])
        self._plot.yaxis[0].axis_label = axis_label(y[0], y[1])
        self._hover.tooltips = [
            (x[0], f"$x {shown_unit(x[1])}"), (y[0], f"$y {shown_unit(y[1])}"), (name, f"@image {shown_unit(units)}"),
        ]  # fmt: skip

    def _table(self) -> Table | None:
        result, name = self._result.value, self._name.value
        if result is None or name not in result.outcome.data:
            return None
        array = result.outcome.data[name]
        # The slider may still stand where an array before this one has a layer.
        layer = min(int(self._layer.value), layers_of(array) - 1)
        shown = picture_of(array, layer)
        about_it = {**about(result), "layer": layer, "mean of so many cells": "{} x {}".format(*shown.binned)}
        return table_of_picture(shown.values, shown.x, shown.y, (name, str(array.attrs.get("units", ""))), about_it)

    def _setting_changed(self, _: object) -> None:
        self._settings.set(self._settings.value + 1)


def names_of(data: xr.Dataset) -> list[str]:
    """Name the numeric arrays of two dimensions and more, the deepest last."""
    found = [(variable.ndim, str(name)) for name, variable in data.data_vars.items() if _is_drawn(variable)]
    return [name for _, name in sorted(found, key=lambda one: one[0])]


def layers_of(array: xr.DataArray) -> int:
    """Count the layers of an array, over all dimensions but the last two."""
    return int(np.prod(array.shape[:-2]))


def picture_of(array: xr.DataArray, layer: int = 0) -> Picture:
    """Cut a layer out of an array, and bin it to what a screen can show.

    Args:
        array: Of two dimensions or more; the last two are rows and columns.
        layer: Number of the layer, over all dimensions but the last two.
    """
    values = np.asarray(array.values, dtype=np.float64)
    values = values.reshape((-1, *values.shape[-2:]))[layer]
    rows, columns = (max(1, -(-size // MOST_CELLS)) for size in values.shape)
    y, x = (_edges(array, str(dimension)) for dimension in array.dims[-2:])
    values = _flipped(values, down=y[4], left=x[4])
    return Picture(_binned(values, rows, columns), x[:4], y[:4], (rows, columns))


def limits_of(values: NDArray[np.float64], *, logarithmic: bool) -> tuple[float, float]:
    """Choose the colours' lowest and highest value."""
    finite = values[np.isfinite(values)]
    if logarithmic:
        finite = finite[finite > 0]
    if finite.size == 0:
        return (1.0, 10.0) if logarithmic else (0.0, 1.0)
    low, high = (float(one) for one in np.percentile(finite, (_LEFT_OUT, 100 - _LEFT_OUT)))
    return (low, high) if high > low else (low, low * 10.0 if logarithmic else low + 1.0)


def _is_drawn(variable: xr.DataArray) -> bool:
    values: NDArray[Any] = np.asarray(variable.values)
    return variable.ndim >= 2 and min(variable.shape) > 0 and values.dtype.kind in "iufb"


def _edges(array: xr.DataArray, dimension: str) -> tuple[str, str, float, float, bool]:
    """Return name, unit, lowest and highest edge of a dimension, and whether it runs downwards."""
    size = array.sizes[dimension]
    coordinate: NDArray[Any] = np.asarray(array[dimension].values)
    if dimension in array.to_dataset(name="values").coords and coordinate.dtype.kind in "iuf":
        along = coordinate.astype(np.float64)
        steps = np.diff(along)
        # Only where the distances are equal does an image tell the truth about positions.
        if size > 1 and np.isfinite(along).all() and np.allclose(steps, steps[0], rtol=1e-3) and steps[0] != 0:
            half = abs(float(steps[0])) / 2
            units = str(array[dimension].attrs.get("units", ""))
            edges = float(along.min()) - half, float(along.max()) + half
            return dimension, units, *edges, bool(steps[0] < 0)
    return dimension, "", -0.5, size - 0.5, False


def _flipped(values: NDArray[np.float64], *, down: bool, left: bool) -> NDArray[np.float64]:
    return values[:: -1 if down else 1, :: -1 if left else 1]


def _binned(values: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """Average blocks of cells; what is no number counts nothing, and a block of such is none."""
    if rows == columns == 1:
        return np.ascontiguousarray(values)
    height, width = (-(-size // step) * step for size, step in zip(values.shape, (rows, columns), strict=True))
    padded = np.full((height, width), np.nan)
    padded[: values.shape[0], : values.shape[1]] = values
    blocks = padded.reshape(height // rows, rows, width // columns, columns)
    known = np.isfinite(blocks)
    counts: NDArray[np.int64] = known.sum(axis=(1, 3))
    sums: NDArray[np.float64] = np.where(known, blocks, 0.0).sum(axis=(1, 3))
    return np.divide(sums, counts, out=np.full(counts.shape, np.nan), where=counts > 0)
