import time

import numpy as np
import pytest
from traitlets import TraitError

from steering.core.frame import Frame


def frame(number=1, size=64, binning=1):
    pixels = np.arange(size * size, dtype=np.uint16).reshape(size, size)
    return Frame(pixels, number, time.time(), binning)


def open_view(views, name="a", width=64, height=64, visible=True, window=(0, 0, 0, 0)):
    views.say(kind="view", view=name, width=width, height=height, visible=visible, window=list(window))


def test_a_view_gets_the_newest_frame_when_it_says_that_it_is_there(image, views):
    image.show(frame(7))
    assert views.heard("image") == []
    open_view(views)
    (message,) = views.heard("image")
    assert message["number"] == 7
    assert message["shape"] == [64, 64]
    pixels, colours = views.sent[-1][1]
    assert len(pixels) == 64 * 64
    assert len(colours) == 768


def test_the_newest_frame_wins_and_two_are_under_way(image, views):
    open_view(views)
    for number in range(10):
        image.show(frame(number))
    assert [message["number"] for message in views.heard("image")] == [0, 1]
    views.say(kind="painted", view="a", serial=views.heard("image")[0]["serial"])
    assert [message["number"] for message in views.heard("image")] == [0, 1, 9]


def test_the_same_frame_is_sent_once_to_each_view(image, views):
    open_view(views, "a")
    open_view(views, "b", width=16, height=16)
    image.show(frame())
    image.pump()
    assert [(message["view"], message["pitch"]) for message in views.heard("image")] == [("a", 1), ("b", 4)]


def test_a_view_that_nobody_sees_waits_until_it_is_seen(image, views):
    open_view(views, visible=False)
    image.show(frame())
    assert views.heard("image") == []
    open_view(views, visible=True)
    assert len(views.heard("image")) == 1


def test_a_view_that_is_taken_for_gone_is_told_so(image, views):
    open_view(views)
    image.show(frame())
    image._flows["a"].waited -= 1e6
    image.pump()
    assert views.heard("forgotten") == [{"kind": "forgotten", "view": "a"}]
    image.show(frame(2))
    assert [message["number"] for message in views.heard("image")] == [1]
    # It was there after all, and speaks.
    open_view(views)
    assert [message["number"] for message in views.heard("image")] == [1, 2]


def test_zooming_in_sends_that_part_unbinned(image, views):
    image.show(frame(size=64))
    open_view(views, width=16, height=16)
    open_view(views, width=16, height=16, window=(8, 24, 16, 16))
    message = views.heard("image")[-1]
    assert message["pitch"] == 1
    assert message["window"] == [8, 24, 16, 16]


def test_a_window_outside_of_the_frame_is_brought_back(image, views):
    image.show(frame(size=64))
    open_view(views, window=(1000, -5, 16, 500))
    assert views.heard("image")[-1]["window"] == [63, 0, 1, 64]


def test_the_cursor_is_told_the_true_counts_whatever_is_drawn(image, views):
    image.show(frame(size=64))
    open_view(views, width=8, height=8)
    views.say(kind="probe", view="a", row=10, column=3)
    assert views.heard("value")[-1]["value"] == str(10 * 64 + 3)
    views.say(kind="probe", view="a", row=64, column=0)
    assert len(views.heard("value")) == 1


def test_the_exact_frame_is_sent_on_demand(image, views):
    image.show(frame(size=8))
    views.say(kind="exact", view="a")
    content, buffers = views.sent[-1]
    assert (content["type"], content["shape"]) == ("<u2", [8, 8])
    np.testing.assert_array_equal(np.frombuffer(buffers[0], "<u2").reshape(8, 8), frame(size=8).pixels)


def test_a_changed_setting_redraws(image, views):
    image.show(frame())
    open_view(views)
    image.scale = "log"
    assert [message["scale"] for message in views.heard("image")] == ["linear", "log"]


def test_limits_in_counts_hold_for_every_frame(image, views):
    open_view(views)
    image.low, image.high, image.auto_low, image.auto_high = 10.0, 20.0, False, False
    image.show(frame())
    message = views.heard("image")[-1]
    assert (message["low"], message["high"]) == (10.0, 20.0)


def test_locked_limits_are_those_that_were_seen_and_go_when_unlocked(image, views):
    open_view(views, "a")
    image.show(frame())
    seen = views.heard("image")[-1]
    image.locked = True
    assert (image.low, image.high) == (seen["low"], seen["high"])
    views.paint()
    image.show(Frame(frame().pixels * 2, 2, 0.0))
    assert (views.heard("image")[-1]["high"], views.heard("image")[-1]["number"]) == (seen["high"], 2)
    image.locked = False
    views.paint()
    assert views.heard("image")[-1]["high"] == pytest.approx(2 * seen["high"])


def test_a_lock_before_the_first_frame_holds_from_that_on(image, views):
    image.locked = True
    open_view(views)
    image.show(frame())
    assert image.high == views.heard("image")[0]["high"] > 1000


@pytest.mark.parametrize("name", ["low", "high", "saturation"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_limit_that_is_no_number_is_refused_in_words(image, name, value):
    with pytest.raises(TraitError, match=rf"{name} = {value} counts is no number of counts. Give a finite number"):
        setattr(image, name, value)


def test_the_histogram_comes_with_some_frames_and_at_last_with_the_newest(image, views, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("steering_widgets.frames.image.time.monotonic", lambda: now[0])
    open_view(views)
    for number in range(10):
        image.show(frame(number))
        views.paint()
        now[0] += 0.0625
    with_it = [message["number"] for message in views.heard("image") if message["histogram"]]
    assert with_it == [0, 8]
    now[0] += 0.5
    image.pump()
    assert views.heard("image")[-1]["number"] == 9
    assert sum(views.heard("image")[-1]["histogram"]["pixels"]) == 64 * 64
    views.paint()
    now[0] += 1
    sent = len(views.sent)
    image.pump()
    assert len(views.sent) == sent


def test_saturated_pixels_and_those_that_are_no_number_are_marked_and_counted(image, views):
    open_view(views, width=4, height=4)
    pixels = np.ones((4, 4), np.uint8)
    pixels[0, :3] = 255
    image.show(Frame(pixels, 1, 0.0))
    message, (drawn, colours) = views.sent[-1]
    assert (message["marked"], message["reserved"]) == ([0, 0, 3], 3)
    assert drawn[:4] == b"\x02\x02\x02\x03"
    assert colours[6:9] == bytes.fromhex("ff2bd6")
    views.paint()
    image.saturation = 1
    assert views.heard("image")[-1]["marked"] == [0, 0, 16]
    views.paint()
    image.saturation = None
    floats = np.full((4, 4), 2.0)
    floats[1, 1] = np.nan
    views.paint()
    image.show(Frame(floats, 2, 0.0))
    assert views.heard("image")[-1]["marked"] == [1, 0, 0]
    views.say(kind="probe", view="a", row=1, column=1)
    assert (views.heard("value")[-1]["value"], views.heard("value")[-1]["mark"]) == ("", 1)


def test_a_mark_that_came_with_the_frame_is_counted_once(image, views):
    open_view(views, width=2, height=2)
    marks = np.array([[1, 2], [3, 0]], np.uint8)
    image.show(Frame(np.array([[0, 0], [0, 65535]], np.uint16), 1, 0.0, marks=marks, marked=(1, 1, 1)))
    assert views.heard("image")[-1]["marked"] == [1, 1, 2]


def test_the_counts_along_row_and_column_come_with_the_cursor_once_they_are_wanted(image, views):
    open_view(views, window=(8, 16, 32, 16))
    image.show(frame())
    views.say(kind="probe", view="a", row=10, column=20)
    assert views.sent[-1][1] == []
    image.profiles = True
    views.say(kind="probe", view="a", row=10, column=20)
    across, down = (np.frombuffer(line, np.float32) for line in views.sent[-1][1])
    np.testing.assert_array_equal(across, frame().pixels[10, 16:32])
    np.testing.assert_array_equal(down, frame().pixels[8:40, 20])


def test_keys_for_other_frames_are_counted_so_that_none_is_lost(image, views):
    for by in (1, 1, -1, 1):
        views.say(kind="step", view="a", by=by)
    views.say(kind="newest", view="a")
    assert (image.steps.value, image.follows.value) == (2, 1)


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"kind": "view"},
        {"kind": "nonsense", "view": "a"},
        {"kind": "painted", "view": "a", "serial": "x"},
        {"kind": "step", "view": "a", "by": None},
        {"kind": "step", "view": "a"},
        {"kind": "probe", "view": "a", "row": float("inf"), "column": 0},
        {"kind": "probe", "view": "a", "row": "1"},
    ],
)
def test_a_message_that_cannot_be_read_is_logged_and_changes_nothing(image, views, caplog, message):
    open_view(views)
    image.show(frame())
    views.say(**message)
    assert image.views == 1
    assert message == {"kind": "painted", "view": "b"} or caplog.records


def test_pixels_are_in_no_synced_trait(image, views):
    image.show(frame())
    assert not any(isinstance(value, bytes | np.ndarray) for value in image.get_state().values())


def test_regions_that_a_person_gives_are_checked_and_completed(image):
    image.regions = [{"rows": [1, 2], "columns": (3, 5)}]
    assert image.regions == [{"name": "", "rows": [1, 2], "columns": [3, 5], "masked": False, "draft": False}]
    for wrong in ({}, {"rows": [1, 2]}, {"rows": [2, 1], "columns": [0, 1]}, {"rows": [1, np.nan], "columns": [0, 1]}):
        with pytest.raises(TraitError, match=r"regions\[0\] = .* is no region\. Give rows and columns"):
            image.regions = [wrong]
    assert len(image.regions) == 1
