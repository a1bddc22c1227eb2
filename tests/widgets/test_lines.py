"""Curves along one axis are lines with errors and fits, on an axis that follows how they are spaced."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from steering.core.result import Outcome, Provenance, Result
from steering_widgets.drawing.line_data import MOST_LINES, is_logarithmic, line_names, lines_of
from steering_widgets.pages.page import Page
from steering_widgets.plots.lines import LinesPanel
from tests.widgets.fake import FakeDesk
from tests.widgets.views import is_shown

TAUS = np.array([1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64]) * 1e-3


def curves(rows=8, delays=TAUS, fit=True):
    """Correlation curves as ``xpcs`` makes them."""
    q = np.linspace(2e-3, 6e-3, rows)
    g2 = 1 + 0.3 * np.exp(-2 * np.outer(q**2 * 2000, delays))
    both = ("q_bin", "delay")
    data = {
        "g2": (both, g2, {"units": "1", "long_name": "g2"}),
        "g2_error": (both, np.full(g2.shape, 0.01), {"units": "1"}),
        "intensity": ("q_bin", np.arange(rows, dtype=float), {"units": "counts/px"}),
    }
    data |= {"g2_fit": (both, g2, {"units": "1"})} if fit else {}
    coordinates = {"q": ("q_bin", q, {"units": "1/angstrom"}), "delay": ("delay", delays, {"units": "s"})}
    return xr.Dataset(data, coordinates)


def result(data, version=1):
    source = Provenance("run", "xpcs", {}, "1a2b3c4d", "0.1.0", "local", 3, 2, label="xpcs")
    return Result(version, Outcome({}, data), source)


@pytest.fixture
def desk():
    return FakeDesk()


def test_a_line_a_row_with_its_name_errors_and_fit():
    drawn = lines_of(curves(), "g2")
    assert drawn.lines[0].label == "q = 0.002 1/Å"
    assert len({line.colour for line in drawn.lines}) == drawn.rows == 8
    assert drawn.lines[0].points.errors.tolist() == [0.01] * len(TAUS)
    assert drawn.lines[0].fit.tolist() == drawn.lines[0].points.values.tolist()
    assert drawn.log_x
    assert not drawn.log_y
    assert (drawn.x, drawn.y) == (("Delay", "s"), ("g2", "1"))


def test_of_many_rows_some_are_drawn_the_first_and_the_last_among_them():
    drawn = lines_of(curves(rows=100), "g2")
    assert (len(drawn.lines), drawn.rows) == (MOST_LINES, 100)
    assert (drawn.lines[0].label, drawn.lines[-1].label) == ("q = 0.002 1/Å", "q = 0.006 1/Å")


def test_of_many_points_the_lowest_and_the_highest_stay():
    x = np.arange(1, 100_001, dtype=float)
    y = np.sin(x)
    y[77_777] = 9.0
    data = xr.Dataset({"a": (("row", "x"), y[None])}, {"x": x})
    (line,) = lines_of(data, "a").lines
    assert len(line.points.values) < 10_000
    assert line.points.values.max() == 9.0
    assert line.label == "row 0"


def test_an_image_is_no_set_of_lines():
    assert line_names(curves()) == ["g2"]
    image = xr.Dataset({"a": (("y", "x"), np.ones((2, 3)))})
    assert line_names(image) == []
    assert line_names(image.assign_coords(x=[1.0, 2, 3], y=[1.0, 2])) == []
    assert line_names(image.assign_coords(x=["a", "b", "c"])) == []
    assert line_names(xr.Dataset({"a": (("y", "x"), np.empty((0, 3)))}, {"x": [1.0, 2, 3]})) == []
    # What is only called an error is one of nothing, and is drawn by itself.
    assert line_names(curves().drop_vars("g2")) == ["g2_error", "g2_fit"]


@pytest.mark.parametrize(
    ("x", "logarithmic"),
    [
        (TAUS, True), (np.geomspace(1e-6, 1, 50), True), (np.geomspace(1, 1e-6, 50), True),
        (np.arange(1, 100.0), False), (np.linspace(-5, 5, 20), False), (TAUS[:8], False),
        (np.array([np.nan] * 9), False), (np.empty(0), False), (np.full(9, 2.0), False),
    ],
)  # fmt: skip
def test_the_axis_is_logarithmic_where_the_points_are(x, logarithmic):
    assert is_logarithmic(x) is logarithmic


@given(rows=st.integers(1, 40), columns=st.integers(1, 40), seed=st.integers(0, 99))
def test_what_is_no_number_is_left_out(rows, columns, seed):
    random = np.random.default_rng(seed)
    values = random.choice([1.0, np.nan, np.inf, -np.inf], (rows, columns))
    errors = random.choice([1.0, np.nan], (rows, columns))
    x = random.choice([1.0, 2.0, np.nan], columns)
    both = ("row", "x")
    drawn = lines_of(
        xr.Dataset({"a": (both, values), "a_error": (both, errors), "a_fit": (both, values)}, {"x": x}), "a"
    )
    for line in drawn.lines:
        assert np.isfinite([*line.points.positions, *line.points.values, *line.points.errors, *line.fit]).all()
        assert len(line.fit) == len(line.fit_x)


def scales(plot):
    return type(plot._plot.x_scale).__name__, type(plot._plot.y_scale).__name__


def falling(first=1e4, values=None):
    """A curve as ``radial`` makes it."""
    q = np.geomspace(0.01, 0.3, 40)
    made = first * (q / q[0]) ** -2.0 if values is None else values(q)
    data = {"intensity": (("curve", "q"), made[None], {"units": "counts/px"})}
    data |= {"intensity_error": (("curve", "q"), np.sqrt(np.abs(made))[None], {"units": "counts/px"})}
    return xr.Dataset(data, {"q": ("q", q, {"units": "1/angstrom"})})


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [
        (lambda q: q**-2.0, True), (lambda q: 1 + q, False), (lambda q: 5 - 1e3 * (q - 0.1), False),
        (lambda q: np.where(np.arange(len(q)) % 8, q**-2.0, 0.0), True), (lambda q: np.where(q > 0.02, 0.0, q), False),
        (lambda q: np.full(len(q), np.nan), False),
    ],
)  # fmt: skip
def test_the_vertical_axis_is_logarithmic_where_values_span_decades(values, logarithmic):
    assert lines_of(falling(values=values), "intensity").log_y is logarithmic
    even = falling(values=values).assign_coords(q=np.linspace(0.1, 0.3, 40))
    assert not lines_of(even, "intensity").log_y, "only where the horizontal one is"


def test_what_a_logarithmic_axis_cannot_show_is_not_drawn_and_bars_end_on_it(desk):
    panel = LinesPanel(desk)
    # Of a curve with a background the last points are a count or so: their errors reach zero and beyond.
    data = falling(first=900.0)
    data["intensity"].values[0, -1] = 0.0
    desk.board.result.set(result(data))
    panel.refresh()
    plot = panel._plot
    assert scales(plot) == ("LogScale", "LogScale")
    points = plot._points.data
    assert len(points["y"]) == 39
    low, y = np.array(points["low"]), np.array(points["y"])
    assert (low > 0).all()
    assert (low <= y).all()
    assert low.min() == y.min() / 2
    assert np.array(points["high"]) - y == pytest.approx(np.sqrt(y))
    panel._y.value = "linear"
    panel.refresh()
    assert len(plot._points.data["y"]) == 40
    assert min(plot._points.data["low"]) < 0.5
    panel.close()


def test_the_panel_follows_the_result_and_the_person(desk):
    panel = LinesPanel(desk)
    assert panel.refresh()
    assert "drawn here" in panel.widget.children[-1].value
    desk.board.result.set(result(curves(fit=False)))
    assert panel.refresh()
    plot = panel._plot
    assert scales(plot) == ("LogScale", "LinearScale")
    assert plot._plot.xaxis[0].axis_label == "Delay (s)"
    assert len(plot._points.data["x"]) == 8 * len(TAUS)
    assert panel._legend.value.count("<li>") == 8
    panel._x.value, panel._y.value = "linear", "logarithmic"
    assert panel.refresh()
    assert scales(plot) == ("LinearScale", "LogScale")
    assert not panel.refresh()
    hostile = curves().assign_coords(name=("q_bin", ["<script>"] * 8)).drop_vars("q")
    desk.board.result.set(result(hostile, 2))
    panel.refresh()
    assert "<script>" not in panel._legend.value
    desk.board.result.set(result(curves()[["intensity"]], 3))
    panel.refresh()
    assert not plot._points.data["x"]
    panel.close()


def test_the_page_shows_lines_before_the_curve(desk, request):
    page = Page(desk)
    page._ticker.stop()
    request.addfinalizer(page.close)
    desk.board.result.set(result(curves()))
    page.refresh()
    assert is_shown(page.widget, "st-panel-lines")
    assert not is_shown(page.widget, "st-panel-curve")
