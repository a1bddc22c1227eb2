"""Frames that come as events give the bits that the same frames give as pixels, compiled or not."""

import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steering.analyses.xpcs import Xpcs
from steering.core import burst
from steering.core.block import FrameBlock, Inline
from steering.core.pixels import Bad
from steering.machine.compiled import Aside
from steering.photons.frames import EventFrames
from steering.xpcs import chain as chain_module
from steering.xpcs import photon_levels as compiled
from steering.xpcs.levels import levels_of
from steering.xpcs.products import Dense, Photons
from tests.analyses.test_xpcs import same


@pytest.fixture(scope="module", autouse=True)
def loaded():
    compiled.load()


def events_of(frames):
    """The same frames as events."""
    frame, pixel = np.nonzero(frames.reshape(len(frames), -1))
    count = frames.reshape(len(frames), -1)[frame, pixel]
    begins = np.searchsorted(frame, np.arange(len(frames) + 1))
    return EventFrames(begins, pixel.astype(np.int32), count.astype(np.uint16), frames.shape[1:])


def analysed(analysis, frames, cuts=(), order=None, bad=None, events=False):
    """Analyse frames in blocks that come in some order."""
    whole = FrameBlock("r", "primary", 0, len(frames), Inline(frames), {"exposure": np.full(len(frames), 1e-3)})
    edges = [0, *cuts, len(frames)]
    states = []
    for begin, end in pairwise(edges):
        block = whole.part(begin, end)
        some = events_of(frames)[begin:end] if events else frames[begin:end]
        states.append(analysis.update(analysis.empty(), block if bad is None else replace(block, bad=bad), some))
    state = analysis.empty()
    for place in range(len(states)) if order is None else order:
        state = analysis.merge(state, states[place])
    return analysis.result(state)


@pytest.mark.parametrize("mean", [0.0005, 0.004, 0.05])
def test_events_give_the_same_bits_as_pixels_in_blocks_of_any_length_and_order(mean):
    random = np.random.default_rng(11)
    frames = random.poisson(mean, (700, 16, 24)).astype(np.uint16)
    analysis = Xpcs(bins=2, static_pixels=20, segment=7)
    whole = analysed(analysis, frames)
    assert whole.data["g2"].size
    same(analysed(analysis, frames, events=True), whole)
    for _ in range(4):
        cuts = np.sort(random.choice(np.arange(1, 700), 5, replace=False))
        same(analysed(analysis, frames, cuts, random.permutation(6), events=True), whole)


def test_masked_and_saturated_events_are_no_counts():
    frames = np.random.default_rng(12).poisson(0.02, (300, 16, 24)).astype(np.uint16)
    frames[40, 3, 5] = 900
    mask = np.zeros((16, 24), bool)
    mask[2:4, 5:9] = True
    bad = Bad(mask, 500.0)
    frames[100, 10, 11] = 800
    analysis = Xpcs(bins=2, static_pixels=20)
    told = analysed(analysis, frames, (90,), bad=bad)
    same(analysed(analysis, frames, (90,), bad=bad, events=True), told)
    assert told.features["masked"].value > 0


@given(
    index=st.integers(0, 70),
    count=st.integers(1, 300),
    mean=st.sampled_from([0.002, 0.05, 2.0]),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=60)
def test_compiled_levels_are_those_of_numpy(index, count, mean, seed):
    counts = np.random.default_rng(seed).poisson(mean, (count, 4, 3)).astype(np.uint16)
    events = events_of(counts)
    expected = list(levels_of(Photons.of(events), index))
    dense = list(levels_of(Dense.of(counts), index))
    for open_ends in (True, False):
        found = compiled.photon_levels(events, index, open_ends=open_ends)
        assert len(found) == len(expected) == len(dense)
        for level, pair in enumerate(zip(found, zip(expected, dense, strict=True), strict=True)):
            one, others = pair
            lowest = 0 if level == 0 else 4  # shorter lags of a higher level are in no curve
            for other in others:
                assert one.products[lowest:].tolist() == other.products[lowest:].tolist()
                for name in ("first", "count", "total", "first_sums", "last_sums"):
                    assert np.array_equal(getattr(one, name), getattr(other, name)), name
                for name in ("head", "tail") if open_ends else ():
                    assert np.array_equal(getattr(one, name), getattr(other, name)), name
        assert open_ends or sum(len(one.head) + len(one.tail) for one in found) == 0


@pytest.mark.parametrize("most", [0, 60, 10**9])
def test_events_that_are_too_many_to_keep_become_sums_of_the_same_bits(monkeypatch, most):
    frames = np.random.default_rng(13).poisson(0.01, (500, 16, 24)).astype(np.uint16)
    frames[200:230] = np.random.default_rng(14).poisson(1.0, (30, 16, 24))  # among them are frames of many photons
    analysis = Xpcs(bins=2, static_pixels=20, segment=7)
    monkeypatch.setattr(chain_module, "_PIECES", 3)
    monkeypatch.setattr(compiled, "_MOST_COMPILED", most)
    random = np.random.default_rng(15)
    whole = analysed(analysis, frames)
    for _ in range(3):
        cuts = np.sort(random.choice(np.arange(1, 500), 12, replace=False))
        same(analysed(analysis, frames, cuts, random.permutation(13), events=True), whole)
        same(analysed(analysis, frames, cuts, random.permutation(13)), whole)


def test_a_burst_that_is_over_keeps_sums_alone():
    frames = np.random.default_rng(16).poisson(0.01, (90, 16, 24)).astype(np.uint16)
    analysis = Xpcs(bins=2, static_pixels=20, period=1e-3)
    columns = {burst.EVENT: np.repeat([1.0, 2.0, 3.0], 30), burst.INDEX: np.tile(np.arange(30.0), 3)}
    block = FrameBlock("r", "primary", 0, 90, None, columns)
    chains, _ = analysis.update(analysis.empty(), block, events_of(frames))
    assert [bool(one.events) for one in chains.all] == [False, False, True]
    assert sum(len(level.tail) + len(level.head) for one in chains.all for level in one.levels) == 0


def test_few_photons_are_not_worth_that_it_is_compiled(monkeypatch):
    aside = Aside(lambda: pytest.fail("compiled"), 1000, 1)
    monkeypatch.setattr(compiled, "_COMPILED", aside)
    frames = np.random.default_rng(1).poisson(0.01, (50, 16, 24)).astype(np.uint16)
    assert analysed(Xpcs(bins=2, static_pixels=20), frames, events=True).data["g2"].size
    assert "steering-compile" not in {thread.name for thread in threading.enumerate()}
