"""The newest frame of a large detector comes binned; who looks closely at it sees each of its pixels all the same."""

import numpy as np
import pytest

from steering.core.errors import SteeringError
from steering.core.frame import Frame
from steering.readers.eye import for_the_eye
from steering_widgets.frames import history
from steering_widgets.frames.frame import FramePanel
from tests.widgets.fake import FakeDesk
from tests.widgets.views import ImageViews, refreshed

WHOLE = (np.arange(63 * 96, dtype="u4") * 7 % 4093).reshape(63, 96)
# Of the frame that was binned by two: 8 x 8 squares, which are 16 x 16 pixels.
PART = (8, 16, 8, 8)


class LargeDesk(FakeDesk):
    """A desk whose live frames are binned by two, and whose recorded ones have every pixel.

    Attributes:
        asked: Which recorded frames were read.
        why: Why none can be.
    """

    def __init__(self):
        super().__init__(size=96)
        self.asked, self.why = [], ""

    def frame(self):
        return for_the_eye(super().frame(), largest=48)

    def frame_at(self, index):
        self.asked.append(index)
        if self.why:
            raise SteeringError(self.why)
        return super().frame_at(index)


@pytest.fixture
def panel(monkeypatch):
    monkeypatch.setattr(history, "_FOLLOW_SECONDS", 0.0)
    desk = LargeDesk()
    made = FramePanel(desk)
    made.desk = desk
    desk.start("rocking")
    desk.advance(5)
    yield made
    made.close()


def binned():
    return for_the_eye(Frame(WHOLE, 1, 0.0), largest=48)


def test_a_view_that_would_see_squares_is_sent_every_pixel_in_the_places_of_the_binned_frame(image, views):
    image.show(binned())
    views.look(PART)
    assert image.seen_closely
    header, _ = views.paint()
    assert (header["shape"], header["pitch"], header["binning"]) == ([8, 8], 1, 2), "until the whole frame is there"
    image.look_closer(Frame(WHOLE, 4, 0.0))
    header, (pixels, _) = views.paint()
    assert (header["shape"], header["pitch"], header["binning"]) == ([16, 16], 0.5, 2)
    assert (header["window"], header["frame"], header["number"]) == ([8, 16, 8, 8], [32, 48], 4)
    image.low, image.high, image.auto_low, image.auto_high = 0.0, 255.0, False, False
    _, (pixels, _) = views.paint()
    part = WHOLE[16:32, 32:48]
    assert (np.frombuffer(pixels, np.uint8).reshape(16, 16) == np.clip(part, 0, 255)).all()


def test_live_frames_go_on_elsewhere_and_push_no_squares_over_what_is_looked_at_closely(image, views):
    image.show(binned())
    views.look(PART)
    image.look_closer(Frame(WHOLE, 4, 0.0))
    views.paint()
    sent = len(views.heard("image"))
    for _ in range(3):
        image.show(binned())
        views.paint()
    assert len(views.heard("image")) == sent
    views.look((0, 0, 0, 0), size=32)
    assert not image.seen_closely
    assert views.paint()[0]["pitch"] == 2
    views.look(PART)
    image.look_closer(None)
    assert views.paint()[0]["pitch"] == 1


def test_counts_and_profiles_are_those_of_the_single_pixel(image, views):
    image.profiles = True
    image.show(binned())
    views.look(PART)
    image.look_closer(Frame(WHOLE, 4, 0.0))
    views.paint()
    views.say(kind="probe", view="a", row=10.5, column=17.0)
    message, lines = views.sent[-1]
    assert (message["row"], message["column"], message["value"]) == (10.5, 17.0, str(WHOLE[21, 34]))
    assert message["grain"] == 2
    across, down = (np.frombuffer(line, np.float32) for line in lines)
    assert (across == WHOLE[21, 32:48]).all()
    assert (down == WHOLE[16:32, 34]).all()


@pytest.mark.parametrize("factor", [2, 3, 7, 49])
def test_each_pixel_can_be_asked_for_whatever_the_frame_was_binned_by(image, views, factor):
    whole = Frame(np.arange(factor * 12 * factor * 12, dtype="u4").reshape(factor * 12, -1), 4, 0.0)
    image.show(for_the_eye(whole, largest=12))
    views.look((2, 2, 8, 8), size=8 * factor)
    image.look_closer(whole)
    for place in range(factor * 3, factor * 5):
        views.say(kind="probe", view="a", row=place / factor, column=place / factor)
        assert views.sent[-1][0]["value"] == str(whole.pixels[place, place])


@pytest.mark.parametrize("shape", [(8, 8), (63, 48), (126, 192)])
def test_a_frame_of_another_detector_is_not_taken_for_the_same(image, views, shape):
    image.show(binned())
    views.look(PART)
    image.look_closer(Frame(np.zeros(shape, "u2"), 4, 0.0))
    assert views.paint()[0]["pitch"] == 1


def test_the_edge_that_a_square_reaches_over_is_where_the_frame_ends(image, views):
    image.show(binned())
    views.look((24, 40, 8, 8))
    image.look_closer(Frame(WHOLE, 4, 0.0))
    header, _ = views.paint()
    assert (header["shape"], header["window"]) == ([15, 16], [24, 40, 7.5, 8])


def test_the_newest_recorded_frame_is_read_while_somebody_looks_closely_and_only_then(panel):
    desk, views = panel.desk, ImageViews(panel.image)
    panel.refresh()
    views.look((0, 0, 0, 0), size=32)
    for _ in range(3):
        panel.refresh()
    assert desk.asked == []
    views.look(PART)
    refreshed(panel, lambda: views.paint()[0]["pitch"] == 0.5)
    assert desk.asked == [4]
    panel.refresh()
    assert desk.asked == [4], "it is there already"
    desk.advance(3)
    refreshed(panel, lambda: views.paint()[0]["number"] == 7)
    # An older one that a person wants is read as before, and the newest is not shown over it.
    panel._history.choose(2)
    refreshed(panel, lambda: panel.image._frame.number == 2)
    panel._history.choose(None)
    refreshed(panel, lambda: views.paint()[0]["pitch"] == 0.5)
    views.look((0, 0, 0, 0), size=32)
    panel.refresh()
    assert panel.image._whole is None


def test_what_is_saturated_is_marked_in_every_pixel_too(image, views):
    image.show(binned())
    views.look(PART)
    image.look_closer(Frame(WHOLE, 4, 0.0))
    image.saturation = 100.0
    assert views.paint()[0]["marked"][2] == (WHOLE >= 100).sum()


def test_the_whole_frame_is_shown_as_it_comes_live_however_large_the_screen_is(image, views):
    image.show(binned())
    views.look((0, 0, 0, 0), size=2000)
    assert not image.seen_closely


def test_at_most_one_frame_a_second_is_read(panel, monkeypatch):
    desk, views = panel.desk, ImageViews(panel.image)
    monkeypatch.setattr(history, "_FOLLOW_SECONDS", 3600.0)
    panel.refresh()
    views.look(PART)
    refreshed(panel, lambda: views.paint()[0]["pitch"] == 0.5)
    for _ in range(5):
        desk.advance()
        panel.refresh()
    assert desk.asked == [4]


def test_where_none_can_be_read_the_live_frame_is_shown_and_said_to_be_binned(panel):
    desk, views = panel.desk, ImageViews(panel.image)
    desk.why = "The file is not there yet."
    panel.refresh()
    views.look(PART)
    refreshed(panel, lambda: desk.asked == [4])
    number = views.paint()[0]["number"]
    desk.advance()
    panel.refresh()
    header, _ = views.paint()
    assert (header["pitch"], header["binning"], header["number"]) == (1, 2, number + 1)


def test_what_was_read_of_a_run_is_not_shown_for_the_next(panel):
    desk, views = panel.desk, ImageViews(panel.image)
    panel.refresh()
    views.look(PART)
    refreshed(panel, lambda: views.paint()[0]["pitch"] == 0.5)
    desk.advance(100)
    desk.start("rocking")
    desk.advance(2)
    panel.refresh()
    assert panel.image._whole is None or panel.image._whole.number == 1
    refreshed(panel, lambda: views.paint()[0]["number"] == 1 and views.paint()[0]["pitch"] == 0.5)
