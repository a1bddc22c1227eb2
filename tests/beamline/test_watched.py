"""A child that dies is started again, hears all that matters, and what it says to people reaches them."""

import errno
import io
import json
import os
import queue
import threading
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.beamline import children, watched
from steering.beamline.told_runs import _MOST_WAITING, ToldRuns
from steering.beamline.watched import Watched
from steering.core.errors import SteeringError
from steering.machine.child_words import said_by_child, say_to_parent

NOBODY = 20.0


class Child:
    """A process as far as it is watched: it lives until it is told to end."""

    def __init__(self, said=""):
        reads, writes = os.pipe()
        self.reads, self.stdin = os.fdopen(reads, "rb"), os.fdopen(writes, "w")
        self._ended = threading.Event()
        self.stdout = self._said(said)

    def _said(self, said):
        yield from io.StringIO(said)
        self._ended.wait(NOBODY)

    def die(self):
        self.reads.close()
        self._ended.set()

    def wait(self, _seconds=None):
        # It has died, or its lifeline was closed.
        self._ended.set()
        return 7


@pytest.fixture
def watch(monkeypatch):
    """Watch a child; those after it, or why there is none, are given. Return what is watched and what is said."""
    monkeypatch.setattr(watched, "_AGAIN_SECONDS", 0.001)
    monkeypatch.setattr(watched, "_LATEST_SECONDS", 0.01)
    made = []

    def do(first, *later):
        answers, said = iter(later), queue.Queue()

        def again():
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        made.append(Watched(first, again, "The record", "nothing is lost", said.put))
        return made[-1], said

    yield do
    for one in made:
        one.end()


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_a_child_that_cannot_be_started_again_is_tried_until_it_can_and_that_is_said(watch, number):
    first, next_one = Child(), Child()
    failed = OSError(number, os.strerror(number))
    _, said = watch(first, failed, failed, next_one, Child())
    first.die()
    for _ in range(2):
        sentence = said.get(timeout=NOBODY)
        assert f"cannot be started again: {os.strerror(number)}. It is tried again in" in sentence
    assert "was started again. Once so far; nothing is lost." in said.get(timeout=NOBODY)
    next_one.die()
    assert "2 times so far" in said.get(timeout=NOBODY)


def test_a_service_whose_children_cannot_be_started_says_why(monkeypatch, workspace):
    def full(*_args, **_more):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(children.subprocess, "Popen", full)
    starts = {
        "The simulated beamline": lambda stack: children.start_simulation(stack, 1.0, 0, {}, print),
        "The record": lambda stack: children.start_record(workspace, stack, print),
        "The process of flows": lambda stack: children.start_flows(workspace, "", stack, print),
    }
    for title, start in starts.items():
        with ExitStack() as stack, pytest.raises(SteeringError) as raised:
            start(stack)
        assert str(raised.value) == (
            f"{title} cannot be started: Resource temporarily unavailable. End what this machine can do without, and "
            "start the service again."
        )


def test_it_ends_also_while_its_child_cannot_be_started_again(watch):
    first = Child()
    one, said = watch(first, *[OSError(errno.EAGAIN, "none")] * 100_000)
    first.die()
    said.get(timeout=NOBODY)
    one.end()
    assert not one._thread.is_alive()


def test_what_a_child_says_to_people_is_handed_on_and_nothing_else(watch, capsys):
    say_to_parent("Two runs are not in the record. Look: 'µ'.")
    line = capsys.readouterr().out
    _, said = watch(Child(f'{{"kind": "ready"}}\nno json\n[1]\n{{"kind": "say", "text": 3}}\n{line}'))
    assert said.get(timeout=NOBODY) == "Two runs are not in the record. Look: 'µ'."
    assert said.empty()
    assert said_by_child('{"kind": "ready", "text": "x"}') == ""


def test_a_child_that_reads_late_still_hears_each_begin_and_end_and_the_newest_points(watch):
    child, told = Child(), []
    one, _ = watch(child)
    for number in range(200):
        one.tell({"what": "began", "run": f"run-{number}"})
        for frames in range(30):
            one.tell({"what": "events", "run": f"run-{number}", "frames": frames, "more": "x" * 100})
        one.tell({"what": "ended", "run": f"run-{number}"})
    # Far more than a pipe takes at once.
    for line in child.reads:
        told.append(json.loads(line))
        if told[-1] == {"what": "ended", "run": "run-199"}:
            break
    for number in range(200):
        mine = [line for line in told if line["run"] == f"run-{number}"]
        assert [mine[0]["what"], mine[-1]["what"], mine[-2]["frames"]] == ["began", "ended", 29]


def test_what_is_told_to_a_child_that_has_died_is_told_to_nobody_and_the_next_one_hears_the_rest(watch):
    first, next_one = Child(), Child()
    one, said = watch(first, next_one)
    first.die()
    said.get(timeout=NOBODY)
    one.tell({"what": "ended", "run": "x"})
    assert json.loads(next_one.reads.readline()) == {"what": "ended", "run": "x"}


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60), st.integers(0, _MOST_WAITING + 10))
def test_of_what_waits_only_points_are_put_together_and_all_stays_in_order(points, before):
    waiting, put = ToldRuns(), [{"what": "began", "run": str(number % 4)} for number in range(before)]
    counts = [0] * 4
    for run, ends in points:
        counts[run] += 1
        more = {"frames": counts[run]} if not ends else {}
        put.append({"what": "ended" if ends else "events", "run": str(run), **more})
    for one in put:
        waiting.put(one)
    waiting.end()
    heard = list(iter(waiting.take, None))
    assert len(heard) <= len(put)
    if len(put) <= _MOST_WAITING:
        assert heard == put
    for run in "0123":
        mine, told = ([one for one in lines if one["run"] == run] for lines in (put, heard))
        assert [one for one in told if one["what"] != "events"] == [one for one in mine if one["what"] != "events"]
        counted = [one["frames"] for one in told if one["what"] == "events"]
        assert counted == sorted(set(counted))
        assert max(counted, default=0) == max((one["frames"] for one in mine if one["what"] == "events"), default=0)
    assert waiting._points == {}
