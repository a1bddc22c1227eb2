"""How many frames one task takes, from how long earlier ones took."""

import math

from hypothesis import given
from hypothesis import strategies as st

from steering.loop.group_size import GroupSize
from steering.loop.pace import Pace

PACE = Pace()


def test_before_anything_is_known_it_is_the_pace_s():
    assert GroupSize(PACE).choose(1_000_000, 2) == PACE.group_frames


def test_a_fast_analysis_takes_its_share_of_a_backlog_and_ever_less_of_what_is_left():
    size = GroupSize(PACE)
    size.took(20e-6)
    left, sizes = 10_000, []
    while left > 0:
        sizes.append(min(size.choose(left, 2), left))
        left -= sizes[-1]
    assert sizes[0] == 2500
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) < 20


def test_a_slow_analysis_keeps_a_worker_for_the_pace_s_time_only():
    size = GroupSize(PACE)
    for _ in range(20):
        size.took(0.1)
    assert size.choose(1_000_000, 2) == round(PACE.group_seconds / 0.1)


def test_what_a_first_task_took_is_soon_forgotten_and_one_slow_task_changes_little():
    size = GroupSize(PACE)
    for per_frame in (3e-3, 1e-4, 1e-4):
        size.took(per_frame)
    assert size.choose(1_000_000, 2) > 0.25 * PACE.group_seconds / 1e-4
    before = size.choose(1_000_000, 2)
    size.took(2e-4)
    assert size.choose(1_000_000, 2) > 0.7 * before


@given(st.lists(st.floats(0) | st.just(math.nan)), st.integers(0, 10**9), st.integers(1, 10_000))
def test_there_is_always_something_to_do_and_never_too_much(history, waiting, threads):
    size = GroupSize(PACE)
    for per_frame in history:
        size.took(per_frame)
    assert 1 <= size.choose(waiting, threads) <= PACE.group_frames_most


def test_a_few_frames_are_tried_until_it_is_known_what_one_more_takes():
    size = GroupSize(PACE)
    # To open the file takes three milliseconds, to read on a tenth of one.
    for frames in (1, 1, size.fresh):
        size.took((3e-3 + 1e-4 * (frames - 1)) / frames)
        size.looked(frames, 3e-3 + 1e-4 * (frames - 1))
        assert size.fresh > 1
    assert size.fresh == PACE.fresh_frames


def test_a_result_waits_for_no_fresh_frames_that_take_long():
    size = GroupSize(PACE)
    size.took(0.1)
    size.looked(1, 0.1)
    assert size.fresh == 1
    # Also where the first was quick.
    size = GroupSize(PACE)
    for frames in (1, 2, 2, 2, 2, 2, 2):
        size.took(1e-3)
        size.looked(frames, 1e-3 + 0.1 * (frames - 1))
    assert size.fresh == 1


@given(st.lists(st.tuples(st.integers(-1, 1000), st.floats())), st.floats(0))
def test_one_fresh_frame_is_always_looked_at_and_never_too_many(history, per_frame):
    size = GroupSize(PACE)
    size.took(per_frame)
    for frames, seconds in history:
        size.looked(frames, seconds)
        assert 1 <= size.fresh <= PACE.fresh_frames
