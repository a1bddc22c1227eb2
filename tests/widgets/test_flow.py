from steering_widgets.frames.flow import ACK_SECONDS, BLOCKED_SECONDS, GONE_SECONDS, Flow, Pulse, Window


def flow(visible=True):
    return Flow(300.0, 300.0, visible, Window())


def test_at_most_two_frames_are_under_way():
    one = flow()
    assert one.ready(0.0, blocked=False)
    one.sent(1, 0.0, 1)
    assert one.ready(0.0, blocked=False)
    one.sent(2, 0.0, 2)
    assert not one.ready(0.1, blocked=False)
    one.acknowledged(1)
    assert one.ready(0.1, blocked=False)


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
    one.acknowledged(1)
    assert not one.gone(10 * GONE_SECONDS, blocked=False)


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
