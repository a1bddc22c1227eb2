"""Waiting that a cancellation always ends, also one that comes in the same moment as the answer."""

import asyncio

import pytest

from steering.core.waiting import end_tasks, within


def test_a_cancellation_in_the_moment_of_the_answer_is_not_lost():
    async def go():
        answer = asyncio.get_running_loop().create_future()
        ended = []

        async def ask():
            await within(10.0, answer)
            ended.append("went on")
            await asyncio.sleep(600)

        asking = asyncio.create_task(ask())
        await asyncio.sleep(0)
        # As a loop that hears of both in one turn.
        answer.set_result(1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(5):
                await asking
        return ended

    assert asyncio.run(go()) == []


def test_what_takes_too_long_is_cancelled_and_said():
    async def go():
        work = asyncio.create_task(asyncio.sleep(600))
        with pytest.raises(TimeoutError):
            await within(0.01, work)
        assert work.cancelled()
        assert await within(None, asyncio.sleep(0, "done")) == "done"

    asyncio.run(go())


def test_a_task_that_was_kept_from_hearing_is_told_again(monkeypatch):
    monkeypatch.setattr("steering.core.waiting._AGAIN_SECONDS", 0.05)

    async def go():
        heard = []

        async def deaf():
            while True:
                try:
                    await asyncio.sleep(600)
                except asyncio.CancelledError:
                    heard.append(1)
                    if len(heard) == 3:
                        raise

        async def raises():
            await asyncio.sleep(0)
            raise ZeroDivisionError

        tasks = [asyncio.create_task(deaf()), asyncio.create_task(raises())]
        await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            await end_tasks(*tasks)
        return heard

    assert asyncio.run(go()) == [1, 1, 1]
