"""Frames of events look like frames of pixels to whoever asks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from steering.photons import frames as module
from steering.photons.frames import EventFrames


def events_of(frames):
    frame, pixel = np.nonzero(frames.reshape(len(frames), -1))
    count = frames.reshape(len(frames), -1)[frame, pixel]
    begins = np.searchsorted(frame, np.arange(len(frames) + 1))
    return EventFrames(begins, pixel.astype(np.int32), count.astype(np.uint16), frames.shape[1:])


@given(data=st.data())
def test_they_are_the_frames_that_they_were_made_of(data):
    shape = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 5)))
    frames = data.draw(arrays.arrays(np.uint16, shape, elements=st.sampled_from([0, 0, 1, 7, 65_535])))
    events = events_of(frames)
    assert (events.shape, len(events), events.ndim, events.size) == (shape, shape[0], 3, frames.size)
    assert np.array_equal(np.asarray(events), frames)
    assert np.asarray(events).dtype == frames.dtype
    assert [one.tolist() for one in events] == frames.tolist()
    assert events[-1].tolist() == frames[-1].tolist()
    begin, end = sorted(data.draw(st.tuples(st.integers(0, shape[0]), st.integers(0, shape[0]))))
    some = events[begin:end]
    assert np.array_equal(np.asarray(some), frames[begin:end])
    assert np.array_equal(np.asarray(some[1:]), frames[begin:end][1:])
    bright = some.count > 5
    assert np.array_equal(np.asarray(some.without(bright)), np.where(frames > 5, 0, frames)[begin:end])


def test_events_of_one_pixel_in_one_frame_add_up_to_what_16_bits_hold():
    events = EventFrames(np.array([0, 3]), np.array([2, 2, 0], np.int32), np.array([65_000, 900, 4], np.uint16), (1, 3))
    assert np.asarray(events).tolist() == [[[4, 0, 65_535]]]


def test_they_are_laid_out_in_parts_of_bounded_size(monkeypatch):
    events = events_of(np.ones((10, 4, 4), np.uint16))
    assert list(events.parts()) == [slice(0, 10)]
    monkeypatch.setattr(module, "_PART_BYTES", 4 * 4 * 4 * 3)
    assert list(events.parts()) == [slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 10)]


@pytest.mark.parametrize(
    ("begins", "pixel", "sentence"),
    [([0, 2], [0], "do not fit"), ([], [], "do not fit"), ([0, 1], [9], "ends at 8"), ([0, 1], [-1], "pixel -1")],
)
def test_what_does_not_fit_together_is_said(begins, pixel, sentence):
    with pytest.raises(ValueError, match=sentence):
        EventFrames(np.array(begins), np.array(pixel, np.int32), np.ones(len(pixel), np.uint16), (3, 3))


def test_what_they_cannot_do_is_said():
    events = events_of(np.ones((4, 2, 2), np.uint16))
    with pytest.raises(IndexError, match="frame 4 of 4"):
        events[4]
    with pytest.raises(ValueError, match="step of 2"):
        events[::2]
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(events, copy=False)
