import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering_widgets.frames.flow import (
    ACK_SECONDS,
    ASK_SECONDS,
    BLOCKED_SECONDS,
    COUNTED_SECONDS,
    GONE_SECONDS,
    MOST_IN_FLIGHT,
    QUICK_SECONDS,
    Flow,
    Pulse,
    Window,
)


def flow(visible=True):
    return Flow(300.0, 300.0, visible, Window())


def test_at_most_two_frames_are_under_way():
    one = flow()
    assert one.ready(0.0, blocked=False)
    one.sent(1, 0.0, 1)
    assert one.ready(0.0, blocked=False)
    one.sent(2, 0.0, 2)
    assert not one.ready(0.1, blocked=False)
    one.acknowledged(1, 0.1)
    assert one.ready(0.1, blocked=False)


def test_a_view_that_keeps_up_is_asked_now_and_then_only():
    one, asked = flow(), 0
    for serial in range(1, 101):
        now = serial * 0.1
        assert one.ready(now, blocked=False)
        if one.sent(serial, now, serial).asks:
            asked += 1
            one.acknowledged(serial, now + QUICK_SECONDS / 2)
    assert asked == pytest.approx(10.0 / ASK_SECONDS, abs=2)


def test_a_view_that_stops_keeping_up_has_at_most_two_from_when_it_was_asked():
    one = flow()
    one.sent(1, 0.0, 1)
    one.acknowledged(1, 0.01)
    sent, serial, now = 0, 1, 0.0
    while now < ASK_SECONDS + ACK_SECONDS / 2:
        now, serial = now + 0.01, serial + 1
        if one.ready(now, blocked=False):
            sent = 1 if one.sent(serial, now, serial).asks else sent + 1
    assert sent == MOST_IN_FLIGHT


def test_a_frame_that_another_follows_goes_once_and_one_that_stands_has_its_histogram_sent():
    one, counted = flow(), 0
    for serial in range(1, 100):
        now = serial * 0.1
        assert one.wants(serial, now)
        counted += one.sent(serial, now, serial).counts
        assert not one.wants(serial, now + 0.099)
    assert counted == pytest.approx(10.0 / COUNTED_SECONDS, abs=1)
    now += COUNTED_SECONDS / 5
    assert one.wants(100, now)
    assert not one.sent(100, now, 100).counts  # the last of all, so soon that it is not counted
    assert one.wants(100, now + COUNTED_SECONDS)
    assert one.sent(101, now + COUNTED_SECONDS, 100).counts
    assert not one.wants(100, now + 10 * COUNTED_SECONDS)


PAUSES = st.lists(st.floats(0.0, 0.6), min_size=1, max_size=200)
DELAYS = st.lists(st.floats(0.0, 3.0), min_size=200, max_size=200)


@given(PAUSES, DELAYS)
def test_whatever_a_view_does_no_more_than_two_follow_a_question_that_is_open(pauses, delays):
    one, now, answers, after = flow(), 0.0, {}, {}
    for serial, pause in enumerate(pauses):
        now += pause
        for asked in [asked for asked, at in answers.items() if at <= now]:
            one.acknowledged(asked, answers.pop(asked))
            after.pop(asked, None)
        after = {asked: count for asked, count in after.items() if now - count[1] < ACK_SECONDS}
        if one.ready(now, blocked=False):
            after = {asked: (count + 1, at) for asked, (count, at) in after.items()}
            if one.sent(serial, now, serial).asks:
                # A view answers in the order in which it was asked.
                answers[serial] = max([now + delays[serial], *answers.values()])
                after[serial] = (1, now)
            assert all(count <= MOST_IN_FLIGHT for count, _ in after.values())


def test_a_frame_that_is_never_acknowledged_does_not_block_for_ever():
    one = flow()
    one.sent(1, 0.0, 1)
    one.sent(2, 0.0, 2)
    assert not one.ready(ACK_SECONDS / 2, blocked=False)
    assert one.ready(ACK_SECONDS, blocked=False)


def test_while_a_cell_blocks_the_kernel_frames_go_out_slowly_but_go_out():
    one = flow()
    one.sent(1, 0.0, 1)
    assert not one.ready(BLOCKED_SECONDS / 2, blocked=True)
    assert one.ready(BLOCKED_SECONDS, blocked=True)


def test_a_view_that_nobody_sees_gets_nothing():
    assert not flow(visible=False).ready(0.0, blocked=False)


def test_a_view_that_paints_nothing_is_gone_unless_nobody_could_have_heard_it():
    one = flow()
    assert not one.gone(10 * GONE_SECONDS, blocked=False)
    one.sent(1, 0.0, 1)
    one.sent(2, 5.0, 2)
    assert not one.gone(GONE_SECONDS + 1, blocked=True)
    assert not one.gone(GONE_SECONDS + 2, blocked=False)
    assert one.gone(2 * GONE_SECONDS + 2, blocked=False)
    one.acknowledged(1, 2 * GONE_SECONDS + 2)
    assert not one.gone(10 * GONE_SECONDS, blocked=False)


ANSWERED = st.lists(st.floats(0.0, GONE_SECONDS - 1), min_size=200, max_size=200)


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=200), ANSWERED, st.floats(0.0, 1e4))
def test_a_view_that_answers_what_it_is_asked_stays_for_ever(pauses, delays, quiet):
    one, now, answers = flow(), 0.0, {}
    for serial, pause in enumerate(pauses):
        now += pause
        for asked in [asked for asked, at in answers.items() if at <= now]:
            one.acknowledged(asked, answers.pop(asked))
        assert not one.gone(now, blocked=False)
        if one.ready(now, blocked=False) and one.sent(serial, now, serial).asks:
            answers[serial] = max([now + delays[serial], *answers.values()])
    for asked, at in answers.items():
        assert not one.gone(at, blocked=False)
        one.acknowledged(asked, at)
    # Nothing more is sent, for as long as it may be.
    assert not one.gone(now + GONE_SECONDS + quiet, blocked=False)


def test_without_an_event_loop_nothing_counts_as_blocked():
    pulse = Pulse()
    assert not pulse.blocked(0.0)
    assert not pulse.blocked(100.0)


async def test_a_loop_that_does_not_answer_counts_as_blocked_until_it_does():
    import asyncio

    pulse = Pulse()
    assert not pulse.blocked(1.0)
    assert pulse.blocked(1.0 + 2 * BLOCKED_SECONDS)
    await asyncio.sleep(0)
    assert not pulse.blocked(1.0 + 3 * BLOCKED_SECONDS)
