from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from bokeh.models import WheelZoomTool

from steering.core.action import InsertRegion
from steering.core.plan import Plan
from steering_widgets.drawing.cells import make_cells
from steering_widgets.drawing.region import MapAxes, Region
from steering_widgets.drawing.wanted_range import RangeForm
from steering_widgets.plots.curve import CurvePanel, axis_of, fit_of
from steering_widgets.plots.map import MapPanel
from tests.widgets.fake import FakeDesk
from tests.widgets.views import Views, find, text_of


@pytest.fixture
def desk():
    return FakeDesk()


@pytest.fixture
def mapped(desk):
    desk.start("map")
    desk.advance(60)
    panel = MapPanel(desk)
    panel.refresh()
    yield panel
    panel.close()


def foretold(panel):
    """Wait until it is shown what the marked region would do."""
    panel._ghost.forecast.wait(lambda forecast: forecast is not None, 20)
    panel.refresh()


def test_a_feature_that_is_not_known_yet_is_said(desk):
    desk.start("rocking")
    desk.advance(5)
    panel = CurvePanel(desk)
    panel.refresh()
    assert text_of(panel.widget).count("not known yet") == 3
    desk.advance(30)
    panel.refresh()
    text = text_of(panel.widget)
    assert "0.2213 ± 0.0012 °" in text
    assert "0.0730 ± 0.0021 °" in text
    panel.close()


def test_points_and_fit_have_their_own_coordinates(desk):
    desk.start("rocking")
    desk.advance(30)
    data = desk.board.result.value.outcome.data
    assert axis_of(data) == "th"
    positions, values = fit_of(data)
    assert len(positions) == len(values) == 200


def test_a_growing_map_sends_only_its_new_rectangles(mapped, desk):
    views = Views(mapped.view)
    desk.advance(3)
    mapped.refresh()
    (message,) = views.heard("patch")
    kinds = [event["kind"] for event in message["patch"]["events"]]
    assert "ColumnsStreamed" in kinds
    assert len(mapped._drawn.cells.data["x"]) == 63


def test_finer_cells_are_drawn_above_coarser_ones(mapped, desk):
    desk.propose(InsertRegion({"sy": (-5.0, 0.0), "sx": (0.0, 5.0)}, {"sy": 0.5, "sx": 0.5}))
    desk.advance(150)
    mapped.refresh()
    widths = np.asarray(mapped._drawn.cells.data["width"])
    assert (np.diff(widths) <= 0).all()
    assert set(widths) == {2.5, 0.5}


def test_a_region_that_was_typed_is_drawn(mapped):
    for name, text in (("x0", "1"), ("x1", "5"), ("y0", "-4"), ("y1", "-2")):
        find(mapped.widget, f"st-region-{name}").value = text
    mapped.refresh()
    assert mapped._drawn.box.data == {"x": [3.0], "y": [-3.0], "width": [4.0], "height": [2.0]}
    foretold(mapped)
    assert mapped.refresh() is False


def test_a_field_that_a_person_is_writing_into_is_left_as_it_is(mapped):
    for name, text in (("x0", "5."), ("x1", "1"), ("y0", "-4"), ("y1", "-2")):
        find(mapped.widget, f"st-region-{name}").value = text
    mapped.refresh()
    mapped.refresh()
    assert find(mapped.widget, "st-region-x0").value == "5."
    assert mapped._drawn.box.data["x"] == [3.0]


def test_a_region_that_was_drawn_is_written_and_not_drawn_again(mapped):
    views = Views(mapped.view)
    entries = [["x", [3.0]], ["y", [-3.0]], ["width", [4.0]], ["height", [2.0]]]
    event = {"kind": "ModelChanged", "model": {"id": mapped._drawn.box.id}, "attr": "data"}
    views.say(kind="patch", view="a", patch={"events": [event | {"new": {"type": "map", "entries": entries}}]})
    assert mapped.refresh() is True
    assert find(mapped.widget, "st-region-x0").value == "1"
    assert find(mapped.widget, "st-region-y1").value == "-2"
    find(mapped.widget, "st-region-x0").value = "2"
    mapped.refresh()
    assert mapped._drawn.box.data["x"] == [3.5]
    views.say(kind="patch", view="a", patch={"events": [event | {"new": {"type": "map", "entries": entries}}]})
    views.sent.clear()
    mapped.refresh()
    assert find(mapped.widget, "st-region-x0").value == "1"
    # What the region would do may be drawn meanwhile; the region itself is not.
    assert not [message for message, _ in views.sent if mapped._drawn.box.id in str(message)]
    foretold(mapped)
    assert mapped.refresh() is False


def test_a_region_that_was_drawn_reaches_the_other_views_only(mapped):
    views = Views(mapped.view)
    entries = [["x", [3.0]], ["y", [-3.0]], ["width", [4.0]], ["height", [2.0]]]
    event = {"kind": "ModelChanged", "model": {"id": mapped._drawn.box.id}, "attr": "data"}
    views.say(kind="patch", view="a", patch={"events": [event | {"new": {"type": "map", "entries": entries}}]})
    mapped.refresh()
    assert [message["not"] for message in views.heard("patch")] == ["a"]


def test_look_finer_proposes_the_region_in_the_axes_units(mapped, desk):
    mapped.form.write(Region(1.0, 5.0, -4.0, -2.0))
    find(mapped.widget, "st-region-step").value = "0.5"
    find(mapped.widget, "st-finer").click()
    mapped.refresh()
    assert desk.actions == [InsertRegion({"sy": (-4.0, -2.0), "sx": (1.0, 5.0)}, {"sy": 0.5, "sx": 0.5})]
    assert "Accepted" in text_of(mapped.widget)


def test_a_small_region_is_written_as_finely_as_it_was_drawn(mapped, desk):
    form = mapped.form
    form.write(Region(12.3456781, 12.3458781, -0.0000512, 0.0000488))
    form.step.write("")
    for nothing in (float("nan"), 0.0):
        form.propose_step(nothing)
        assert form.step.text == ""
    form.propose_step(2.5e-6)
    action = form.action()
    assert action.region["sx"] == pytest.approx((12.3456781, 12.3458781), abs=2e-7)
    assert action.region["sy"] == pytest.approx((-0.0000512, 0.0000488), abs=1e-7)
    assert action.step["sx"] == pytest.approx(2.5e-6, rel=1e-3)


def test_a_small_range_is_written_as_finely_as_it_was_dragged():
    form = RangeForm()
    form.write(12.3456781, 12.3456981)
    assert form.read() == pytest.approx((12.3456781, 12.3456981), abs=2e-8)


def test_cells_of_a_plan_that_tells_no_step_are_as_large_as_its_points_are_apart():
    random = np.random.default_rng(1)
    x, y = (one.ravel() + random.normal(0, 0.01, 30) for one in np.meshgrid(np.arange(6) * 2.0, np.arange(5) * 3.0))
    none = ("point", np.full(30, np.nan), {"units": "um"})
    data = xr.Dataset({"intensity": ("point", np.ones(30)), "sx_step": none, "sy_step": none})
    data = data.assign_coords(sx=("point", x), sy=("point", y))
    cells = make_cells(data, MapAxes("sx", "sy"), "intensity")
    assert cells.columns["width"] == pytest.approx(2.0, abs=0.1)
    assert cells.columns["height"] == pytest.approx(3.0, abs=0.1)
    row = make_cells(
        data.isel(point=slice(0, 6)).assign_coords(sy=("point", np.zeros(6))), MapAxes("sx", "sy"), "intensity"
    )
    assert row.columns["height"] == pytest.approx(2.0, abs=0.1)
    point = make_cells(data.isel(point=slice(0, 1)), MapAxes("sx", "sy"), "intensity")
    assert (point.columns["width"].tolist(), point.columns["height"].tolist()) == ([1.0], [1.0])


def test_a_region_the_wrong_way_round_gives_the_guards_sentence(mapped):
    mapped.form.write(Region(5.0, 1.0, -4.0, -2.0))
    find(mapped.widget, "st-finer").click()
    mapped.refresh()
    assert "the first must be below the second. Exchange them." in text_of(mapped.widget)


def test_a_region_without_numbers_says_what_is_missing(mapped, desk):
    find(mapped.widget, "st-finer").click()
    mapped.refresh()
    assert "no number is given" in text_of(mapped.widget)
    assert desk.actions == []


def test_the_map_can_be_coloured_by_another_quantity_and_on_a_logarithmic_scale(mapped):
    find(mapped.widget, "st-quantity").value = "com_row"
    find(mapped.widget, "st-map-log").value = True
    mapped.refresh()
    assert mapped._drawn.bar.title == "Com row (px)"
    assert mapped._drawn.bar.color_mapper is mapped._drawn.logarithmic


def test_a_map_is_no_wider_than_its_square_pixels_need_and_stays_square(mapped, desk):
    plot, cells = mapped._drawn._plot, mapped._drawn.cells.data
    (wheel,) = [tool for tool in plot.tools if isinstance(tool, WheelZoomTool)]
    assert wheel.zoom_on_axis is False
    # As far as the scan goes, whatever of it is measured.
    across, up = (np.ptp(desk.board.plan.value.along(axis)) for axis in ("sx", "sy"))
    step = max(cells["width"])
    frame = (plot.height - 70) * (across + step) / (up + step)
    assert plot.max_width == pytest.approx(frame + 190, abs=step * 10)
    result = desk.board.result.value
    data = result.outcome.data.assign_coords(sx=result.outcome.data["sx"] + 29.5)
    desk.board.result.set(replace(result, version=99, outcome=replace(result.outcome, data=data)))
    desk.board.plan.set(Plan())
    find(mapped.widget, "st-map-log-x").value = True
    mapped.refresh()
    # A logarithmic axis has no square pixels.
    assert plot.max_width is None
    assert wheel.zoom_on_axis is True


def test_axes_of_a_map_are_logarithmic_only_where_all_positions_are_above_zero(mapped, desk):
    box, other = find(mapped.widget, "st-map-log-x"), find(mapped.widget, "st-map-log-y")
    mapped.refresh()
    assert (box.disabled, other.disabled) == (True, True)
    assert box.tooltip == "Only where all positions are above 0"
    result = desk.board.result.value
    data = result.outcome.data.assign_coords(sx=result.outcome.data["sx"] + 29.5)
    desk.board.result.set(replace(result, version=99, outcome=replace(result.outcome, data=data)))
    desk.board.plan.set(Plan())
    mapped.refresh()
    assert (box.disabled, other.disabled, box.tooltip) == (False, True, "")
    box.value = True
    mapped.refresh()
    plot, cells = mapped._drawn._plot, mapped._drawn.cells.data
    assert (plot.x_scale.__class__.__name__, plot.y_scale.__class__.__name__) == ("LogScale", "LinearScale")
    assert plot.match_aspect is False
    # The first cell would reach below zero, and the others are as wide as they were.
    left = np.asarray(cells["x"]) - np.asarray(cells["width"]) / 2
    assert left.min() > 0
    assert max(cells["width"]) == data["sx_step"].values[0]
    box.value = False
    mapped.refresh()
    assert plot.x_scale.__class__.__name__ == "LinearScale"
    assert plot.match_aspect is True
    assert min(mapped._drawn.cells.data["width"]) == data["sx_step"].values[0]


def test_a_plan_that_goes_below_zero_takes_a_logarithmic_axis_back(mapped, desk):
    result = desk.board.result.value
    data = result.outcome.data.assign_coords(sx=result.outcome.data["sx"] + 40)
    desk.board.result.set(replace(result, version=99, outcome=replace(result.outcome, data=data)))
    plan = desk.board.plan.value
    desk.board.plan.set(Plan())
    find(mapped.widget, "st-map-log-x").value = True
    mapped.refresh()
    assert mapped._drawn._plot.x_scale.__class__.__name__ == "LogScale"
    desk.board.plan.set(plan)
    mapped.refresh()
    assert mapped._drawn._plot.x_scale.__class__.__name__ == "LinearScale"


def test_a_map_of_nothing_but_nan_can_be_drawn(desk):
    desk.start("map")
    desk.advance(3)
    data = desk.board.result.value.outcome.data.copy()
    data["intensity"] = data["intensity"] * np.nan
    cells = make_cells(data, MapAxes("sx", "sy", "um", "um"), "intensity")
    assert (cells.low, cells.high) == (0.0, 1.0)


def test_the_panel_says_which_feature_is_drawn():
    desk = FakeDesk()
    panel = CurvePanel(desk)
    desk.start("rocking")
    desk.advance(25)
    panel.refresh()
    text = text_of(panel.widget)
    assert "Middle of the fit <span" in text
    assert "Peak, highest point</dt>" in text
    assert "Marked: middle of the fit, 0.22130 ± 0.00040 °." in text
    find(panel.widget, "st-curve-mark").value = "Highest point"
    panel.refresh()
    text = text_of(panel.widget)
    assert "Middle of the fit</dt><dd>0.22130 ± 0.00040 °" in text
    assert "Peak, highest point <span" in text
    panel.close()
