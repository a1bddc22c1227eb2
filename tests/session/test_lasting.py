"""What a session does for as long as it lasts does not end without a word."""

import asyncio

import pytest

from steering.core.errors import SteeringError
from steering.session import lasting as module
from steering.session.board_writer import BoardWriter
from steering.session.lasting import lasting


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.0)


def opened():
    event = asyncio.Event()
    event.set()
    return event


async def test_work_that_fails_begins_again_and_says_so():
    tries, said = [], []

    async def work():
        tries.append(1)
        if len(tries) < 3:
            raise RuntimeError("deque mutated during iteration")

    await lasting("The link", work, opened(), said.append)
    assert len(tries) == 3
    assert said == ["The link failed (deque mutated during iteration (runtime error)), and begins again."] * 2


async def test_what_a_person_must_mend_ends_it_with_a_sentence():
    said = []

    async def work():
        raise SteeringError("The token has run out. Ask for a new one.")

    await lasting("The link", work, opened(), said.append)
    assert said == ["The link has ended: The token has run out. Ask for a new one. Then open the session again."]


@pytest.mark.parametrize("error", [SteeringError("No."), RuntimeError("odd")])
async def test_before_the_session_is_open_a_fault_is_of_who_opens_it(error):
    async def work():
        raise error

    with pytest.raises(type(error), match=str(error)):
        await lasting("The link", work, asyncio.Event(), pytest.fail)


async def test_a_session_opens_though_something_of_it_has_nothing_to_do():
    writer = BoardWriter.__new__(BoardWriter)
    writer._ready, gate = asyncio.Event(), asyncio.Event()

    async def nothing():
        pass

    async def follow():
        await gate.wait()
        writer._ready.set()
        await asyncio.Event().wait()

    writer._tasks = [asyncio.create_task(one()) for one in (nothing, follow)]
    opening = asyncio.create_task(writer._until_ready())
    await asyncio.sleep(0)
    await asyncio.wait(writer._tasks[:1])
    gate.set()
    async with asyncio.timeout(20):
        await opening
    writer._tasks[1].cancel()


async def test_what_fails_while_a_session_is_opened_is_raised_there():
    writer = BoardWriter.__new__(BoardWriter)
    writer._ready = asyncio.Event()

    async def refused():
        raise SteeringError("The token is not accepted.")

    writer._tasks = [asyncio.create_task(refused()), asyncio.create_task(asyncio.Event().wait())]
    with pytest.raises(SteeringError, match="not accepted"):
        await writer._until_ready()
    writer._tasks[1].cancel()
