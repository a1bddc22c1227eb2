"""The rocking curve as it grows."""

import math
from typing import Any

import ipywidgets
import numpy as np
import xarray as xr
from bokeh.models import ColumnDataSource, HoverTool, Span
from bokeh.plotting import figure
from numpy.typing import NDArray

from steering.core.desk import Desk
from steering.core.result import Feature, Result
from steering.core.status import BeamlineStatus
from steering_widgets.parts.bridge import BokehView
from steering_widgets.parts.card import Card, close_all
from steering_widgets.parts.place import Place
from steering_widgets.parts.wording import escape, feature_text, several, title
from steering_widgets.plots.look import Look
from steering_widgets.plots.plot import FIT_COLOUR, MARK_COLOUR, POINT_COLOUR, axis_label, make_plot

PEAK, WIDTH = "peak", "fwhm"
# Listed even while the data do not allow them yet, so that their absence is said and not just seen.
EXPECTED = (PEAK, WIDTH, "centre_of_mass")
# What a curve is measured along, before there is a scan that says it.
_ANY_AXIS = "position"
_NO_POINTS: dict[str, Any] = {"x": [], "y": [], "low": [], "high": []}


class CurvePanel:
    """Points with error bars, the fit, peak and width, in numbers with uncertainties."""

    def __init__(self, desk: Desk, look: Look | None = None) -> None:
        """Build it on a desk, which may be idle; of the analysis that is looked at, or the main one."""
        self._result = Place((look or desk.board).result)
        self._status = Place(desk.board.status)
        self._points = ColumnDataSource(dict(_NO_POINTS))
        self._fit = ColumnDataSource({"x": [], "y": []})
        # Not drawn: keeps the planned range and zero in sight from the first point on.
        self._extent = ColumnDataSource({"x": [0.0, 1.0], "y": [0.0, 1.0]})
        self._half = ColumnDataSource({"x0": [], "x1": [], "y": []})
        self._plot = self._draw()
        self.view = BokehView(self._plot, label="Rocking curve: intensity against position, with its fit")
        self._numbers = ipywidgets.HTML()
        self._numbers.add_class("st-numbers")
        self.widget = Card("curve", "Rocking curve", [self.view, self._numbers])

    @staticmethod
    def fits(data: xr.Dataset) -> bool:
        """Say whether a result has something to show here."""
        if "intensity" not in data or data["intensity"].ndim != 1:
            return False
        # A map has two positions a point.
        return len([name for name in data if str(name).endswith("_step")]) < 2

    def refresh(self) -> bool:
        """Show a newer result, if there is one, and the axis of the scan that is measured."""
        named = self._status.advance() and self._name_axis()
        if not self._result.advance():
            return named
        result = self._result.value
        if result is None or not self.fits(result.outcome.data):
            self._clear()
            return True
        data = result.outcome.data
        with self.view.edit():
            axis, units = self._show_points(data)
            self._show_fit(data, result.outcome.features)
            low, high = planned_range(self._status.value)
            self._extent.data = {"x": [low, high], "y": [0.0, 0.0]}
            self._label(axis, units)
        self._write_numbers(result)
        self.widget.remark(f"{several(result.provenance.frames, 'frame')}, version {result.version}")
        return True

    def close(self) -> None:
        """Take it off the screen."""
        close_all(self.widget)

    def _draw(self) -> figure:
        plot = make_plot(height=300, tools="pan,wheel_zoom,box_zoom,reset,save")
        plot.xaxis[0].axis_label = _ANY_AXIS
        plot.yaxis[0].axis_label = axis_label("intensity", "counts/s")
        bars = plot.segment("x", "low", "x", "high", source=self._points, line_color=POINT_COLOUR, line_alpha=0.55)
        dots = plot.scatter("x", "y", source=self._points, size=5, fill_color=POINT_COLOUR, line_color=None)
        line = plot.line("x", "y", source=self._fit, line_color=FIT_COLOUR, line_width=2)
        plot.segment("x0", "y", "x1", "y", source=self._half, line_color=MARK_COLOUR, line_width=2)
        self._peak = Span(dimension="height", line_color=MARK_COLOUR, line_dash="dashed", line_width=1.5, visible=False)
        plot.add_layout(self._peak)
        extent = plot.scatter("x", "y", source=self._extent, size=0, alpha=0)
        plot.x_range.renderers = [bars, dots, extent]
        plot.y_range.renderers = [bars, dots, line, extent]
        self._hover = HoverTool(renderers=[dots], tooltips=[(_ANY_AXIS, "@x{0.0000}"), ("counts/s", "@y{0.0}")])
        plot.add_tools(self._hover)
        return plot

    def _name_axis(self) -> bool:
        """Name the axis of a scan of one axis before its first point."""
        axes = list(self._status.value.axes.values())
        if len(axes) != 1:
            return False
        with self.view.edit():
            return self._label(axes[0].name, axes[0].units)

    def _label(self, axis: str, units: str) -> bool:
        label = axis_label(axis, units)
        if self._plot.xaxis[0].axis_label == label:
            return False
        self._plot.xaxis[0].axis_label = label
        self._hover.tooltips = [(label, "@x{0.0000}"), ("counts/s", "@y{0.0}")]
        return True

    def _show_points(self, data: xr.Dataset) -> tuple[str, str]:
        axis = axis_of(data)
        positions, intensity = _floats(data[axis]), _floats(data["intensity"])
        error = _floats(data["intensity_error"]) if "intensity_error" in data else np.zeros_like(intensity)
        self._points.data = {
            "x": positions,
            "y": intensity,
            "low": intensity - error,
            "high": intensity + error,
        }
        units = str(data[axis].attrs.get("units", ""))
        counts = str(data["intensity"].attrs.get("units", "counts/s"))
        self._plot.yaxis[0].axis_label = axis_label("intensity", counts)
        return axis, units

    def _show_fit(self, data: xr.Dataset, features: Any) -> None:
        x, y = fit_of(data)
        self._fit.data = {"x": x, "y": y}
        peak, width = features.get(PEAK), features.get(WIDTH)
        known = isinstance(peak, Feature) and math.isfinite(peak.value)
        self._peak.visible = known
        if known:
            self._peak.location = peak.value
        half: dict[str, list[float]] = {"x0": [], "x1": [], "y": []}
        if known and isinstance(width, Feature) and math.isfinite(width.value):
            # Around the fitted centre where there is one: the highest sample need not lie in the middle.
            middle = float(data.attrs.get("fit_centre", peak.value))
            intensity = _floats(data["intensity"])
            level = float(intensity.min() + intensity.max()) / 2
            half = {"x0": [middle - width.value / 2], "x1": [middle + width.value / 2], "y": [level]}
        self._half.data = half

    def _write_numbers(self, result: Result) -> None:
        features = result.outcome.features
        names = [*EXPECTED, *(name for name in features if name not in EXPECTED)]
        cells: list[str] = []
        for name in names:
            feature = features.get(name)
            text = feature_text(feature) if feature is not None else "not known yet"
            hint = "" if feature is not None else ' class="st-faint"'
            cells.append(f"<div><dt>{escape(title(name))}</dt><dd{hint}>{escape(text)}</dd></div>")
        self._numbers.value = f'<dl class="st-features">{"".join(cells)}</dl>'

    def _clear(self) -> None:
        with self.view.edit():
            self._points.data = dict(_NO_POINTS)
            self._fit.data = {"x": [], "y": []}
            self._half.data = {"x0": [], "x1": [], "y": []}
            self._extent.data = {"x": [0.0, 1.0], "y": [0.0, 1.0]}
            self._peak.visible = False
        self.widget.remark("no result yet")
        self._numbers.value = '<div class="st-faint">The curve appears with the first frames of a rocking scan.</div>'


def planned_range(status: BeamlineStatus) -> tuple[float, float]:
    """Return the lowest and highest position that the scan is to visit, NaN if its parameters do not say."""
    values = {item.name: item.value for item in status.parameters}
    if "centre" not in values or "range" not in values:
        return math.nan, math.nan
    return values["centre"] - values["range"] / 2, values["centre"] + values["range"] / 2


def axis_of(data: xr.Dataset) -> str:
    """Name the coordinate that the points were taken along."""
    dimension = str(data["intensity"].dims[0])
    along = [name for name in _coordinates(data, dimension) if name != dimension]
    with_units = [name for name in along if data[name].attrs.get("units")]
    return (with_units or along or [dimension])[0]


def fit_of(data: xr.Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the fitted line's positions and values; empty before there is one."""
    if "fit" not in data or data["fit"].size == 0:
        return np.empty(0), np.empty(0)
    fit = data["fit"]
    along = _coordinates(data, str(fit.dims[0]))
    positions = _floats(data[along[0]]) if along else np.arange(fit.size, dtype=np.float64)
    return positions, _floats(fit)


def _floats(values: xr.DataArray) -> NDArray[np.float64]:
    return np.asarray(values.values, dtype=np.float64)


def _coordinates(data: xr.Dataset, dimension: str) -> list[str]:
    return [str(name) for name in data.coords if data[str(name)].dims == (dimension,)]
