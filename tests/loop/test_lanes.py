"""What the two lanes promise, on facilities that lose, hang and fail."""

import asyncio
import time
from dataclasses import replace

import numpy as np
import pytest

from steering.analyses.map_features import MapFeatures
from steering.core.block import FrameBlock, Inline
from steering.core.errors import LostError, PassedOverError, SteeringError
from steering.core.source import RunEnded, RunStarted, SourceStatus
from steering.core.waiting import within
from steering.loop import tasks
from steering.loop.loop import Loop
from steering.loop.pace import Pace
from steering.loop.store import Store
from steering.testing import InlineFacility

QUICK = Pace(gather=0.0, group=0.0, checkpoint=0.01, overdue=0.02, overdue_times=0.0)
FRAMES = 240


def block(start, stop=None):
    stop = start + 1 if stop is None else stop
    index = np.arange(start, stop, dtype=float)
    frames = np.random.default_rng(5).integers(0, 999, (FRAMES, 4, 4)).astype(np.uint16)[start:stop]
    columns = {"sx": index % 20, "sy": index // 20, "sx_step": index * 0 + 1, "sy_step": index * 0 + 1}
    columns["exposure"] = index * 0 + 0.1
    return FrameBlock("kit", "primary", start, stop, Inline(frames), columns, {"sx": "um", "sy": "um"})


class Scripted:
    """A source of given items; callables among them are awaited."""

    rejected = 0
    last_rejection = ""
    status = SourceStatus("live")

    def __init__(self, *items):
        self._items = items
        self.kept = set()
        self.pulled = 0

    async def items(self):
        yield RunStarted("kit", "map")
        for item in self._items:
            if callable(item):
                await item()
                continue
            self.pulled += 1
            yield item
            await asyncio.sleep(0)
        yield RunEnded("kit", 0, "success")

    def stored(self, run, start, stop):
        self.kept |= set(range(start, stop))

    def close(self):
        pass


async def follow(source, facility, store=None, pace=QUICK):
    results, said = [], []
    loop = Loop(
        source, facility, lambda _: {"main": MapFeatures()}, results.append, said.append, store=store, pace=pace
    )
    await facility.start()
    await within(60, loop.run())
    return results, said, loop


def whole():
    analysis = MapFeatures()
    everything = block(0, FRAMES)
    return analysis.result(analysis.update(analysis.empty(), everything, everything.place.frames))


def check(results, loop, frames=FRAMES):
    assert results[-1].provenance.frames == frames
    assert loop.counts.came == loop.counts.analysed == frames
    assert loop.counts.doubled == loop.counts.failed == 0
    if frames == FRAMES:
        assert results[-1].outcome.data.identical(whole().data)


SINGLES = [block(index) for index in range(FRAMES)]


async def test_frames_in_any_order_and_repeated_are_analysed_once_each():
    order = np.random.default_rng(1).permutation(FRAMES)
    mixed = [SINGLES[index] for index in order]
    source = Scripted(*mixed[:100], block(0, 150), *mixed[100:])
    results, said, loop = await follow(source, InlineFacility())
    check(results, loop)
    assert said == []
    assert loop.counts.repeated == 150
    assert source.kept == set(range(FRAMES))


async def test_a_run_that_is_said_to_start_while_it_goes_on_goes_on():
    source = Scripted(*SINGLES[:50], RunStarted("kit", "map"), *SINGLES[50:])
    facility = InlineFacility()
    results, _, loop = await follow(source, facility, pace=Pace(gather=0.0, group=0.0, checkpoint=1e9))
    check(results, loop)
    assert loop.counts.repeated == 0


async def test_results_never_go_back_and_the_last_rests_on_the_complete_lane():
    facility = InlineFacility()
    results, _, loop = await follow(Scripted(*SINGLES), facility)
    check(results, loop)
    frames = [result.provenance.frames for result in results]
    assert frames == sorted(frames)
    assert [result.version for result in results] == list(range(1, len(results) + 1))


async def test_results_come_while_what_waited_at_the_end_is_analysed():
    facility = Losing()
    pace = Pace(gather=0.0, group=0.0, group_frames=4, group_seconds=0.0, result_pause=0.0)
    source = Scripted(block(0, FRAMES))
    results, _, loop = await follow(source, facility, pace=pace)
    check(results, loop)
    frames = [result.provenance.frames for result in results]
    assert frames == sorted(frames)
    # All of it had come before the first group was done.
    assert len([number for number in frames if pace.fresh_frames < number < FRAMES]) > 3


class Losing(InlineFacility):
    """Loses everything when told to; can be reached again after some tries."""

    def __init__(self, unreachable=2):
        super().__init__()
        self.generation = 0
        self.starts = 0
        self._unreachable = unreachable
        self._lost = False

    def lose(self):
        self._lost, self.generation, self.starts = True, self.generation + 1, 0

    async def resume(self):
        self.starts += 1
        if self._lost and self.starts <= self._unreachable:
            raise SteeringError("not yet")
        self._lost = False

    def submit(self, key, function, *arguments, priority=0):
        if self._lost:
            raise LostError("gone")
        return _Fleeting(self, super().submit(key, function, *arguments, priority=priority))

    async def call(self, function, *arguments, patience):
        held = [item for item in arguments if isinstance(item, _Fleeting)]
        if self._lost or any(item.generation != self.generation for item in held):
            raise PassedOverError("gone")
        return await super().call(function, *arguments, patience=patience)

    def _compute(self, key, function, arguments):
        plain = [item.remote if isinstance(item, _Fleeting) else item for item in arguments]
        return InlineFacility._compute(key, function, tuple(plain))


class _Fleeting:
    """A value that goes with its generation."""

    def __init__(self, facility, remote):
        self.remote, self._facility, self.generation = remote, facility, facility.generation

    @property
    def key(self):
        return self.remote.key

    async def done(self):
        await asyncio.sleep(0.001)
        if self.generation != self._facility.generation:
            raise LostError("gone")
        await self.remote.done()

    async def result(self):
        await self.done()
        return await self.remote.result()


async def test_a_lost_facility_is_reached_again_and_only_what_was_not_stored_is_computed_again(tmp_path):
    facility = Losing()

    async def lose():
        facility.lose()

    async def stored():
        async with asyncio.timeout(20):
            while not source.kept:  # noqa: ASYNC110  (the loop tells the source once it is stored)
                await asyncio.sleep(0.001)

    source = Scripted(*SINGLES[:120], stored, lose, *SINGLES[120:200], lose, *SINGLES[200:])
    results, said, loop = await follow(source, facility, Store(tmp_path / "states"))
    check(results, loop)
    assert said.count("") == len([one for one in said if one.startswith("The scheduler was lost.")]) >= 1
    analysed = [key.split("-")[1:3] for key in facility.computed if key.startswith("analyse-")]
    times = [sum(int(start) <= frame < int(stop) for start, stop in analysed) for frame in range(FRAMES)]
    # The first frames were stored before the scheduler was lost, and are not analysed again; others are.
    assert times[0] == 1
    assert min(times) == 1
    assert max(times) > 1


class Stubborn(Losing):
    """Takes no calls; reached again, it first fails in a way of its own, then is silent; never says what is lost."""

    async def resume(self):
        self.starts += 1
        if self.starts == 1:
            raise ValueError("IOStream is not idle; cannot convert to SSL")
        if self.starts == 2:
            await asyncio.Event().wait()
        self._lost = False

    async def call(self, function, *arguments, patience):
        raise PassedOverError("always busy")

    def submit(self, key, function, *arguments, priority=0):
        found = super().submit(key, function, *arguments, priority=priority)
        return _Mute(found.remote, self) if key.startswith("result-") else found


class _Mute(_Fleeting):
    """A result that is never told to be lost."""

    def __init__(self, remote, facility):
        super().__init__(facility, remote)

    async def done(self):
        await asyncio.sleep(0.001)
        if self.generation != self._facility.generation or self._facility._lost:
            await asyncio.Event().wait()
        await self.remote.done()


async def test_a_facility_that_fails_and_falls_silent_while_it_is_reached_is_reached_all_the_same(monkeypatch):
    monkeypatch.setattr(tasks, "_RESUME_SECONDS", 0.05)
    facility = Stubborn()

    async def lose():
        facility.lose()

    results, _, loop = await follow(Scripted(*SINGLES[:120], lose, *SINGLES[120:]), facility)
    check(results, loop)
    assert facility.starts == 3


async def test_a_kernel_that_comes_back_computes_nothing_that_was_stored(tmp_path):
    first = InlineFacility()
    await follow(Scripted(*SINGLES[:150]), first, Store(tmp_path))
    second = InlineFacility()
    source = Scripted(*SINGLES)
    results, _, loop = await follow(source, second, Store(tmp_path))
    check(results, loop)
    starts = [int(key.split("-")[1]) for key in second.computed if key.startswith("analyse-")]
    assert starts
    assert min(starts) >= 150
    assert source.kept == set(range(FRAMES))


@pytest.mark.parametrize(
    "damage",
    [b"", b"nonsense", b"\x80\x05K\x01.", b"coperator\ngetitem\n(}K\x01tR."],
    ids=["empty", "garbage", "something else", "what raises anything"],
)
async def test_a_damaged_checkpoint_costs_time_and_nothing_else(tmp_path, damage):
    await follow(Scripted(*SINGLES[:150]), InlineFacility(), Store(tmp_path))
    kept = list(tmp_path.glob("*.state"))
    assert kept
    for file in kept:
        assert file.stat().st_mode & 0o777 == 0o600
        file.write_bytes(damage)
    results, _, loop = await follow(Scripted(*SINGLES), InlineFacility(), Store(tmp_path))
    check(results, loop)


class Hanging(InlineFacility):
    """One task hangs until it is said to be overdue."""

    def __init__(self):
        super().__init__()
        self.overdue_keys = []
        self._released = asyncio.Event()

    async def overdue(self, key, patience):
        self.overdue_keys.append(key)
        self._released.set()

    def submit(self, key, function, *arguments, priority=0):
        remote = super().submit(key, function, *arguments, priority=priority)
        if key.startswith("analyse-0-"):
            plain = remote.done

            async def done():
                await self._released.wait()
                await plain()

            object.__setattr__(remote, "done", done)
        return remote


async def test_a_block_that_hangs_holds_nothing_up_and_is_said_to_be_overdue():
    facility = Hanging()
    results, said, loop = await follow(Scripted(*SINGLES), facility)
    check(results, loop)
    assert facility.overdue_keys[0].startswith("analyse-0-")
    assert said == []


class Surprising(Hanging):
    """Raises what nobody expects, the first time that something is overdue."""

    async def overdue(self, key, patience):
        if not self.overdue_keys:
            self.overdue_keys.append(key)
            raise ZeroDivisionError
        await super().overdue(key, patience)


async def test_a_loop_that_fails_says_so_and_the_next_run_is_analysed_all_the_same():
    async def failed():
        while not said:  # noqa: ASYNC110  (the loop says it, and tells nobody)
            await asyncio.sleep(0.001)

    said, results = [], []
    facility = Surprising()
    source = Scripted(
        *SINGLES[:100], failed, *SINGLES[100:], RunEnded("kit", 0, "success"), RunStarted("kit", "map"), *SINGLES
    )
    loop = Loop(source, facility, lambda _: {"main": MapFeatures()}, results.append, said.append, pace=QUICK)
    await facility.start()
    await within(60, loop.run())
    check(results, loop)
    # It is over with the run that it happened in.
    sentence, over = said
    assert over == ""
    assert sentence.startswith("The loop failed: zero division error. The next run is analysed again")
    assert loop.drained == "kit"


async def test_a_source_is_held_back_while_too_much_waits():
    facility = Hanging()
    source = Scripted(*SINGLES)
    pace = Pace(gather=0.0, group=0.0, group_frames=4, waiting_frames=20, overdue=1e9, checkpoint=1e9)
    following = asyncio.create_task(follow(source, _NoHands(facility), pace=pace))
    try:
        async with asyncio.timeout(20):
            while source.pulled < 20:  # noqa: ASYNC110  (the loop pulls, and tells nobody)
                await asyncio.sleep(0.001)
        for _ in range(200):
            await asyncio.sleep(0)
        # What was gathered, what waits, and what the queue between them holds; but never all.
        assert source.pulled <= FRAMES
        facility._released.set()
        results, _, loop = await following
        check(results, loop)
    finally:
        following.cancel()


class _NoHands:
    """A facility whose tasks hang until it is released."""

    def __init__(self, facility):
        self._facility = facility

    def __getattr__(self, name):
        return getattr(self._facility, name)


async def test_frames_that_cannot_be_read_are_counted_and_the_rest_is_whole():
    bad = FrameBlock("kit", "primary", FRAMES, FRAMES + 3, Inline(np.zeros((3, 4, 4))), {"sx": np.zeros(3)})
    results, said, loop = await follow(Scripted(*SINGLES, bad), InlineFacility())
    assert loop.counts.failed == 3
    assert loop.counts.analysed == FRAMES
    assert results[-1].outcome.data.identical(whole().data)
    assert any("no column" in sentence for sentence in said)


class Unreadable(Inline):
    """Frames of a file that is damaged."""

    def read(self, first, stop):
        del first, stop
        raise SteeringError("The file is damaged.")

    def part(self, part):
        return Unreadable(self.frames[part])


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (the loop's results come from nobody who can tell)
            await asyncio.sleep(0.001)


class Noting(Store):
    """Says how many unreadable frames it has stored."""

    failed = 0

    async def put(self, run, analyses, partial, after=None):
        stored = await super().put(run, analyses, partial, after)
        self.failed = partial.failed
        return stored


async def test_frames_that_could_not_be_read_hold_up_no_result_after_they_are_stored(tmp_path):
    results, store = [], Noting(tmp_path)
    damaged = replace(block(20, 60), place=Unreadable(np.zeros((40, 4, 4))))

    async def stored():
        await until(lambda: store.failed == 40)

    async def shown():
        await until(lambda: results[-1].provenance.last_frame == 60)

    source = Scripted(block(0, 20), damaged, stored, block(60, 61), shown)
    facility = InlineFacility()
    loop = Loop(source, facility, lambda _: {"main": MapFeatures()}, results.append, print, store=store, pace=QUICK)
    await facility.start()
    await within(60, loop.run())
    assert loop.counts.failed == 40
    assert results[-1].provenance.frames == 21


async def test_frames_that_could_be_read_when_a_kernel_came_back_are_not_said_to_have_failed(tmp_path):
    damaged = replace(block(20, 60), place=Unreadable(np.zeros((40, 4, 4))))
    _, _, loop = await follow(Scripted(block(0, 20), damaged), InlineFacility(), Store(tmp_path))
    assert loop.counts.failed == 40
    results, _, loop = await follow(Scripted(block(0, 20), block(20, 60)), InlineFacility(), Store(tmp_path))
    assert (loop.counts.failed, loop.counts.came, loop.counts.analysed) == (0, 60, 60)
    assert results[-1].provenance.frames == 60


async def test_a_frame_from_the_future_says_nothing_of_how_quick_the_loop_is():
    future = replace(block(0, 20), seen={"document": time.time() + 86400.0})
    now = replace(block(20, 40), seen={"document": time.time() + 0.5})
    results, _, loop = await follow(Scripted(future, now), InlineFacility())
    assert results[-1].provenance.frames == 40
    assert len(loop.photon_to_feature.samples) == 20
    assert min(loop.photon_to_feature.samples) > -1.0


class Failing(InlineFacility):
    """Cannot do one task at all, as when it kills every worker."""

    def submit(self, key, function, *arguments, priority=0):
        def fail(*_):
            raise RuntimeError("killed every worker")

        chosen = fail if key.startswith("analyse-0-") else function
        return super().submit(key, chosen, *arguments, priority=priority)


async def test_a_task_that_cannot_be_done_at_all_is_said_and_the_run_ends():
    results, said, loop = await follow(Scripted(*SINGLES), Failing())
    assert any("killed every worker" in sentence and "Frames 0 to" in sentence for sentence in said)
    assert 0 < loop.counts.analysed < FRAMES
    assert results


async def test_a_source_that_fails_ends_the_loop_with_its_error():
    async def fail():
        raise ValueError("the source is broken")

    with pytest.raises(ValueError, match="the source is broken"):
        await follow(Scripted(*SINGLES[:5], fail), InlineFacility())


async def test_a_run_without_frames_ends():
    results, _, loop = await follow(Scripted(), InlineFacility())
    assert results == []
    assert loop.counts.came == 0


@pytest.mark.parametrize(
    ("chosen", "labels"),
    [
        (MapFeatures(), {"map_features"}),
        ({"a": MapFeatures(), "b": MapFeatures()}, {"a", "b"}),
        (None, set()),
        ({}, set()),
    ],
)
async def test_a_run_gets_one_analysis_or_several_by_label_or_none(chosen, labels):
    results, facility = [], InlineFacility()
    await facility.start()
    loop = Loop(Scripted(*SINGLES), facility, lambda _: chosen, results.append, lambda _: None, pace=QUICK)
    await within(60, loop.run())
    newest = {one.provenance.label: one for one in results}
    assert set(newest) == labels
    assert loop.drained == "kit"
    for one in newest.values():
        assert one.provenance.frames == FRAMES
        assert one.outcome.data.identical(whole().data)
    assert sum(key.startswith("analyse-") for key in facility.computed) >= bool(labels)


class Unmergeable(MapFeatures):
    """Fails whenever states are merged, with an error that no library of ours raises."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def merge(self, left, right):
        raise self.error


class TwoRuns(Scripted):
    """Two runs, one after the other."""

    async def items(self):
        for run in ("first", "second"):
            yield RunStarted(run, "map")
            for start in range(0, 40, 10):
                yield replace(block(start, start + 10), run=run)
                await asyncio.sleep(0)
            yield RunEnded(run, 0, "success")


@pytest.mark.parametrize("error", [ZeroDivisionError("no"), IndexError("no"), MemoryError("no"), AttributeError("no")])
@pytest.mark.parametrize("checkpoint", [0.01, 60.0])
async def test_an_analysis_that_cannot_merge_ends_with_its_run_and_the_next_is_analysed(error, checkpoint):
    results, said = [], []
    pace = replace(QUICK, checkpoint=checkpoint)
    facility = InlineFacility()

    def choose(started):
        return {"main": Unmergeable(error) if started.run == "first" else MapFeatures()}

    loop = Loop(TwoRuns(), facility, choose, results.append, said.append, pace=pace)
    await facility.start()
    await within(60, loop.run())
    assert any("could not be analysed" in one or "cannot be stored" in one for one in said), said
    assert not any("The loop failed" in one for one in said)
    assert results[-1].provenance.run == "second"
    assert results[-1].provenance.frames == 40
