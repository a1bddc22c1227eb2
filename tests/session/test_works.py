"""What a session says to who waits for it too long."""

import asyncio

import pytest

from steering.core.board import Board
from steering.core.errors import LateError, SteeringError
from steering.session import session as sessions
from steering.session.session import Session
from steering.session.works import CLOSED, Ending, Works


class Follower:
    """Has nothing to close, and results that are on their way into the record."""

    def __init__(self):
        self.arrived = asyncio.Event()
        self.written = False

    async def close(self):
        pass

    async def until_written(self):
        await self.arrived.wait()
        self.written = True


@pytest.fixture
def works():
    made = Works(Follower(), Board())
    yield made
    made.end().wait()


async def late():
    raise TimeoutError("the detector")


def test_what_is_not_answered_in_time_is_said_in_words_and_goes_on(works):
    done = []

    async def slow():
        await asyncio.sleep(0.2)
        done.append(True)

    with pytest.raises(LateError, match=r"did not answer within 0\.01 s\. What was asked for may still be done"):
        works.ask(slow(), 0.01)
    works.ask(asyncio.sleep(0.4))
    assert done == [True]


def test_an_error_of_the_work_itself_is_not_taken_for_it(works):
    with pytest.raises(TimeoutError, match="the detector") as caught:
        works.ask(late())
    assert not isinstance(caught.value, SteeringError)


def test_a_closed_one_says_so(works):
    works.end().wait()
    with pytest.raises(SteeringError, match=CLOSED[:20]):
        works.ask(asyncio.sleep(0))


def test_a_session_ends_its_service_once_the_newest_results_are_in_the_record(monkeypatch):
    follower, ended = Follower(), []
    session = Session.__new__(Session)
    session._works, session.workspace = Works(follower, Board()), None
    monkeypatch.setattr(sessions, "stop_service", lambda workspace: ended.append(follower.written))
    ending = Ending("test", session._end_service)
    session._works.ask(asyncio.sleep(0))
    assert not ended
    session._works._loop.call_soon_threadsafe(follower.arrived.set)
    ending.wait()
    assert ended == [True]
    # Nobody writes for a session that is closed.
    session._works.end().wait()
    follower.written = False
    session._end_service()
    assert ended == [True, False]


@pytest.mark.parametrize("closed", [False, True])
def test_neither_a_record_that_hangs_nor_a_session_that_closes_meanwhile_keeps_the_service(monkeypatch, closed):
    ended = []
    session = Session.__new__(Session)
    session._works, session.workspace = Works(Follower(), Board()), None
    monkeypatch.setattr(sessions, "stop_service", lambda workspace: ended.append(workspace))
    monkeypatch.setattr(sessions, "_WRITTEN_SECONDS", 60.0 if closed else 0.01)
    ending = Ending("test", session._end_service)
    session._works.ask(asyncio.sleep(0))
    if closed:
        session._works.end()
    ending.wait()
    assert ended == [None]
    session._works.end().wait()
