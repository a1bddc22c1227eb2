"""Analyses that share a task do not wait for each other."""

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from steering.analyses.map_features import MapFeatures
from steering.core.errors import PassedOverError, SteeringError
from steering.core.source import RunEnded, RunStarted
from steering.core.waiting import within
from steering.loop import company
from steering.loop.company import Company, LateError
from steering.loop.loop import Loop
from steering.loop.partial import LATE, analyse, finish, merge_all
from steering.loop.store import Store
from steering.testing import InlineFacility
from tests.loop.test_lanes import QUICK, SINGLES, Scripted, whole


@pytest.fixture(autouse=True)
def short(monkeypatch):
    # What an analysis imports when it is first used is there already on a worker that has rehearsed.
    whole()
    monkeypatch.setattr(company, "CALL_SECONDS", 1.0)


@pytest.fixture
def gate():
    """What hangs waits for this, so that no thread outlives the test."""
    event = threading.Event()
    yield event
    event.set()


class Held(MapFeatures):
    """Hangs where it is told to, as long as the gate is shut."""

    name = "held"

    def __init__(self, gate, where):
        super().__init__()
        self._gate, self._where = gate, where

    def _hold(self, where):
        if where in self._where:
            self._gate.wait(30)

    def empty(self):
        self._hold("empty")
        return super().empty()

    def update(self, state, block, frames):
        self._hold("update")
        return super().update(state, block, frames)

    def merge(self, left, right):
        self._hold("merge")
        return super().merge(left, right)

    def result(self, state):
        self._hold("result")
        return super().result(state)


class Raises(MapFeatures):
    """Its states cannot be merged."""

    name = "raises"

    def merge(self, left, right):
        raise RuntimeError("no two states are alike")


def test_one_that_is_alone_may_take_any_time(monkeypatch):
    monkeypatch.setattr(company, "CALL_SECONDS", 0.0)
    assert Company({"a": MapFeatures()}).call("a", threading.get_ident) == threading.get_ident()


def test_what_an_analysis_gives_and_raises_comes_back_from_its_thread():
    both = Company({"a": MapFeatures(), "b": MapFeatures()})
    assert both.call("a", divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        both.call("a", divmod, 7, 0)
    threads = {both.call("a", threading.get_ident) for _ in range(50)}
    assert len(threads) == 1, "a thread that has nothing to do is used again"


def test_one_that_is_late_is_not_asked_again_in_the_same_task(gate):
    both = Company({"a": MapFeatures(), "b": MapFeatures()})
    with pytest.raises(LateError):
        both.call("a", gate.wait, 30)
    asked = []
    with pytest.raises(LateError):
        both.call("a", asked.append, 1)
    assert asked == []
    assert both.call("b", divmod, 7, 2) == (3, 1)


def test_many_calls_that_each_are_in_time_are_late_together(monkeypatch):
    monkeypatch.setattr(company, "TASK_SECONDS", 0.1)
    both = Company({"a": MapFeatures(), "b": MapFeatures()})

    def often():
        for _ in range(100):
            both.call("a", time.sleep, 0.02)

    with pytest.raises(LateError):
        often()


def test_a_fork_uses_no_thread_of_its_parent():
    Company({"a": MapFeatures(), "b": MapFeatures()}).call("a", divmod, 7, 2)
    child = os.fork()
    if child == 0:
        answer = Company({"a": MapFeatures(), "b": MapFeatures()}).call("a", divmod, 7, 2)
        os._exit(0 if answer == (3, 1) else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("where", ["empty", "update", "merge", "result"])
def test_one_that_hangs_is_left_behind_and_the_other_is_whole(gate, where):
    analyses = {"held": Held(gate, {where}), "good": MapFeatures()}
    first, second = analyse(analyses, SINGLES[:100]), analyse(analyses, SINGLES[100:])
    found = finish(analyses, (), merge_all(analyses, first), second)
    assert found.apart == {"held": LATE}
    assert found.ended["held"].outcome is None
    assert found.ended["good"].outcome.data.identical(whole().data)
    assert found.frames == len(SINGLES)


def test_one_whose_states_cannot_be_merged_costs_the_other_nothing():
    analyses = {"raises": Raises(), "good": MapFeatures()}
    first, second = analyse(analyses, SINGLES[:100]), analyse(analyses, SINGLES[100:])
    found = finish(analyses, (), merge_all(analyses, first, second))
    assert found.apart == {"raises": "fails when states are merged: no two states are alike (runtime error)"}
    assert found.ended["good"].outcome.data.identical(whole().data)


class Once(Held):
    """Hangs in the first task only: late for those that it shares a task with, and no more than that."""

    def update(self, state, block, frames):
        if "update" in self._where:
            self._where.clear()
            self._gate.wait(30)
        return MapFeatures.update(self, state, block, frames)


@pytest.mark.parametrize("stored", [True, False])
async def test_one_that_is_late_goes_on_aside_and_gives_what_it_would_have_given(gate, tmp_path, stored):
    said, results = [], []
    slow = Once(gate, {"update"})
    source = Scripted(*SINGLES)
    loop = Loop(
        source,
        InlineFacility(),
        lambda _: {"good": MapFeatures(), "slow": slow},
        results.append,
        said.append,
        store=Store(tmp_path if stored else None),
        pace=QUICK,
        frames=lambda _: SINGLES[: source.pulled],
    )
    await within(60, loop.run())
    for label in ("good", "slow"):
        mine = [one for one in results if one.provenance.label == label]
        assert mine[-1].outcome.data.identical(whole().data)
        assert mine[-1].provenance.frames == len(SINGLES)
        frames = [one.provenance.frames for one in mine]
        assert frames == sorted(frames), "a result never goes back"
    assert [one for one in said if one] == [f"The analysis slow {LATE}. It goes on beside them, and comes later."]
    assert loop.drained == "kit"
    assert source.kept == set(range(len(SINGLES)))


async def test_one_whose_frames_are_not_remembered_is_left_out_and_said(gate):
    said, results = [], []

    def forgotten(run):
        raise SteeringError("They are gone.")

    loop = Loop(
        Scripted(*SINGLES),
        InlineFacility(),
        lambda _: {"slow": Once(gate, {"update"}), "good": MapFeatures()},
        results.append,
        said.append,
        pace=QUICK,
        frames=forgotten,
    )
    await within(60, loop.run())
    assert results[-1].provenance.label == "good"
    assert results[-1].outcome.data.identical(whole().data)
    assert [one for one in said if one] == [
        f"The analysis slow {LATE}. It has no further results in this run: They are gone."
    ]


async def test_all_that_are_late_go_aside_and_the_run_is_drained(gate):
    results = []
    source = Scripted(*SINGLES)
    loop = Loop(
        source,
        InlineFacility(),
        lambda _: {"a": Once(gate, {"update"}), "b": Once(gate, {"update"})},
        results.append,
        lambda _: None,
        pace=QUICK,
        frames=lambda _: SINGLES[: source.pulled],
    )
    await within(60, loop.run())
    newest = {one.provenance.label: one for one in results}
    assert {label: one.provenance.frames for label, one in newest.items()} == {"a": 240, "b": 240}
    assert all(one.outcome.data.identical(whole().data) for one in newest.values())
    assert loop.drained == "kit"


async def test_an_analysis_of_several_is_not_made_any_more_once_it_is_left():
    results, there = [], asyncio.Event()

    def take(result):
        results.append(result)
        if result.provenance.frames == 100:
            there.set()

    async def leave():
        await there.wait()
        await loop.leave("kit", "b")

    source = Scripted(*SINGLES[:100], leave, *SINGLES[100:])
    loop = Loop(
        source, InlineFacility(), lambda _: {"a": MapFeatures(), "b": MapFeatures()}, take, lambda _: None,
        pace=QUICK,
    )  # fmt: skip
    await within(60, loop.run())
    assert results[-1].outcome.data.identical(whole().data)
    most = {label: max(one.provenance.frames for one in results if one.provenance.label == label) for label in "ab"}
    assert most == {"a": 240, "b": 100}


class Threads(InlineFacility):
    """Computes each task in a thread of its own, as workers do whose threads step aside."""

    def __init__(self):
        super().__init__()
        self.threads = ThreadPoolExecutor(64)

    def submit(self, key, function, *arguments, priority=0, pool=""):
        return Waited(key, self.threads.submit(self._made, function, arguments))

    async def call(self, function, *arguments, patience):
        raise PassedOverError("not here")

    @staticmethod
    def _made(function, arguments):
        return function(*(one.made.result() if isinstance(one, Waited) else one for one in arguments))


class Waited:
    """What such a task gives."""

    def __init__(self, key, made):
        self.key, self.made = key, made

    async def done(self):
        await self.result()

    async def result(self):
        return await asyncio.shield(asyncio.wrap_future(self.made))


class TwoRuns(Scripted):
    """A run, and another one after it, whose end comes once its result is there."""

    def __init__(self, there):
        super().__init__()
        self._there = there

    async def items(self):
        for run in ("first", "second"):
            yield RunStarted(run, "map")
            for one in SINGLES:
                yield replace(one, run=run)
            yield RunEnded(run, len(SINGLES), "success")
        await self._there.wait()


async def test_a_run_that_follows_does_not_wait_for_what_is_aside(gate):
    results, there = [], asyncio.Event()

    def choose(started):
        where = {"update"} if started.run == "first" else set()
        return {"good": MapFeatures(), "slow": Held(gate, where)}

    def take(result):
        results.append(result)
        if result.provenance.run == "second" and result.provenance.frames == len(SINGLES):
            there.set()

    facility = Threads()
    loop = Loop(
        TwoRuns(there), facility, choose, take, lambda _: None, pace=QUICK,
        frames=lambda run: [replace(one, run=run) for one in SINGLES],
    )  # fmt: skip
    running = asyncio.create_task(loop.run())
    await within(20, there.wait())
    assert {one.provenance.label for one in results if one.provenance.run == "first"} == {"good"}
    # What took its time in the first run comes after the second one has begun.
    gate.set()
    await within(20, running)
    facility.threads.shutdown()
    newest = {(one.provenance.run, one.provenance.label): one for one in results}
    assert len(newest) == 4
    assert all(one.outcome.data.identical(whole().data) for one in newest.values())


class Slow(Held):
    """Says that it takes long."""

    takes_long = True


async def test_nobody_waits_for_one_that_says_that_it_takes_long(gate, monkeypatch):
    # Not even as long as others wait for one that is late.
    monkeypatch.setattr(company, "CALL_SECONDS", 60.0)
    results, said = [], []

    def take(result):
        results.append(result)
        if result.provenance.label == "good" and result.provenance.frames == 240:
            gate.set()

    loop = Loop(
        Scripted(*SINGLES), Threads(), lambda _: {"slow": Slow(gate, {"update"}), "good": MapFeatures()}, take,
        said.append, pace=QUICK,
    )  # fmt: skip
    await within(60, loop.run())
    newest = {one.provenance.label: one for one in results}
    assert {label: one.provenance.frames for label, one in newest.items()} == {"slow": 240, "good": 240}
    assert all(one.outcome.data.identical(whole().data) for one in newest.values())
    assert not any(said)
    assert loop.drained == "kit"
