"""What a session says to who waits for it too long."""

import asyncio

import pytest

from steering.core.board import Board
from steering.core.errors import LateError, SteeringError
from steering.session.works import CLOSED, Works


class Follower:
    """Has nothing to close."""

    async def close(self):
        pass


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
