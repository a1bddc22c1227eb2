import asyncio

import pytest

from steering.sim.busy import Busy


class Work:
    """Something that takes a while to begin and to end, and says if two of it ran at once."""

    def __init__(self):
        self.running = self.most = self.begun = 0
        self.ending = asyncio.Event()

    async def run(self, end):
        self.begun += 1
        self.running += 1
        self.most = max(self.most, self.running)
        await end.wait()
        await self.ending.wait()
        self.running -= 1


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def begun_while_ending(busy, work):
    """Begin something, tell it to end, and begin it again while it does."""
    first = asyncio.ensure_future(busy.put("Yes", work.run))
    await settle()
    await busy.put("No", work.run)
    second = asyncio.ensure_future(busy.put("Yes", work.run))
    await settle()
    return first, second


def test_what_is_begun_while_the_last_is_ending_begins_after_it():
    async def puts():
        busy, work = Busy(), Work()
        first, second = await begun_while_ending(busy, work)
        assert (work.begun, first.done()) == (1, False)
        work.ending.set()
        await first
        await settle()
        assert (work.begun, work.most, second.done()) == (2, 1, False)
        await busy.put("No", work.run)
        await second

    asyncio.run(puts())


def test_what_is_told_to_end_before_it_could_begin_does_not_begin():
    async def puts():
        busy, work = Busy(), Work()
        first, second = await begun_while_ending(busy, work)
        await busy.put("No", work.run)
        work.ending.set()
        await asyncio.gather(first, second)
        assert work.begun == 1

    asyncio.run(puts())


def test_a_put_while_it_runs_is_done_when_that_is_and_begins_nothing():
    async def puts():
        busy, work = Busy(), Work()
        work.ending.set()
        both = [asyncio.ensure_future(busy.put("Yes", work.run)) for _ in range(2)]
        await settle()
        assert not any(put.done() for put in both)
        await busy.put("No", work.run)
        await asyncio.gather(*both)
        assert work.begun == 1

    asyncio.run(puts())


def test_one_that_fails_to_begin_does_not_stay_for_ever():
    async def broken(_):
        message = "no room"
        raise OSError(message)

    async def puts():
        busy, work = Busy(), Work()
        with pytest.raises(OSError, match="no room"):
            await busy.put("Yes", broken)
        work.ending.set()
        again = asyncio.ensure_future(busy.put("Yes", work.run))
        await settle()
        assert work.begun == 1
        await busy.put("No", work.run)
        await again

    asyncio.run(puts())
