"""Files of events of 64 bits, as APS 8-ID writes them."""

import struct

import numpy as np
import pytest

from steering.core.errors import SteeringError
from steering.photons.rigaku import EventRange, frames_of, read_rigaku, whole_events, write_rigaku


@pytest.fixture
def path(tmp_path):
    return tmp_path / "A001_dilute_att0_001.bin"


def packed(path, events):
    """Write events as the format says, without our own writer."""
    words = [frame << 40 | pixel << 16 | count for frame, pixel, count in events]
    path.write_bytes(b"".join(struct.pack("<Q", word) for word in words))


def test_each_event_says_frame_pixel_and_count(path):
    packed(path, [(0, 3, 1), (0, 5, 2), (3, 0, 4095), (4, 524_287, 1)])
    four = EventRange(0, 4)
    frames = read_rigaku(path, 0, 5, (512, 1024), four)
    assert frames.shape == (5, 512, 1024)
    assert np.diff(frames.begins).tolist() == [2, 0, 0, 1, 1]
    assert (frames.pixel.tolist(), frames.count.tolist()) == ([3, 5, 0, 524_287], [1, 2, 4095, 1])
    assert np.asarray(frames[3:4])[0, 0, 0] == 4095
    assert read_rigaku(path, 1, 3, (512, 1024), four).pixel.size == 0
    assert read_rigaku(path, 3, 9, (512, 1024), four).pixel.tolist() == [0, 524_287]


def test_what_is_written_is_read(path):
    random = np.random.default_rng(3)
    frame = np.sort(random.integers(0, 500, 3000))
    pixel, count = random.integers(0, 512 * 1024, 3000), random.integers(0, 4096, 3000)
    for part in (slice(0, 1000), slice(1000, 3000)):
        write_rigaku(path, frame[part], pixel[part], count[part])
    found = read_rigaku(path, 0, 500, (512, 1024), EventRange(0, 3000))
    assert np.repeat(np.arange(500), np.diff(found.begins)).tolist() == frame.tolist()
    assert (found.pixel.tolist(), found.count.tolist()) == (pixel.tolist(), count.tolist())
    assert frames_of(path, 17, 2999).tolist() == frame[17:2999].tolist()
    some = read_rigaku(path, 100, 101, (512, 1024), EventRange(5, 2990))
    assert some.pixel.tolist() == pixel[frame == 100].tolist()


def test_half_an_event_at_the_end_is_not_there_yet(path):
    packed(path, [(0, 3, 1), (1, 5, 2)])
    path.write_bytes(path.read_bytes()[:-3])
    assert whole_events(path) == 1
    assert read_rigaku(path, 0, 2, (4, 4), EventRange(0, 1)).pixel.tolist() == [3]
    with pytest.raises(EOFError, match="1 of 2 events"):
        read_rigaku(path, 0, 2, (4, 4), EventRange(0, 2))


def test_a_wrong_shape_is_said(path):
    packed(path, [(0, 3, 1), (1, 99, 2)])
    with pytest.raises(SteeringError, match=r"not of frames of 4 x 4 px: an event is at pixel 99"):
        read_rigaku(path, 0, 2, (4, 4), EventRange(0, 2))


def test_events_that_lie_out_of_order_are_brought_into_it(path):
    packed(path, [(0, 3, 1), (5, 1, 1), (2, 2, 1), (7, 5, 1), (2, 9, 1)])
    frames = read_rigaku(path, 0, 6, (4, 4), EventRange(0, 5, ordered=False))
    assert np.diff(frames.begins).tolist() == [1, 0, 2, 0, 0, 1]
    assert frames.pixel.tolist() == [3, 2, 9, 1]


@pytest.mark.parametrize("event", [(1 << 24, 0, 1), (0, 1 << 21, 1), (0, 0, 4096), (0, -1, 1)])
def test_what_the_format_has_no_room_for_is_not_written(path, event):
    with pytest.raises(ValueError, match="the format has room for"):
        write_rigaku(path, *(np.array([one]) for one in event))
    assert not path.exists()
