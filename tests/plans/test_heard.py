"""When the frames of a burst were taken, from what was heard of the detector's counter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.devices.flight import Ear
from steering.paths.heard import LostTimesError, Track, even, frame_times, positions_at


def counter(times, before=100.0):
    """A counter that stood at 41 and counts each frame at a time."""
    return Track(np.array([before, *times]), np.array([41.0, *range(42, 42 + len(times))]))


def test_each_exposure_ends_when_the_counter_says_so():
    found = frame_times(counter([200.5, 201.0, 201.6]), 3, 0.4)
    assert found == pytest.approx([200.3, 200.8, 201.4])
    assert even(found) == (pytest.approx(200.3), pytest.approx(0.55))


@given(
    st.integers(2, 300),
    st.floats(0.001, 2.0),
    st.data(),
)
def test_counts_that_were_not_heard_lie_between_those_that_were(frames, period, data):
    ends = 1.6e9 + period * np.arange(1, frames + 1)
    heard = data.draw(st.sets(st.integers(0, frames - 2), max_size=frames - 1).map(sorted))
    kept = [*heard, frames - 1]
    if len(kept) == 1:
        kept = [0, *kept]
    track = Track(np.array([1.5e9, *ends[kept]]), np.array([7.0, *(8.0 + np.array(kept))]))
    # A time of today is exact to 0.2 us; a line that is drawn through such times, over many periods, to less.
    found = frame_times(track, frames, period)
    assert found == pytest.approx(ends - period / 2, abs=1e-4)
    # Of some frames only it is the same.
    assert (
        frame_times(track, frames, period, (0, frames - 1, frames // 2)).tolist()
        == found[[0, -1, frames // 2]].tolist()
    )


def test_a_detector_that_is_faster_than_its_exposure_says_is_believed():
    ends = 10.0 + 0.1 * np.arange(1, 6)
    assert frame_times(counter(ends), 5, 0.5) == pytest.approx(ends - 0.05)


def test_one_frame_was_exposed_until_it_was_counted():
    assert frame_times(counter([300.0]), 1, 0.2) == pytest.approx([299.9])
    assert even(np.array([299.9])) == (299.9, 0.0)


@pytest.mark.parametrize("heard", [[], [200.0, 201.0]])
def test_a_counter_that_did_not_go_far_enough_is_said(heard):
    with pytest.raises(LostTimesError, match=rf"went to {len(heard)} of 3 frames"):
        frame_times(counter(heard), 3, 0.1)


def test_an_axis_is_between_its_read_backs():
    track = Track(np.array([1.0, 2.0, 4.0]), np.array([0.0, 10.0, 30.0]))
    assert positions_at(track, np.array([1.5, 3.0])) == pytest.approx([5.0, 20.0])


def readings(*pairs):
    return {str(number): {"timestamp": at, "value": value} for number, (at, value) in enumerate(pairs)}


@given(st.lists(st.lists(st.integers(0, 50), max_size=30), max_size=8))
def test_what_was_heard_is_in_order_however_it_came(groups):
    ear, said = Ear(), []
    for group in groups:
        ear.write(readings(*((float(at), at / 2) for at in group)))
        said += group
        track = ear.track()
        assert track.times.tolist() == sorted(said)
        assert track.values.tolist() == [at / 2 for at in sorted(said)]


def test_asked_again_only_what_is_new_is_laid_out():
    ear = Ear()
    ear.write(readings(*((float(at), float(at)) for at in range(500))))
    first = ear.track()
    ear.write(readings((500.0, 500.0)))
    second = ear.track()
    assert (len(first.times), len(second.times)) == (500, 501)
    # What was there is where it was: nothing of it was copied or sorted again.
    assert np.shares_memory(first.times, second.times)
    # And what was given before stays as it is when something comes late.
    ear.write(readings((0.5, -1.0)))
    assert ear.track().values[:3].tolist() == [0.0, -1.0, 1.0]
    assert first.times.tolist() == list(range(500))
