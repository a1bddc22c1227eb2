import time

import numpy as np
import pytest

from steering.core.frame import Frame
from steering_widgets.frames.image import ImageView
from tests.widgets.views import Views


def frame(number=1, size=64, binning=1):
    pixels = np.arange(size * size, dtype=np.uint16).reshape(size, size)
    return Frame(pixels, number, time.time(), binning)


@pytest.fixture
def image():
    made = ImageView()
    yield made
    made.close()


@pytest.fixture
def views(image):
    return Views(image)


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
    image.log = True
    assert [message["log"] for message in views.heard("image")] == [False, True]


@pytest.mark.parametrize(
    "message",
    [{}, {"kind": "view"}, {"kind": "nonsense", "view": "a"}, {"kind": "painted", "view": "a", "serial": "x"}],
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
