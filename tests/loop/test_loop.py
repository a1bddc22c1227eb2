import asyncio
import itertools
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.analyses.centre_of_mass import CentreOfMass
from steering.analyses.rocking_curve import RockingCurve
from steering.core.block import FrameBlock, Inline
from steering.core.source import RunEnded, RunStarted, SourceStatus
from steering.loop.loop import Loop
from steering.loop.pace import Pace
from steering.loop.ranges import count, unite, without
from steering.loop.reduction import Reduction
from steering.loop.stopwatch import Stopwatch
from steering.testing import InlineFacility
from steering.testing.blocks import make_block, varied_blocks


@given(st.integers(0, 200), st.integers(2, 9))
def test_a_reduction_holds_all_in_few_items_of_few_merges(count, base):
    depth = {}

    def merge(items):
        joined = frozenset.union(*items)
        depth[joined] = 1 + max(depth.get(item, 0) for item in items)
        return joined

    reduction = Reduction(merge, base)
    for index in range(count):
        reduction.add(frozenset([index]))
    assert sorted(index for item in reduction.items for index in item) == list(range(count))
    digits = np.base_repr(count, base)
    assert len(reduction.items) == sum(int(digit) for digit in digits)
    assert max(depth.values(), default=0) <= len(digits) - 1


ranges = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)).map(lambda r: (r[0], r[0] + r[1])), max_size=8)


@given(ranges, ranges)
def test_united_ranges_hold_each_index_once_and_count_what_was_in_both(first, second):
    (one, _), (two, _) = unite(first, ()), unite(second, ())
    whole, both = unite(one, two)
    sets = [{i for start, stop in part for i in range(start, stop)} for part in (one, two, whole)]
    assert sets[2] == sets[0] | sets[1]
    assert both == len(sets[0] & sets[1])
    assert count(whole) == len(sets[2])
    assert all(before[1] < after[0] for before, after in itertools.pairwise(whole))


@given(st.integers(0, 60), st.integers(1, 30), ranges)
def test_what_is_left_of_a_range_is_in_none_of_the_others(start, length, taken):
    others, _ = unite(taken, ())
    left = without(start, start + length, others)
    found = [i for a, b in left for i in range(a, b)]
    assert found == [i for i in range(start, start + length) if not any(a <= i < b for a, b in others)]


def test_a_stopwatch_counts_on_and_forgets_old_samples():
    watch = Stopwatch()
    assert np.isnan(watch.quantiles.p50)
    for value in range(5000):
        watch.add(value / 1000)
    assert watch.quantiles.count == 5000
    assert watch.quantiles.p50 == 3999.5


class Given:
    """A source of given items."""

    rejected = 0
    last_rejection = ""
    status = SourceStatus("live")

    def __init__(self, items, gap=0.0):
        self._given, self._gap = items, gap
        self.kept = []

    def stored(self, run, start, stop):
        self.kept.append((run, start, stop))

    def close(self):
        pass

    async def items(self):
        for item in self._given:
            yield item
            await asyncio.sleep(self._gap)


async def run_loop(items, facility=None, gap=0.0, analysis=None):
    chosen = facility or InlineFacility()
    await chosen.start()
    results, complaints = [], []
    chosen_analysis = analysis or RockingCurve()
    loop = Loop(Given(items, gap), chosen, lambda _: {"main": chosen_analysis}, results.append, complaints.append)
    await loop.run()
    return results, complaints, chosen


class Begun(Given):
    """A source that begins something with its items and takes a while to end it."""

    given = 0
    begun = False

    async def items(self):
        self.begun = True
        try:
            async for item in super().items():
                self.given += 1
                yield item
        finally:
            await asyncio.sleep(0.05)
            self.begun = False


@pytest.mark.parametrize(("gap", "given"), [(100.0, 1), (0.0, 1001)])
async def test_what_a_source_has_begun_has_ended_when_its_loop_has(gap, given):
    """Whether its next item is waited for just then, or there is no room for it."""
    facility, held = InlineFacility(), asyncio.Event()
    await facility.start()

    async def choose_slowly(*_):
        await held.wait()

    source = Begun([RunStarted(f"kit {number}", "rocking") for number in range(1500)], gap)
    loop = Loop(source, facility, lambda _: {"main": RockingCurve()}, [].append, [].append)
    loop._store.alike = choose_slowly
    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(30):
        while source.given < given:  # noqa: ASYNC110  (there is nothing that tells of it)
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert given <= source.given < 1500, "its next item was waited for, or there was no room for it"
    assert not source.begun


def items_of(blocks, run="kit"):
    frames = sum(len(block) for block in blocks)
    return [RunStarted(run, "rocking"), *blocks, RunEnded(run, frames, "success")]


async def test_the_last_result_holds_all_frames_and_equals_one_pass():
    blocks = [block for seed in range(3) for block in varied_blocks(seed)]
    start, moved = 0, []
    for block in blocks:
        moved.append(
            FrameBlock(block.run, "primary", start, start + len(block), block.place, block.columns, block.units)
        )
        start += len(block)
    results, complaints, _ = await run_loop(items_of(moved), gap=0.001)
    analysis = RockingCurve()
    whole = reduce(lambda state, b: analysis.update(state, b, b.place.frames), moved, analysis.empty())
    expected = analysis.result(whole)
    assert not complaints
    assert results[-1].provenance.frames == start
    assert results[-1].outcome.features == expected.features
    assert results[-1].outcome.data.identical(expected.data)
    assert [result.version for result in results] == sorted({result.version for result in results})


async def test_a_block_that_comes_again_is_computed_once():
    blocks = list(varied_blocks())
    results, _, facility = await run_loop([*items_of([*blocks, *blocks])])
    assert results[-1].provenance.frames == sum(len(block) for block in blocks)
    assert set(facility.computed.values()) == {1}


async def test_a_block_that_cannot_be_analysed_is_named_and_the_rest_goes_on():
    good = list(varied_blocks())
    frames = sum(len(block) for block in good)
    bad = FrameBlock("kit", "primary", frames, frames + 1, Inline(np.zeros((1, 4, 4))), {"th": np.zeros(1)})
    results, complaints, _ = await run_loop(items_of([*good, bad]))
    assert results[-1].provenance.frames == frames
    assert "no column exposure" in complaints[-1]


async def test_provenance_tells_run_analysis_parameters_and_times():
    results, _, _ = await run_loop(items_of(list(varied_blocks())))
    source = results[-1].provenance
    assert (source.run, source.analysis, source.facility) == ("kit", "rocking_curve", "inline")
    assert source.parameters == {"axis": "th", "exposure": "exposure"}
    assert len(source.parameters_hash) == 8
    times = [source.times[hop] for hop in ("submitted", "started", "finished", "result")]
    assert times == sorted(times)
    assert source.parameters_hash in results[-1].basis


async def test_a_second_run_begins_from_nothing():
    first, second = list(varied_blocks(1)), list(varied_blocks(2))
    other = [FrameBlock("two", "primary", b.start, b.stop, b.place, b.columns, b.units) for b in second]
    results, _, _ = await run_loop([*items_of(first), *items_of(other, "two")])
    assert results[-1].provenance.run == "two"
    assert results[-1].provenance.frames == sum(len(block) for block in second)


async def test_a_block_that_is_done_while_a_result_begins_is_not_in_it_twice():
    blocks = [make_block(np.ones((4, 2, 2), np.uint16), start) for start in range(0, 400, 4)]
    facility, doubled = InlineFacility(), []
    await facility.start()
    loop = Loop(
        Given(items_of(blocks), 0.001),
        facility,
        lambda _: {"main": CentreOfMass()},
        lambda _: doubled.append(loop.counts.doubled),
        lambda _: None,
        pace=Pace(group=0.0, result_share=1.0),
    )
    await loop.run()
    assert len(doubled) > 10
    assert set(doubled) == {0}
