import sys
import threading

import pytest

from steering.agents.person import Person
from steering.analyses.rocking_curve import RockingCurve
from steering.core.action import Finish, SetParameter, Skip
from steering.testing.growing import growing_results


@pytest.fixture
def quick_switches():
    """Make threads take turns so often that a race shows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_what_was_said_is_suggested_once_and_in_order():
    person = Person()
    person.say(SetParameter("exposure", 0.5), "too dark")
    person.say(Finish())
    heard = person.suggest()
    assert [item.action for item in heard] == [SetParameter("exposure", 0.5), Finish()]
    assert [item.reason for item in heard] == ["too dark", ""]
    assert not person.suggest()


def test_it_rests_on_the_newest_result_that_was_there_when_it_was_said():
    person = Person()
    first, second, *_ = growing_results(RockingCurve())
    person.say(Skip(1))
    person.ingest(first, ())
    person.say(Skip(2))
    person.ingest(second, ())
    person.say(Skip(3))
    assert [item.basis for item in person.suggest()] == ["", first.basis, second.basis]


@pytest.mark.usefixtures("quick_switches")
def test_nothing_is_lost_between_threads():
    person, heard, done = Person(), [], threading.Event()

    def speak():
        for number in range(20_000):
            person.say(Skip(number))
        done.set()

    speaker = threading.Thread(target=speak)
    speaker.start()
    while not done.is_set():
        heard += person.suggest()
    speaker.join()
    heard += person.suggest()
    assert [item.action.points for item in heard] == list(range(20_000))
