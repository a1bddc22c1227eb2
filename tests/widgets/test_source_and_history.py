"""The source's panel, the trend and the scalars, and looking back at frames."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from steering.archive.past import RECORD
from steering.core.action import Pause
from steering.core.agent import Suggestion
from steering.core.cell import BELLS, Cell
from steering.core.errors import SteeringError
from steering.core.frame import Frame
from steering.core.history import FrameSpan, SeenRun
from steering.core.result import Feature, Outcome, Provenance, Result
from steering.core.source import FollowedSource, SourceStatus
from steering.testing.panel import check_panel
from steering_widgets import FramePanel, ScalarsPanel, SourcePanel, TrendPanel
from steering_widgets.drawing.plot import axis_label
from steering_widgets.pages.page import Page
from steering_widgets.plots.line_plot import LinePlot
from tests.widgets.fake import FakeDesk
from tests.widgets.views import Views, find, is_shown, refreshed, text_of


@pytest.fixture
def desk():
    return FakeDesk(size=16)


def opened(panel, request):
    request.addfinalizer(panel.close)
    panel.refresh()
    return panel


@pytest.mark.parametrize("panel", [SourcePanel, TrendPanel, ScalarsPanel, FramePanel])
def test_they_keep_the_contract_of_a_panel(panel, desk):
    check_panel(panel, desk)


def test_the_source_says_what_to_do_while_it_is_idle_and_what_went_wrong(desk, request):
    panel = opened(SourcePanel(desk), request)
    assert "Start a scan, or follow another source: session.follow(" in text_of(panel.widget)
    status = SourceStatus("live", "Connected.", 120, missed=3, rejected=2, repeated=1, later=4)
    desk.board.source.set(FollowedSource("pva", status, "A frame is <cut> short."))
    panel.refresh()
    text = text_of(panel.widget)
    for part in ("pva", "Live", "120<small> frames", "3<small> missed", "2<small> rejected", "1<small> came again",
                 "4<small> out of order", "A frame is &lt;cut&gt; short."):  # fmt: skip
        assert part in text


def test_the_source_lists_its_runs_the_newest_first(desk, request):
    panel = opened(SourcePanel(desk), request)
    runs = (SeenRun("aaaa1111", "tune", 1e9, 7, 9, "success"), SeenRun("bbbb2222", "scan", 1e9 + 60, 4))
    desk.board.runs.set(runs)
    panel.refresh()
    text = text_of(panel.widget)
    assert "2 runs, 9 events in all their streams" in text
    # Not those of all runs, which nobody counts.
    assert "4<small> frames read of this run" in text
    assert text.index("bbbb2222") < text.index("aaaa1111")
    assert ">running<" in text


def test_without_a_frame_there_is_no_empty_image_but_a_sentence(desk, request):
    panel = opened(FramePanel(desk), request)
    panel.refresh()
    assert panel.image.layout.display == "none"
    assert "A scan that reads no detector has none." in text_of(panel.widget)
    desk.board.frame.set(Frame(np.zeros((4, 4), "u2"), 0, 1e9))
    panel.refresh()
    assert panel.image.layout.display is None
    # With the frame, though the run's frames are counted a moment later: nothing moves under a hand that draws.
    assert find(panel.widget, "st-history").layout.display is None
    assert find(panel.widget, "st-history-index").disabled is True
    assert "A scan that reads no detector has none." not in text_of(panel.widget)


def test_the_slider_is_there_also_where_a_frame_was_there_before_the_page(desk, request):
    desk.start("rocking")
    desk.advance(20)
    panel = opened(FramePanel(desk), request)
    panel.refresh()
    assert find(panel.widget, "st-history").layout.display is None


def test_a_column_without_a_unit_is_labelled_so():
    assert axis_label("motor", "unknown") == "motor (unit unknown)"
    assert axis_label("motor", "") == "motor"


def test_an_older_frame_is_read_and_shown_with_its_positions_while_the_scan_goes_on(desk, request):
    panel = opened(FramePanel(desk), request)
    assert find(panel.widget, "st-history").layout.display == "none"
    desk.start("rocking")
    desk.advance(20)
    panel._history._followed = 0.0
    panel.refresh()
    slider, live = find(panel.widget, "st-history-index"), find(panel.widget, "st-history-live")
    assert (slider.min, slider.max, slider.value, live.value) == (0, 19, 19, True)
    slider.value = 7
    refreshed(panel, lambda: "frame 7 of 0 to 19" in text_of(panel.widget))
    assert (panel.image._frame.pixels == 7).all()
    assert live.value is False
    assert "0.07 °" in text_of(panel.widget)
    desk.advance(5)
    panel._history._followed = 0.0
    panel.refresh()
    assert (slider.max, slider.value) == (24, 7)
    assert panel.image._frame.number == 7, "a newer frame must not push away the one that is looked at"
    live.value = True
    panel.refresh()
    assert panel.image._frame.number == desk.board.frame.value.number
    assert slider.value == 24
    assert "0.07 °" not in text_of(panel.widget)


def test_a_frame_of_an_earlier_run_says_of_which_and_no_time_that_nobody_knows(desk, request):
    panel = opened(FramePanel(desk), request)
    desk.start("rocking")
    desk.advance(20)
    running = desk.board.status.value.run
    # The beamline's scan goes on; what is shown is the record's.
    desk.board.source.set(FollowedSource(RECORD, SourceStatus("ended")))
    desk.board.span.set(FrameSpan("2c55dc9f-d335", 0, 20))
    desk.board.frame.set(Frame(np.zeros((4, 4), "u2"), 19, float("nan")))
    panel._remarked = float("-inf")
    panel.refresh()
    text = text_of(panel.widget)
    assert "newest frame of run 2c55dc9f" in text
    assert panel.image.called == "newest-frame-of-run-2c55dc9f"
    assert "unknown" not in text
    assert "last point" not in text, f"that of run {running} is no word about this frame"
    find(panel.widget, "st-history-index").value = 7
    refreshed(panel, lambda: "frame 7 of 0 to 19 of run 2c55dc9f" in text_of(panel.widget))
    assert panel.image.called == "frame-7-of-run-2c55dc9f"


def test_a_frame_that_cannot_be_read_is_said_and_another_run_is_followed_live(desk, request):
    panel = opened(FramePanel(desk), request)
    desk.start("rocking")
    desk.advance(20)
    panel._history._followed = 0.0
    panel.refresh()

    def refuse(index):
        raise SteeringError(f"Frame {index} is gone.")

    desk.frame_at = refuse
    find(panel.widget, "st-history-index").value = 3
    refreshed(panel, lambda: "Frame 3 is gone." in text_of(panel.widget))
    desk.board.span.set(FrameSpan("next", 0, 2))
    panel.refresh()
    assert "Frame 3 is gone." not in text_of(panel.widget)
    assert find(panel.widget, "st-history-live").value is True
    assert find(panel.widget, "st-history-index").max == 1


def test_a_frame_whose_file_holds_nonsense_is_said_and_the_slider_goes_on(desk, request):
    panel = opened(FramePanel(desk), request)
    desk.board.span.set(FrameSpan("run", 0, 50))
    panel._history._followed = 0.0
    panel.refresh()

    def broken(index):
        if index == 3:
            raise ValueError("wrong bytes")
        return Frame(np.full((4, 4), index, "u2"), index, 1e9)

    desk.frame_at = broken
    slider = find(panel.widget, "st-history-index")
    slider.value = 3
    refreshed(panel, lambda: "This could not be done: wrong bytes (value error)." in text_of(panel.widget))
    slider.value = 4
    refreshed(panel, lambda: "frame 4 of 0 to 49" in text_of(panel.widget))


def test_a_frame_that_comes_late_wakes_whoever_draws(desk, request):
    panel = opened(FramePanel(desk), request)
    desk.board.span.set(FrameSpan("run", 0, 50))
    panel._history._followed = 0.0
    panel.refresh()
    go, bell = threading.Event(), threading.Event()

    def slow(index):
        assert go.wait(20)
        return Frame(np.full((4, 4), index, "u2"), index, 1e9)

    desk.frame_at = slow
    find(panel.widget, "st-history-index").value = 3
    refreshed(panel, lambda: panel._history._reading is not None)
    BELLS.add(bell)
    request.addfinalizer(lambda: BELLS.remove(bell))
    bell.clear()
    go.set()
    assert bell.wait(20), "nothing else happens in an idle session"
    refreshed(panel, lambda: "frame 3 of 0 to 49" in text_of(panel.widget))


def test_a_touched_point_shows_its_frame_and_keys_go_on_from_there_and_back_to_the_newest(desk, request):
    point = Cell(7)
    desk.start("rocking")
    desk.advance(10)
    panel = opened(FramePanel(desk, point), request)
    page, history = Views(panel.image), panel._history
    assert history.live, "what was touched before the panel was there is no wish of now"
    point.set(4)
    refreshed(panel, lambda: history.frame is not None and history.frame.number == 4)
    assert "frame 4 of 0 to 9" in text_of(panel.widget)
    assert (find(panel.widget, "st-history-index").value, find(panel.widget, "st-history-live").value) == (4, False)
    for _ in range(2):
        page.say(kind="step", view="a", by=1)
    refreshed(panel, lambda: history.frame.number == 6)
    assert point.value == 6, "the plots mark the point whose frame is shown"
    page.say(kind="newest", view="a")
    refreshed(panel, lambda: history.live and "newest frame" in text_of(panel.widget))
    assert point.value is None
    assert find(panel.widget, "st-history-live").value
    # From the newest one goes back, and not beyond what there is.
    page.say(kind="step", view="a", by=-1)
    refreshed(panel, lambda: history.frame is not None and history.frame.number == 8)
    for _ in range(5):
        page.say(kind="step", view="a", by=1)
    refreshed(panel, lambda: history.frame.number == 9)


def test_the_last_point_is_told_anew_where_it_is_done_after_its_frame_has_come(desk, request):
    desk.start("rocking")
    desk.advance(20)
    panel = opened(FramePanel(desk), request)
    panel.refresh()
    assert "last point at th 0.24 °" in panel.image.caption
    # Its frame was there, and the scan waits now.
    status = desk.board.status.value
    desk.board.status.set(replace(status, points_done=status.points_done - 1))
    panel._remarked = float("-inf")
    panel.refresh()
    assert "last point at th 0.16 °" in panel.image.caption


def test_a_key_for_another_frame_does_nothing_while_there_is_none(desk, request):
    panel = opened(FramePanel(desk), request)
    Views(panel.image).say(kind="step", view="a", by=-1)
    panel.refresh()
    assert panel._history.live


def test_a_touched_point_whose_frame_is_gone_is_told(desk, request):
    point = Cell(None)
    desk.start("rocking")
    desk.advance(3)
    panel = opened(FramePanel(desk, point), request)
    point.set(99)
    refreshed(panel, lambda: "Frame 99 cannot be looked at: frames 0 to 2 can be." in text_of(panel.widget))


def test_of_frames_that_are_chosen_while_another_is_read_the_last_one_is_shown(desk, request):
    panel = opened(FramePanel(desk), request)
    desk.board.span.set(FrameSpan("run", 0, 50))
    panel._history._followed = 0.0
    panel.refresh()
    go, asked = threading.Event(), []

    def slow(index):
        asked.append(index)
        assert go.wait(20)
        return Frame(np.full((4, 4), index, "u2"), index, 1e9)

    desk.frame_at = slow
    slider = find(panel.widget, "st-history-index")
    for index in (3, 4, 5):
        slider.value = index
        refreshed(panel, lambda: bool(asked))
    go.set()
    refreshed(panel, lambda: "frame 5 of 0 to 49" in text_of(panel.widget))
    assert asked == [3, 5]


def test_the_trend_is_drawn_with_uncertainty_and_units_along_what_is_chosen(desk, request):
    panel = opened(TrendPanel(desk), request)
    choice = panel._bar
    assert "How a feature changes" in text_of(panel.widget)
    assert choice.layout.display == "none"
    desk.start("rocking")
    for _ in range(20):
        desk.advance(2)
    panel.refresh()
    assert "How a feature changes" not in text_of(panel.widget)
    assert choice.layout.display is None
    feature, along = find(panel.widget, "st-trend-feature"), find(panel.widget, "st-trend-along")
    feature.value = "peak"
    panel.refresh()
    plot, points = panel._plot._plot, panel._plot._points.data
    assert plot.yaxis[0].axis_label == "Peak (°)"
    assert plot.xaxis[0].axis_label == "frames in the result"
    assert np.asarray(points["x"]).tolist() == [2.0 * n for n in range(1, 21)]
    known = ~np.isnan(np.asarray(points["y"]))
    assert known.tolist() == [2 * n >= 12 for n in range(1, 21)], "before twelve points there is no peak"
    assert np.allclose((points["high"] - points["low"])[known], 2 * 0.0012)
    # What an agent came to say is marked at the result that it rests on.
    reason = "peak is 0.3 deg, above 0.2 deg"
    desk.board.advice.set((Suggestion(Pause(), reason, "curve", "watch", 1.0, 14, 14),))
    panel.refresh()
    marks = panel._plot._marks.data
    assert (marks["x"].tolist(), marks["who"].tolist()) == ([14.0], ["watch"])
    assert marks["reason"].tolist() == ["peak is 0.3 °, above 0.2 °"]
    assert marks["y"][0] == points["y"][6]
    along.value = "Time"
    panel.refresh()
    assert plot.xaxis[0].axis_label == "time since the first result (s)"
    desk.advance(2)
    panel.refresh()
    assert (feature.value, along.value) == ("peak", "Time")
    assert panel.refresh() is False


def scalars_result():
    data = xr.Dataset(
        {"m1": ("event", [1.0, 2.0], {"units": "mm"}), "i0": ("event", [5.0, 4.0], {"units": "counts"})},
        {"event": ("event", [1, 2], {"units": "1"})},
    )
    source = Provenance("run", "scalars", {}, "0", "0", "local", 2, 1)
    return Result(1, Outcome({"events": Feature(2.0, 0.0, "1")}, data), source)


def test_any_column_is_plotted_against_any_other_with_units(desk, request):
    panel = opened(ScalarsPanel(desk), request)
    assert "appears with the first result" in text_of(panel.widget)
    desk.board.result.set(scalars_result())
    panel.refresh()
    plot = panel._plot._plot
    assert (plot.xaxis[0].axis_label, plot.yaxis[0].axis_label) == ("event", "m1 (mm)")
    find(panel.widget, "st-scalars-x").value = "m1"
    find(panel.widget, "st-scalars-y").value = "i0"
    panel.refresh()
    assert (plot.xaxis[0].axis_label, plot.yaxis[0].axis_label) == ("m1 (mm)", "i0 (counts)")
    assert np.asarray(panel._plot._points.data["y"]).tolist() == [5.0, 4.0]


def test_the_dashboard_shows_the_scalars_of_a_followed_source_whatever_the_beamline_does(desk, request):
    desk.start("rocking")
    desk.advance(3)
    dashboard = Page(desk)
    dashboard._ticker.stop()
    request.addfinalizer(dashboard.close)
    assert is_shown(dashboard.widget, "st-panel-curve")
    desk.board.source.set(replace(desk.board.source.value, name="replay"))
    desk.board.result.set(scalars_result())
    dashboard.refresh()
    assert not is_shown(dashboard.widget, "st-panel-curve")
    assert is_shown(dashboard.widget, "st-panel-scalars")


def test_of_a_million_points_the_lowest_and_highest_of_each_column_are_drawn():
    plot = LinePlot("many", "many", height=200)
    x = np.arange(1_000_000, dtype=np.float64)
    y = np.sin(x / 1000)
    y[123_456] = 50.0
    plot.show(("t", "s", x), ("y", "deg", y), np.full(len(x), 0.1))
    drawn = plot._points.data
    assert 4_000 <= len(drawn["x"]) <= 8_000
    assert np.all(np.diff(drawn["x"]) > 0)
    peak = int(np.argmax(drawn["y"]))
    assert (drawn["x"][peak], drawn["y"][peak], drawn["high"][peak]) == (123_456, 50.0, 50.1)
    plot.show(("t", "s", x[:100]), ("y", "deg", y[:100]))
    assert list(plot._points.data["x"]) == list(x[:100])
    plot.view.close()
