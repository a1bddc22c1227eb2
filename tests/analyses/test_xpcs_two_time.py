"""Two-time correlations of the newest burst, and cuts of them at ages."""

import numpy as np
import pytest

from steering.analyses.xpcs import Xpcs
from steering.core import burst
from steering.core.block import FrameBlock
from steering.core.pixels import Bad
from steering.xpcs import slots as module
from steering.xpcs.bins import Grid, make_bins
from tests.analyses.test_xpcs import of, same
from tests.analyses.test_xpcs_events import analysed

SHAPE = (16, 24)


def plainly(frames, bins, dynamic):
    """C(t1, t2) of a dynamic bin, as it is defined."""
    flat = frames.reshape(len(frames), -1).astype(float)
    above = below = 0.0
    for static in np.flatnonzero(bins.dynamic == dynamic):
        pixels = bins.pixels[static][bins.filled[static]]
        some = flat[:, pixels]
        above = above + some @ some.T
        below = below + np.outer(some.sum(axis=1), some.sum(axis=1)) / len(pixels)
    return above / below


def test_it_is_what_its_definition_says():
    frames = np.random.default_rng(1).poisson(3.0, (85, *SHAPE)).astype(np.uint16)
    analysis = Xpcs(bins=2, static_pixels=30, slot=4)
    data = of(analysis, frames).data
    slots = frames[:84].reshape(21, 4, *SHAPE).sum(axis=1)  # the last frame is no whole slot
    bins = make_bins(Grid(count=2, pixels=30), SHAPE)
    expected = plainly(slots, bins, data["two_time"].attrs["q_bin"])
    assert data["two_time"].dims == ("time", "later")
    assert data["two_time"].values == pytest.approx(expected, rel=1e-6)
    assert data["time"].values == pytest.approx((np.arange(21) + 0.5) * 4e-3)
    assert data["slot_delay"].attrs["units"] == "s"
    assert data["g2_by_age"].shape == (4, 2, 5)
    best = data["two_time"].attrs["q_bin"]
    assert data["g2_at_age"].values.tolist() == data["g2_by_age"].values[:, best].tolist()
    assert data["g2_at_age"].values == pytest.approx(1.0, abs=0.05)


def test_pixels_that_are_no_counts_are_none_of_its_pixels():
    frames = np.random.default_rng(6).poisson(3.0, (85, *SHAPE)).astype(np.uint16)
    mask = np.zeros(SHAPE, bool)
    mask[:, :9] = True
    for events in (False, True):
        data = analysed(Xpcs(bins=2, static_pixels=30, slot=4), frames, bad=Bad(mask), events=events).data
        # Nothing is correlated; with the masked pixels among those that are divided by it would be 1.7.
        assert data["two_time"].values[~np.eye(21, dtype=bool)].mean() == pytest.approx(1.0, abs=0.01)
        assert data["g2_at_age"].values == pytest.approx(1.0, abs=0.05)


def test_blocks_events_and_pixels_give_the_same_bits():
    random = np.random.default_rng(2)
    frames = random.poisson(0.01, (300, *SHAPE)).astype(np.uint16)
    analysis = Xpcs(bins=2, static_pixels=30, slot=7)
    whole = analysed(analysis, frames)
    assert "two_time" in whole.data
    for _ in range(3):
        cuts = np.sort(random.choice(np.arange(1, 300), 9, replace=False))
        same(analysed(analysis, frames, cuts, random.permutation(10), events=True), whole)
        same(analysed(analysis, frames, cuts, random.permutation(10)), whole)
    bright = random.poisson(3.0, (90, *SHAPE)).astype(np.uint16)
    same(of(analysis, bright, (20, 50), (1, 2, 0)), of(analysis, bright))


def ageing(count, random):
    """Speckle that forgets ever more slowly."""
    field = random.normal(size=(2, *SHAPE))
    frames = []
    for number in range(count):
        keep = np.exp(-1 / (4 + 28 * number / count))
        field = keep * field + np.sqrt(1 - keep**2) * random.normal(size=field.shape)
        frames.append(random.poisson(40 * (field**2).sum(axis=0)))
    return np.array(frames).astype(np.uint16)


def test_a_sample_that_slows_down_is_seen_to():
    frames = ageing(800, np.random.default_rng(3))
    outcome = of(Xpcs(bins=1, static_pixels=400, slot=1, stretching=1.0, baseline=1.0), frames[:256])
    assert outcome.features["ageing"].value > 2 * outcome.features["ageing"].uncertainty > 0
    assert outcome.features["ageing"].units == "%"
    late = of(Xpcs(bins=1, static_pixels=400, slot=4, stretching=1.0, baseline=1.0), frames)
    tau0 = late.data["tau0_at_age"].values
    assert (np.diff(tau0) > 0).all()
    assert late.data["age"].values[[0, -1]] == pytest.approx([0.1, 0.7])


def test_only_the_first_slots_of_the_newest_burst_are_kept(monkeypatch):
    monkeypatch.setattr(module, "MOST_SLOTS", 10)
    frames = np.random.default_rng(4).poisson(1.0, (120, *SHAPE)).astype(np.uint16)
    analysis = Xpcs(bins=1, static_pixels=100, slot=2, period=1e-3)
    columns = {burst.EVENT: np.repeat([1.0, 2.0], 60), burst.INDEX: np.tile(np.arange(60.0), 2)}
    block = FrameBlock("r", "primary", 0, 120, None, columns)
    parts = [(block.part(begin, begin + 30), frames[begin : begin + 30]) for begin in range(0, 120, 30)]
    states = [analysis.update(analysis.empty(), *one) for one in parts]
    merged = analysis.empty()
    for place in (2, 0, 3, 1):
        merged = analysis.merge(merged, states[place])
    assert [len(chain.slots) for chain in merged[0].all] == [0, 10]
    data = analysis.result(merged).data
    assert data["two_time"].shape == (10, 10)
    bins = make_bins(Grid(count=1, pixels=100), SHAPE)
    slots = frames[60:80].reshape(10, 2, *SHAPE).sum(axis=1)
    assert data["two_time"].values == pytest.approx(plainly(slots, bins, 0), rel=1e-6)


def test_without_all_frames_or_with_few_slots_there_is_none():
    frames = np.random.default_rng(5).poisson(1.0, (40, *SHAPE)).astype(np.uint16)
    assert "two_time" not in of(Xpcs(bins=1), frames).data
    assert "two_time" not in of(Xpcs(bins=1, slot=20), frames).data
    analysis = Xpcs(bins=1, slot=2, period=1e-3)
    block = FrameBlock("r", "primary", 0, 40, None, {})
    states = [analysis.update(analysis.empty(), block.part(a, b), frames[a:b]) for a, b in ((0, 20), (21, 40))]
    assert "two_time" not in analysis.result(analysis.merge(*states)).data
