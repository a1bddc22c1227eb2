"""Which of a run's tasks go first: what is live before what takes long, and a result before the blocks behind it."""

import os
import threading
from types import SimpleNamespace

import pytest

from steering.cluster import aside
from steering.loop.pace import Pace
from steering.loop.tasks import BLOCK_PRIORITY, RESULT_PRIORITY, Tasks


class Facility:
    """Keeps what it was asked for."""

    name = "kept"

    def __init__(self):
        self.priorities = []

    def submit(self, key, function, *arguments, priority):
        self.priorities.append(priority)


def priorities(*, steps_aside):
    facility = Facility()
    tasks = Tasks(facility, "run", Pace(), lambda: None, aside=steps_aside)
    for priority in (BLOCK_PRIORITY, RESULT_PRIORITY):
        tasks.submit("task", print, priority=priority)
    return facility.priorities


def test_no_task_that_takes_long_goes_before_a_live_one():
    block, result = priorities(steps_aside=False)
    long_block, long_result = priorities(steps_aside=True)
    # Nothing that others have on a shared facility goes before either: Dask's usual priority is 0.
    assert 0 < long_block < long_result < block < result


@pytest.mark.skipif("sys.platform != 'linux'", reason="elsewhere a priority is of the whole process")
def test_what_steps_aside_leaves_the_cores_to_others_and_slows_nothing_else(monkeypatch):
    monkeypatch.setattr(aside, "secede", lambda: seceded.append(threading.get_native_id()))
    monkeypatch.setattr(aside, "thread_state", SimpleNamespace(proceed=True))
    seceded, found = [], []

    def task():
        aside.step_aside()
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, 0)
    thread = threading.Thread(target=task)
    thread.start()
    thread.join()
    assert len(seceded) == 1
    assert found == [before + 3]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_outside_a_worker_nothing_steps_aside(monkeypatch):
    monkeypatch.setattr(aside, "secede", lambda: pytest.fail("this is no thread of a worker"))
    monkeypatch.setattr(aside, "thread_state", SimpleNamespace())
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    aside.step_aside()
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
