"""Limits of the colours are a detector's own."""

import numpy as np
import pytest

from steering.core.frame import Frame
from steering_widgets.frames.kept_limits import Detector


def frame(size, kind="u2", binning=1, top=1000):
    pixels = np.linspace(0, top, size * size).astype(kind).reshape(size, size)
    return Frame(pixels, 1, 0.0, binning)


@pytest.fixture(autouse=True)
def seen(views):
    """What is shown here is seen."""
    views.look()


def test_a_lock_does_not_carry_to_another_detector_and_comes_back_with_the_first(image, views):
    image.show(frame(64))
    image.locked = True
    locked = image.low, image.high
    assert locked[1] > 900
    views.paint()
    image.show(frame(32, top=10))
    assert not image.locked
    views.paint()
    assert views.heard("image")[-1]["high"] < 11
    image.show(frame(64, top=7))
    views.paint()
    assert image.locked
    assert (image.low, image.high) == locked
    assert views.heard("image")[-1]["high"] == locked[1]


def test_limits_that_were_typed_are_kept_likewise(image, views):
    image.show(frame(64))
    image.auto_high, image.high, image.saturation = False, 123.0, 900.0
    image.show(frame(64, "i4"))
    assert (image.auto_high, image.saturation) == (True, None)
    image.show(frame(64))
    assert (image.auto_high, image.high, image.saturation) == (False, 123.0, 900.0)


def test_a_frame_that_was_binned_or_swapped_is_of_the_same_detector(image, views):
    image.show(frame(67))
    image.locked = True
    high = image.high
    for other in (frame(34, binning=2), frame(17, binning=4), frame(67, ">u2")):
        image.show(other)
        assert image.locked
        assert image.high == high


def test_what_was_set_before_the_first_frame_holds_for_it(image, views):
    image.auto_high, image.high = False, 50.0
    image.show(frame(64))
    assert (image.auto_high, image.high) == (False, 50.0)


def test_detectors_differ_in_size_and_kind():
    one = Detector.of(frame(64))
    assert one.same(Detector.of(frame(64)))
    assert not one.same(Detector.of(frame(63)))
    assert not one.same(Detector.of(frame(64, "u4")))
