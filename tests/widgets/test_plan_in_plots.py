"""What the plots show of the plan, and how little they send."""

import re

import numpy as np
import pytest
import xarray as xr
from bokeh.models import ColumnDataSource
from hypothesis import given
from hypothesis import strategies as st

from steering.core.action import InsertRegion, Pause, SetParameter
from steering.core.agent import Suggestion
from steering.core.result import Feature, Outcome, Result
from steering_widgets.drawing.curve_data import PAIRS, Curve, Overlay, curve_of, minus, monitors_of, thin
from steering_widgets.drawing.curve_numbers import BEST, FITTED, meant
from steering_widgets.drawing.growing import grow, growth
from steering_widgets.drawing.wanted_range import actions_for, why_not
from steering_widgets.plots.curve import CurvePanel
from steering_widgets.plots.ghost import Ghost
from steering_widgets.plots.look import Look
from steering_widgets.plots.map import MapPanel
from tests.widgets.fake import FakeDesk
from tests.widgets.views import Views, find, text_of


@pytest.fixture
def desk():
    return FakeDesk()


@pytest.fixture
def curve(desk):
    panel = CurvePanel(desk, None, Ghost(desk))
    desk.start("rocking")
    yield panel
    panel.close()


def rug(panel):
    return np.asarray(panel._drawn.edge._planned.data["x"])


def foretold(panel):
    panel._ghost.forecast.wait(lambda forecast: forecast is not None, 20)
    panel.refresh()


def put(desk, data):
    result = desk.board.result.value
    desk.board.result.set(Result(result.version + 1, Outcome(result.outcome.features, data), result.provenance))


def made(count, errors=None):
    x = np.linspace(0.0, 1.0, count)
    y = np.random.default_rng(2).normal(size=count)
    frames = np.arange(count)
    return Curve("th", "deg", x, y, np.zeros(count) if errors is None else errors, frames, "counts/s", count)


@pytest.mark.parametrize(("scan", "panel"), [("rocking", CurvePanel), ("map", MapPanel)], ids=["curve", "map"])
def test_what_an_alarm_says_is_marked_where_the_scan_was_then(desk, scan, panel, request):
    shown = panel(desk, None, Ghost(desk))
    request.addfinalizer(shown.close)
    desk.start(scan)
    desk.advance(30)
    shown.refresh()
    said = Suggestion(Pause(), "contrast is 0.02, below 0.05 deg", "x@1", "xpcs-alarms", 1.0, 20, 20)
    desk.board.advice.set((said,))
    shown.refresh()
    marks = shown._drawn.edge.marks.data_source.data if scan == "rocking" else shown._drawn._decided.data
    assert list(marks["who"]) == ["xpcs-alarms"]
    assert list(marks["reason"]) == ["contrast is 0.02, below 0.05 °"]
    assert list(marks["change"]) == ["suggests: pause the scan"]
    place = desk.board.plan.value.at(19)
    slow_first = [float(marks[name][0]) for name in (("x",) if scan == "rocking" else ("y", "x"))]
    assert slow_first == [pytest.approx(one) for one in place]


def test_the_axis_is_that_of_the_plan_before_the_first_point(curve):
    curve.refresh()
    assert np.ptp(curve._drawn._extent.data["x"]) == pytest.approx(1.0)
    assert len(rug(curve)) == 51


def test_what_is_measured_is_no_longer_planned(curve, desk):
    desk.advance(30)
    curve.refresh()
    measured = set(np.asarray(curve._drawn.points.data["x"]).round(6))
    assert len(rug(curve)) == 21
    assert not measured & set(rug(curve).round(6))


def test_nothing_is_planned_once_the_scan_has_ended(curve, desk):
    desk.advance(100)
    curve.refresh()
    assert len(rug(curve)) == 0


def legend(panel):
    """The meanings that stand below a plot."""
    return re.findall(r"</span> ([^<]+)</span>", find(panel.widget, "st-legend").value)


def test_the_marks_on_a_curve_are_explained_as_far_as_there_are_any(curve, desk):
    curve.refresh()
    assert legend(curve) == ["still to measure"]
    desk.advance(30)
    desk.propose(SetParameter("exposure", 0.5))
    desk.advance(1)
    curve.refresh()
    assert legend(curve) == ["fit", "marked value", "still to measure", "decision"]
    desk.advance(100)
    curve.refresh()
    assert "still to measure" not in legend(curve)


def test_new_points_between_old_ones_are_appended(curve, desk):
    desk.advance(8)
    curve.refresh()
    views = Views(curve.view)
    desk.advance(1)
    # The noise of the fake's points depends on their place among all; here they are as they were.
    before = curve._drawn.points.data
    data = desk.board.result.value.outcome.data.copy()
    old = {float(x): row for row, x in enumerate(before["x"])}
    for name, column in (("intensity", "y"), ("intensity_error", "error"), ("frame", "frame")):
        values = data[name].values.copy()
        for place, x in enumerate(data["th"].values):
            if float(x) in old:
                values[place] = before[column][old[float(x)]]
        data[name] = ("point", values, data[name].attrs)
    put(desk, data)
    curve.refresh()
    events = [event for patch in views.heard("patch") for event in patch["patch"]["events"]]
    appended = [event for event in events if event["kind"] == "ColumnsStreamed"]
    assert curve._drawn.points.id in {event["model"]["id"] for event in appended}
    assert len(curve._drawn.points.data["x"]) == 9


def test_a_refresh_without_news_sends_nothing(curve, desk):
    desk.advance(30)
    curve.refresh()
    views = Views(curve.view)
    desk.board.status.set(desk.board.status.value)
    curve.refresh()
    put(desk, desk.board.result.value.outcome.data)
    curve.refresh()
    assert views.sent == []


def test_a_range_that_is_typed_is_drawn_foretold_and_measured(curve, desk):
    desk.advance(10)
    curve.refresh()
    find(curve.widget, "st-range-low").value = "0.1"
    find(curve.widget, "st-range-high").value = "0.3"
    curve.refresh()
    assert curve.wanted.value == (0.1, 0.3)
    assert [column[0] for column in curve._drawn.strip.data.values()] == [0.1, 0.3]
    foretold(curve)
    ghost = np.asarray(curve._drawn.edge._ghost.data["x"])
    assert 0.1 - 1e-9 <= ghost.min() <= ghost.max() <= 0.3 + 1e-9
    assert "What the marked region would do" in text_of(curve.widget)
    replaced = []
    curve.note = replaced.append
    find(curve.widget, "st-range-measure").click()
    curve.refresh()
    assert desk.actions == [SetParameter("centre", 0.2), SetParameter("range", 0.2)]
    assert "Accepted" in text_of(curve.widget)
    assert replaced == [{"centre": 0.22, "range": 1.0}], "so that it can be taken back"


def test_of_a_range_that_would_be_refused_nothing_is_proposed(curve, desk):
    curve.refresh()
    find(curve.widget, "st-range-low").value = "5"
    find(curve.widget, "st-range-high").value = "6"
    find(curve.widget, "st-range-measure").click()
    curve.refresh()
    assert desk.actions == []
    assert "centre = 5.5 ° is outside the limits" in text_of(curve.widget)


def test_a_range_that_is_dragged_is_written(curve, desk):
    curve.refresh()
    views = Views(curve.view)
    event = {"kind": "ModelChanged", "model": {"id": curve._drawn.strip.id}, "attr": "data"}
    entries = [["x0", [0.3]], ["x1", [0.1]]]
    views.say(kind="patch", view="a", patch={"events": [event | {"new": {"type": "map", "entries": entries}}]})
    curve.refresh()
    assert curve.wanted.value == (0.1, 0.3)
    assert find(curve.widget, "st-range-low").value == "0.1"


def test_what_was_marked_and_subtracted_in_a_scan_is_not_done_to_the_next(curve, desk):
    desk.advance(10)
    curve.refresh()
    curve.overlay("before", np.linspace(-0.3, 0.7, 11), np.ones(11))
    curve.subtract(on=True)
    curve.refresh()
    find(curve.widget, "st-range-low").value = "0.1"
    find(curve.widget, "st-range-high").value = "0.3"
    desk.advance(1)
    curve.refresh()
    assert "minus before" in text_of(curve.widget)
    desk.advance(100)
    curve.refresh()
    # After its end it can still be looked at.
    assert "minus before" in text_of(curve.widget)
    assert len(curve._drawn.strip.data["x0"]) == 1
    desk.start("rocking")
    desk.advance(5)
    curve.refresh()
    assert "minus before" not in text_of(curve.widget)
    assert "before behind it" in text_of(curve.widget)
    assert len(curve._drawn.strip.data["x0"]) == 0
    assert curve.wanted.value is None
    assert find(curve.widget, "st-range-low").value == find(curve.widget, "st-range-high").value == ""
    find(curve.widget, "st-range-measure").click()
    curve.refresh()
    assert desk.actions == []


def test_a_region_of_a_map_is_not_of_the_next_one(desk):
    desk.start("map")
    desk.advance(10)
    panel = MapPanel(desk, None, Ghost(desk))
    panel.refresh()
    for side, text in {"x0": "-1", "x1": "1", "y0": "-2", "y1": "2"}.items():
        find(panel.widget, f"st-region-{side}").value = text
    panel.refresh()
    assert panel._drawn.box.data["width"] == [2.0]
    desk.advance(10_000)
    panel.refresh()
    assert panel._drawn.box.data["width"] == [2.0]
    desk.start("map")
    desk.advance(10)
    panel.refresh()
    assert panel._drawn.box.data["width"] == []
    assert find(panel.widget, "st-region-x0").value == ""
    panel.close()


def test_without_a_scan_the_button_says_why(desk):
    panel = CurvePanel(desk)
    panel.refresh()
    assert find(panel.widget, "st-range-measure").disabled
    assert "No scan is running" in text_of(panel.widget)
    panel.close()


def test_a_scan_that_takes_regions_of_one_axis_gets_one(desk):
    desk.start("rocking")
    status = desk.board.status.value
    kept = tuple(item for item in status.parameters if item.name not in ("centre", "range"))
    without = type(status)(**{**vars(status), "parameters": kept})
    assert "takes no regions" in why_not(without, "th", region=False)
    assert why_not(without, "th", region=True) == ""
    assert actions_for(without, "th", (0.0, 0.2)) == (InsertRegion({"th": (0.0, 0.2)}, {"th": 0.02}),)


def test_a_zoom_is_kept_until_fit_is_pressed(curve, desk):
    curve.refresh()
    views = Views(curve.view)
    views.say(kind="zoomed", view="a", axes=["x"])
    curve.refresh()
    assert find(curve.widget, "st-curve-auto-x").value is False
    assert find(curve.widget, "st-curve-auto-y").value is True
    assert views.heard("hold")[-1]["axes"] == ["x"]
    find(curve.widget, "st-curve-fit").click()
    curve.refresh()
    assert find(curve.widget, "st-curve-auto-x").value is True
    assert views.heard("hold")[-1]["axes"] == []


def test_a_view_that_comes_late_holds_too(curve):
    curve.refresh()
    find(curve.widget, "st-curve-auto-y").value = False
    curve.refresh()
    views = Views(curve.view)
    views.say(kind="hello", view="b")
    assert views.heard("snapshot")[0]["axes"] == ["y"]


def test_which_place_is_marked_can_be_chosen_and_is_said(curve, desk):
    desk.advance(30)
    curve.refresh()
    assert "Marked: middle of the fit, 0.22130 ± 0.00040 °." in text_of(curve.widget), "the best that is known"
    find(curve.widget, "st-curve-mark").value = "Highest point"
    curve.refresh()
    assert "Marked: highest point, 0.2213 ± 0.0012 °." in text_of(curve.widget)
    find(curve.widget, "st-curve-mark").value = "Centre of mass"
    curve.refresh()
    assert "Marked: nothing, as there is no centre of mass yet." in text_of(curve.widget)
    assert not curve._drawn._mark.visible


@pytest.mark.parametrize(
    ("known", "marked"), [((), "Highest point"), (("centre_of_mass",), "Centre of mass"), (("fit_centre",), FITTED)]
)
def test_the_best_that_is_known_is_marked(known, marked):
    features = {"peak": Feature(1.0, 0.1, "deg"), **{name: Feature(2.0, 0.1, "deg") for name in known}}
    assert meant(BEST, features, xr.Dataset()) == marked
    assert meant("Highest point", features, xr.Dataset()) == "Highest point"


def test_a_point_that_is_looked_at_is_said_with_its_uncertainty(curve, desk):
    desk.advance(10)
    curve._point._cell.set(3)
    curve.refresh()
    assert "Frame 3: th " in text_of(curve.widget)
    assert len(curve._drawn.touch._ring.data["x"]) == 1


def test_an_earlier_curve_is_laid_over_or_subtracted(curve, desk):
    desk.advance(20)
    x = np.linspace(-1, 1, 11)
    curve.overlay("run 7", x, np.full(11, 10.0), np.full(11, 3.0))
    curve.refresh()
    assert "run 7 behind it" in text_of(curve.widget)
    points = curve._drawn.points.data
    before = dict(zip(points["x"], points["y"], strict=True))
    own = np.asarray(points["error"])
    find(curve.widget, "st-curve-difference").value = True
    curve.refresh()
    assert "; minus run 7" in text_of(curve.widget)
    data = curve._drawn.points.data
    assert np.allclose(data["y"], [before[one] - 10 for one in data["x"]])
    assert (np.asarray(data["error"]) > own).all()
    assert "run 7 is subtracted, interpolated linearly to the same positions." in text_of(curve.widget)
    curve.clear_overlays()
    curve.refresh()
    assert "behind it" not in text_of(curve.widget)


def test_each_earlier_curve_has_a_colour_and_its_name_in_the_legend(curve, desk):
    desk.advance(20)
    earlier = curve._drawn._earlier
    assert not earlier._legend.visible
    x = np.array([0.3, -0.2, 0.1])
    for name in ("run 7", "run 8"):
        curve.overlay(name, x, np.array([3.0, 1.0, 2.0]), np.ones(3))
    curve.refresh()
    lines, bars = earlier._lines.data, earlier._bars.data
    assert lines["label"] == ["run 7", "run 8"]
    assert len(set(lines["colour"])) == 2
    assert lines["x"][0].tolist() == [-0.2, 0.1, 0.3]
    assert bars["low"].tolist() == [0.0, 1.0, 2.0] * 2
    assert earlier._legend.visible
    curve.clear_overlays()
    curve.refresh()
    assert earlier._lines.data["x"] == []
    # No numbers: Bokeh takes no more of the plot's changes once it is given some for colours.
    assert earlier._bars.data["colour"] == []
    assert not earlier._legend.visible


def test_points_beyond_an_earlier_curve_have_no_difference():
    whole = made(11)
    other = Overlay("old", np.array([0.5, 0.2, np.nan]), np.array([1.0, 4.0, 2.0]), np.array([0.9, 0.6, 0.0]))
    difference = minus(whole, other)
    assert difference.positions.tolist() == pytest.approx([0.2, 0.3, 0.4, 0.5])
    assert (whole.values[2:6] - difference.values).tolist() == pytest.approx([4.0, 3.0, 2.0, 1.0])
    # Each value is a weighted mean of two points, whose errors are independent.
    theirs = np.hypot([0.6, 0.4, 0.2, 0.0], [0.0, 0.3, 0.6, 0.9])
    assert difference.errors == pytest.approx(np.hypot(whole.errors[2:6], theirs))
    assert minus(whole, Overlay("none", np.empty(0), np.empty(0), np.empty(0))).values.tolist() == []


def test_a_curve_is_normalised_to_a_column_that_is_recorded_at_each_point():
    data = xr.Dataset(
        {
            "intensity": ("point", [10.0, 20.0], {"units": "counts/s"}),
            "i0": ("point", [1.0, 3.0]),
            "dark": ("point", [0.0, 1.0]),
            "exposure": ("point", [1.0, 1.0]),
        },
        {"th": ("point", [0.0, 1.0], {"units": "deg"})},
    )
    assert monitors_of(data) == ["i0"]
    assert curve_of(data, "i0").values.tolist() == pytest.approx([20.0, 40 / 3])


@given(st.integers(1, 60_000))
def test_a_thinned_curve_keeps_what_stands_out(count):
    whole = made(count)
    kept = thin(whole)
    assert len(kept.values) <= 2 * PAIRS
    assert (kept.values.min(), kept.values.max()) == (whole.values.min(), whole.values.max())
    assert np.array_equal(whole.values[kept.frames], kept.values)
    assert (np.diff(kept.positions) > 0).all()


@given(st.lists(st.integers(0, 30), unique=True, max_size=20), st.data())
def test_growing_columns_are_appended_and_all_arrive(keys, data):
    source = ColumnDataSource({"x": [], "y": []})
    for stop in sorted(data.draw(st.lists(st.integers(0, len(keys)), max_size=4))):
        x = np.sort(np.array(keys[:stop], dtype=np.float64))
        columns = {"x": x, "y": x**2}
        foreseen = growth(source, columns, key="x")
        assert grow(source, columns, key="x") == foreseen
        assert sorted(np.asarray(source.data["x"])) == x.tolist()
        assert (np.asarray(source.data["y"]) == np.asarray(source.data["x"]) ** 2).all()
        assert grow(source, columns, key="x") == "same"


def test_a_changed_row_is_sent_with_all_others():
    source = ColumnDataSource({"x": np.array([1.0, 2.0]), "y": np.array([1.0, 1.0])})
    assert grow(source, {"x": np.array([1.0, 2.0, 3.0]), "y": np.array([1.0, 5.0, 1.0])}, key="x") == "all"
    assert np.asarray(source.data["y"]).tolist() == [1.0, 5.0, 1.0]


def test_a_map_shows_its_plan_before_the_first_point_and_what_a_region_would_add(desk):
    panel = MapPanel(desk, None, Ghost(desk))
    desk.start("map")
    panel.refresh()
    drawn = panel._drawn
    assert len(drawn._planned.data["x"]) == desk.board.plan.value.count
    assert np.asarray(drawn._extent.data["x"]).tolist() == [-28.75, 28.75]
    assert np.asarray(drawn._extent.data["y"]).tolist() == [-18.75, 18.75]
    desk.advance(40)
    panel.refresh()
    assert len(drawn._planned.data["x"]) == desk.board.plan.value.count - 40
    for name, text in (("x0", "1"), ("x1", "2"), ("y0", "1"), ("y1", "2"), ("step", "0.5")):
        find(panel.widget, f"st-region-{name}").value = text
    panel.refresh()
    foretold(panel)
    # The nine points of the region; those that are planned anyway are drawn as such.
    assert sorted(zip(drawn._ghost.data["x"], drawn._ghost.data["y"], strict=True)) == [
        (x, y) for x in (1.0, 1.5, 2.0) for y in (1.0, 1.5, 2.0)
    ]
    assert legend(panel) == ["still to measure", "would be measured"]
    find(panel.widget, "st-finer").click()
    desk.advance(1)
    panel.refresh()
    assert len(drawn._ghost.data["x"]) == 0
    assert legend(panel) == ["still to measure", "decision"]
    assert list(drawn._decided.data["who"]) == ["ana"]
    panel.close()


def test_the_colours_of_a_map_can_be_kept(desk):
    desk.start("map")
    desk.advance(20)
    panel = MapPanel(desk)
    panel.refresh()
    find(panel.widget, "st-map-auto-colour").value = False
    panel.refresh()
    kept = panel._drawn.linear.high
    desk.advance(230)
    panel.refresh()
    assert panel._drawn.linear.high == kept
    find(panel.widget, "st-map-fit").click()
    panel.refresh()
    assert panel._drawn.linear.high > kept
    panel.close()


def test_a_tapped_cell_names_its_frame(desk):
    look = Look(desk)
    panel = MapPanel(desk, look)
    desk.start("map")
    desk.advance(20)
    look.refresh()
    panel.refresh()
    views = Views(panel.view)
    event = {"kind": "ModelChanged", "model": {"id": panel._drawn._touch.shared.id}, "attr": "data"}
    new = {"type": "map", "entries": [["frame", [7]]]}
    views.say(kind="patch", view="a", patch={"events": [event | {"new": new}]})
    assert look.point.value == 7
    panel.refresh()
    assert "Frame 7: sx " in text_of(panel.widget)
    panel.close()
