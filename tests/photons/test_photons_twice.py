"""Photons that come one by one: a pixel with two events in one frame has two counts there, and no pair with itself."""

import numpy as np
import pytest

from steering.photons.frames import EventFrames
from steering.xpcs.levels import levels_of
from steering.xpcs.products import Dense, Photons

FRAMES, STATIC, WIDTH = 40, 3, 5


def events(seed, most):
    """Return events of few pixels, of which some come twice and more, and the same as frames."""
    random = np.random.default_rng(seed)
    each = random.integers(0, most, FRAMES)
    begins = np.concatenate([[0], np.cumsum(each)])
    # A few pixels only, so that they often have several events in a frame.
    pixel = random.choice([1, 2, 7, 14], begins[-1]).astype(np.int32)
    count = random.integers(1, 4, len(pixel)).astype(np.uint16)
    frames = np.zeros((FRAMES, STATIC * WIDTH), np.uint16)
    np.add.at(frames, (np.repeat(np.arange(FRAMES), each), pixel), count)
    return EventFrames(begins, pixel, count, (STATIC, WIDTH)), frames.reshape(FRAMES, STATIC, WIDTH)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("most", [2, 30])
def test_events_of_one_pixel_in_one_frame_are_its_counts(seed, most):
    given, frames = events(seed, most)
    found, expected = Photons.of(given), Dense.of(frames)
    assert np.array_equal(found.products(), expected.products())
    assert np.array_equal(found.total(), expected.total())
    assert np.array_equal(found.part(3, 20), expected.part(3, 20))
    for one, other in zip(levels_of(found, 1), levels_of(expected, 1), strict=True):
        assert np.array_equal(one.products, other.products)
