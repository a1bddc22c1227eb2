"""Who waits for a frame is woken by it, from any thread, and has the newest; nobody looks again and again."""

import asyncio
import threading
from contextlib import aclosing

import numpy as np

from steering.beamline.newest import Newest
from steering.core.frame import Frame


def frame(number):
    return Frame(np.full((2, 2), number), number, 0.0)


async def test_each_that_waits_has_the_newest_and_none_twice():
    newest = Newest()
    newest.put(frame(1))
    async with aclosing(newest.frames()) as one, aclosing(newest.frames()) as other:
        assert (await anext(one)).number == (await anext(other)).number == 1
        for number in (2, 3, 4):
            newest.put(frame(number))
        assert (await anext(one)).number == 4
        waiting = asyncio.ensure_future(anext(one))
        await asyncio.sleep(0)
        assert not waiting.done()
        threading.Thread(target=newest.put, args=[frame(5)]).start()
        assert (await waiting).number == 5
        # It has looked at nothing meanwhile.
        assert (await anext(other)).number == 5


async def test_it_does_not_look_again_until_a_frame_comes(monkeypatch):
    newest, looks = Newest(), []
    read = newest._cell.read
    monkeypatch.setattr(newest._cell, "read", lambda: looks.append(1) or read())
    async with aclosing(newest.frames()) as frames:
        waiting = asyncio.ensure_future(anext(frames))
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(looks) == 1
        newest.put(frame(0))
        assert (await waiting).number == 0
        assert len(looks) == 2


async def test_who_has_gone_is_forgotten_and_a_frame_after_the_end_of_a_loop_is_kept():
    newest = Newest()
    async with aclosing(newest.frames()) as frames:
        asking = asyncio.ensure_future(anext(frames))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    assert newest._waiting == {}

    def elsewhere():
        loop = asyncio.new_event_loop()
        left = newest.frames()
        with_nothing = loop.create_task(anext(left))
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        newest.put(frame(7))
        return left, with_nothing

    kept = await asyncio.to_thread(elsewhere)
    assert len(kept) == 2
    async with aclosing(newest.frames()) as frames:
        assert (await anext(frames)).number == 7
