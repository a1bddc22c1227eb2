"""XPCS: what is known is found, whatever blocks the frames come in, as scikit-beam finds it."""

from dataclasses import replace
from functools import reduce
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steering.analyses.xpcs import Xpcs
from steering.core.block import FrameBlock, Inline
from steering.core.pixels import Bad
from steering.sim.speckle import GEOMETRY, SpeckleSample
from steering.testing import check_analysis
from steering.xpcs.arrays import light_of
from steering.xpcs.bins import Grid, make_bins
from steering.xpcs.chain import make_chain
from steering.xpcs.fit import fit_curves, model
from steering.xpcs.products import Dense, Photons, across, lagged

LAGS = [1, 2, 3, 4, 5, 6, 7, 10, 12, 14, 20, 24, 28, 40, 48, 56]
# scikit-beam 0.0.27: multi_tau_auto_corr(5, 8, labels, frames) of recorded() with two labels, at the lags above, which
# it has in common with the grid of APS.
SCIKIT_BEAM = np.array(
    [
        [1.104955585970432, 1.1083456972755057], [1.0510318419933014, 1.052801937179992],
        [0.9974460863162039, 0.9949984681620515], [0.9991734767919488, 0.9972936846637155],
        [0.9992699835681814, 1.0002172948785335], [0.9984070018419846, 1.0011472640284929],
        [0.9969983210493689, 1.0016635356371266], [0.9997360251658793, 1.0028960022012827],
        [1.0030241081803453, 0.9990087664067433], [0.9999088847647104, 0.9944823304685746],
        [0.9985485537042623, 1.0012730132703798], [1.0045031987195707, 0.998736645466122],
        [1.0007885458924706, 0.9990553809608906], [1.001627736034279, 0.9967879281108534],
        [1.0019283422214935, 1.001864610998712], [1.0042385380024554, 1.0031895502964563],
    ]
)  # fmt: skip


def recorded():
    random = np.random.RandomState(7)
    base = random.gamma(2.0, 1.0, (200, 8, 8))
    return random.poisson(3 * (base + np.roll(base, 1, 0) + np.roll(base, 2, 0))).astype(np.uint16)


def block_of(frames, start=0, events=None, indices=None, exposure=1e-3, **settings):
    columns = {"exposure": np.full(len(frames), exposure)}
    if events is not None:
        columns |= {"seq_num": np.asarray(events, float), "burst_index": np.asarray(indices, float)}
    units = {"exposure": "s"}
    return FrameBlock("r", "primary", start, start + len(frames), Inline(frames), columns, units, **settings)


def of(analysis, frames, cuts=(), order=None, **settings):
    """Analyse frames in blocks that are cut at some places, merged in some order."""
    whole = block_of(frames, **settings)
    edges = [0, *cuts, len(frames)]
    parts = [whole.part(a, b) for a, b in pairwise(edges)]
    states = [analysis.update(analysis.empty(), part, part.place.frames) for part in parts]
    states = [states[i] for i in (order if order is not None else range(len(states)))]
    return analysis.result(reduce(analysis.merge, states, analysis.empty()))


def same(one, other):
    assert set(one.data.variables) == set(other.data.variables)
    for name in one.data.variables:
        assert one.data[name].values.tobytes() == other.data[name].values.tobytes(), name
    assert {name: (f.value, f.units) for name, f in one.features.items()} == {
        name: (f.value, f.units) for name, f in other.features.items()
    }


@pytest.mark.parametrize("half", [0, 1])
def test_it_is_what_scikit_beam_says_at_the_lags_of_both(half):
    frames = recorded()[:, :, 4 * half : 4 * half + 4]
    # The limits of q are so far apart that all pixels are in one static bin, as they have one label there.
    data = of(Xpcs(bins=1, q_low=0.0, q_high=1e6, static_pixels=1000), frames, cuts=(3, 50, 51, 133)).data
    both = np.isin(data["lag"].values, LAGS)
    assert data["lag"].values[both].tolist() == LAGS
    assert np.abs(data["g2"].values[0, both] - SCIKIT_BEAM[:, half]).max() < 1e-12


@pytest.mark.parametrize("settings", [{}, {"bins": 3, "static_pixels": 16, "segment": 4}])
@pytest.mark.parametrize("seed", range(2))
def test_it_keeps_the_contract(settings, seed):
    check_analysis(Xpcs(**settings), seed=seed)


def test_blocks_of_any_length_and_order_give_the_same_bits():
    random = np.random.default_rng(5)
    frames = random.poisson(2, (300, 16, 16)).astype(np.uint16)
    analysis = Xpcs(bins=2, static_pixels=20, segment=7)
    whole = of(analysis, frames)
    for _ in range(6):
        cuts = np.sort(random.choice(np.arange(1, 300), random.integers(1, 60), replace=False))
        same(of(analysis, frames, cuts, random.permutation(len(cuts) + 1)), whole)
    same(of(analysis, frames, range(1, 300), random.permutation(300)), whole)


def test_few_photons_and_many_give_the_same_bits():
    random = np.random.default_rng(6)
    frames = random.poisson(0.02, (400, 4, 32)).astype(np.uint8)
    dense = Dense.of(frames)
    place = frames.reshape(400, -1).T.nonzero()
    counts = frames.reshape(400, -1).T[place].astype(np.int64)
    sparse = Photons(place[1], place[0], counts, frames.shape)
    for odd in (0, 1, 1, 0, 1):
        assert len(dense) == len(sparse)
        assert dense.products().tolist() == sparse.products().tolist()
        assert dense.sums(2, 11).tolist() == sparse.sums(2, 11).tolist()
        assert dense.total().tolist() == sparse.total().tolist()
        assert dense.part(3, 9).tolist() == sparse.part(3, 9).tolist()
        assert dense[3:9].products().tolist() == sparse.cut(3, 9).products().tolist()
        dense, sparse = dense.coarser(odd), sparse.coarser(odd)


@pytest.mark.parametrize("mean", [0.003, 0.03, 3.0, 20_000.0])
@pytest.mark.parametrize(("before", "after"), [(8, 8), (3, 8), (8, 1), (0, 4)])
def test_the_products_across_a_seam_are_those_of_the_whole_less_those_of_its_sides(mean, before, after):
    counts = np.random.default_rng(9).poisson(mean, (before + after, 5, 200)).astype(np.uint16)
    left, right = counts[:before], counts[before:]
    assert across(left, right).tolist() == (lagged(counts) - lagged(left) - lagged(right)).tolist()


def test_correlations_stay_within_a_burst_and_a_missing_frame_breaks_them():
    frames = np.random.default_rng(7).poisson(3, (40, 8, 8)).astype(np.uint16)
    analysis = Xpcs(bins=1, static_pixels=16)
    bursts = {"events": np.repeat([1, 2], 20), "indices": np.tile(np.arange(20), 2)}
    both = of(analysis, frames, cuts=(7, 33), order=(2, 0, 1), **bursts)
    first, second = (of(analysis, part).data for part in (frames[:20], frames[20:]))
    assert both.features["bursts"].value == 2
    assert both.data["g2"].values == pytest.approx((first["g2"].values + second["g2"].values) / 2, rel=1e-12)
    whole = block_of(frames)
    parts = [whole.part(0, 15), whole.part(16, 40)]
    one = Xpcs(bins=1, q_low=0.0, q_high=1e6, static_pixels=1000)
    states = [one.update(one.empty(), part, part.place.frames) for part in parts]
    found = one.result(one.merge(*states)).data["g2"].values[0, 0]
    x = frames.reshape(40, -1).astype(float)
    pairs = np.array([t for t in range(39) if 15 not in (t, t + 1)])
    assert found == pytest.approx((x[pairs] * x[pairs + 1]).mean() / (x[pairs].mean() * x[pairs + 1].mean()), rel=1e-12)


def test_pixels_that_are_no_counts_are_left_out():
    frames = np.random.default_rng(8).poisson(4, (64, 16, 16)).astype(np.int32)
    analysis = Xpcs(bins=2, static_pixels=16, masked=[{"rows": (2, 5), "columns": (3, 9)}])
    plain = of(analysis, frames)
    marked, mask = frames.copy(), np.zeros((16, 16), bool)
    mask[2:5, 3:9] = True
    marked[:, mask] = 1 << 20
    unmasked = Xpcs(bins=2, static_pixels=16)
    found = of(unmasked, marked, bad=Bad(mask))
    assert found.data["intensity"].values == pytest.approx(plain.data["intensity"].values, rel=0.05)
    assert found.features["masked"].value == pytest.approx(100 * 18 / 256)
    same(of(unmasked, marked, cuts=(5, 9), order=(2, 1, 0), bad=Bad(mask)), found)


@pytest.mark.parametrize("kind", ["zeros", "one", "saturated", "nan"])
def test_frames_without_anything_to_say_say_nothing(kind):
    frames = {
        "zeros": np.zeros((20, 8, 8), np.uint16),
        "one": np.ones((1, 8, 8), np.uint16),
        "saturated": np.full((20, 8, 8), 65535, np.uint16),
        "nan": np.full((20, 8, 8), np.nan),
    }[kind]
    features = of(Xpcs(), frames).features
    assert not {"tau0", "g2_error", "damage"} & set(features)
    assert all(np.isfinite(one.value) for one in features.values())


def test_where_no_coincidence_was_counted_g2_is_not_known_exactly():
    frames = np.random.default_rng(1).poisson(0.002, (60, 32, 32)).astype(np.uint16)
    outcome = of(Xpcs(bins=6, static_pixels=32), frames)
    g2, error = outcome.data["g2"].values, outcome.data["g2_error"].values
    assert (g2 == 0).any()
    # Less than one coincidence is expected in each of the bins.
    assert (error[g2 == 0] > 1).all()
    assert outcome.features["g2_first"].uncertainty > 1


def test_a_decay_that_is_none_has_no_known_time():
    delays = np.geomspace(1e-3, 1, 30)
    error = np.full((30, 1), 0.01)
    for contrast in (0.0, 1e-9):
        g2 = model(delays, contrast, 0.02, 1.0, 1.0)[:, None]
        found = fit_curves(delays, g2, error, {})
        for name in ("tau0", "stretching"):
            spread, value = found.errors[name][0], found.values[name][0]
            assert np.isnan(spread) or spread > value, (name, value, spread)
        assert found.errors["baseline"][0] > 0
    found = fit_curves(delays, model(delays, 0.2, 0.02, 1.0, 1.0)[:, None], error, {"baseline": 1.0})
    assert found.values["tau0"][0] == pytest.approx(0.02, rel=1e-3)
    assert 0 < found.errors["tau0"][0] < 0.01
    assert found.errors["baseline"][0] == 0


@pytest.mark.parametrize("unknown", [np.nan, 0.0, -1.0, np.inf])
def test_a_burst_whose_period_nobody_knows_takes_no_result_away(unknown):
    frames = np.random.default_rng(7).poisson(3, (40, 8, 8)).astype(np.uint16)
    exposure = np.repeat([1e-3, unknown], 20)
    told = {"events": np.repeat([1, 2], 20), "indices": np.tile(np.arange(20), 2), "exposure": exposure}
    analysis = Xpcs(bins=1, static_pixels=16)
    found = of(analysis, frames, **told)
    known = of(analysis, frames[:20], events=np.ones(20), indices=np.arange(20))
    assert found.data["g2"].values.tolist() == known.data["g2"].values.tolist()
    assert (found.data.attrs["bursts"], found.data.attrs["bursts_of_another_period"]) == (1, 1)
    same(of(analysis, frames, (5, 23, 30), (3, 1, 0, 2), **told), found)
    assert of(analysis, frames, exposure=unknown).features == {}


def test_another_exposure_begins_another_burst_where_frames_have_no_events():
    frames = np.random.default_rng(8).poisson(3, (90, 8, 8)).astype(np.uint16)
    exposure = np.repeat([1e-3, 0.1, 1e-3], [40, 30, 20])
    analysis = Xpcs(bins=1, static_pixels=16, segment=5)
    found = of(analysis, frames, exposure=exposure)
    assert (found.data.attrs["bursts"], found.data.attrs["bursts_of_another_period"]) == (2, 1)
    assert found.data["delay"].values[0] == 1e-3
    slow = of(analysis, frames[:70], exposure=exposure[:70]).data
    assert slow["delay"].values[0] == 0.1
    alone = of(analysis, frames[40:70], exposure=0.1).data
    assert slow["g2"].values[:, :8] == pytest.approx(alone["g2"].values[:, :8], rel=1e-12)
    same(of(analysis, frames, (17, 40, 55, 80), (4, 2, 0, 3, 1), exposure=exposure), found)
    # What is read back of a clock jitters.
    jitter = 1e-3 * (1 + 1e-5 * np.random.default_rng(9).normal(size=90))
    steady = of(analysis, frames, (17, 55), exposure=jitter).data
    assert steady.attrs["bursts"] == 1
    assert steady["g2"].values.tolist() == of(analysis, frames).data["g2"].values.tolist()


class Segment(int):
    """Number of a segment, which notes how often it is compared."""

    asked: ClassVar[list[int]] = []

    def __eq__(self, other):
        self.asked.append(1)
        return int(self) == int(other)

    def __hash__(self):
        return hash(int(self))


def test_light_in_time_takes_no_longer_a_segment_in_a_long_burst():
    bins = make_bins(Grid(count=1, pixels=16), (4, 8))
    frames = Dense.of(np.ones((20, bins.static, bins.pixels.shape[1]), np.uint8))
    chain = make_chain((0, b""), 0, 0, bins.filled.sum(axis=1), np.full(20, 1e-3), frames, 1)
    longer = replace(chain, segments={Segment(one): (1, one) for one in range(1000)})
    Segment.asked.clear()
    found = light_of([[longer]], bins, 1e-3, 1)
    assert found["intensity_in_time"][1].tolist() == pytest.approx([one / 32 for one in range(1000)])
    assert len(Segment.asked) < 10 * 1000


@pytest.mark.parametrize(("value", "expected"), [(255.7, 256.0), (65535.4, 65535.0)])
def test_floats_are_rounded_to_counts_that_have_room(value, expected):
    frames = np.zeros((20, 8, 8))
    frames[:, 2, 2] = value
    outcome = of(Xpcs(bins=1, static_pixels=16), frames)
    assert outcome.data["intensity"].values[0] == pytest.approx(expected / 64)
    frames[:, 2, 2] = 65535.7
    assert of(Xpcs(bins=1, static_pixels=16), frames).features["masked"].value == pytest.approx(100 / 64)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"bins": 0}, "bins"),
        ({"geometry": {"distance": 1.0}}, "lacks poni1"),
        ({"period": -1.0}, "period"),
        ({"shared": ["tau0"]}, "shared"),
        ({"bounds": {"tau0": [0.0, 1.0]}}, "above 0 s"),
        ({"bounds": {"contrast": [1.0, 0.1]}}, "lower one first"),
        ({"bounds": {"baseline": [0.9, float("nan")]}}, "finite"),
        ({"bounds": {"speed": [0.9, 1.0]}}, "bounds"),
        ({"baseline": 3.0}, "baseline"),
    ],
)
def test_what_cannot_be_chosen_is_said(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Xpcs(**settings)


def test_frames_that_do_not_fit_are_said():
    analysis, frames = Xpcs(), np.ones((3, 8, 8), np.uint16)
    with pytest.raises(ValueError, match="no column 'exposure'"):
        analysis.update(analysis.empty(), FrameBlock("r", "primary", 0, 3, Inline(frames), {}, {}), frames)
    with pytest.raises(ValueError, match="XPCS needs"):
        analysis.update(analysis.empty(), block_of(frames), frames[:2])
    far = Xpcs(q_low=100.0, q_high=200.0)
    with pytest.raises(ValueError, match="no pixel has a q"):
        far.update(far.empty(), block_of(frames), frames)


@pytest.fixture(scope="module")
def speckle():
    """A thousand frames of the simulated suspension, of a millisecond each, which does not suffer."""
    sample, random = SpeckleSample(endures=1e9), np.random.default_rng(0)
    return np.stack([sample.frame({}, 1e-3, random) for _ in range(1024)]).astype(np.uint16)


def test_the_simulated_suspension_is_found_again(speckle):
    analysis = Xpcs(GEOMETRY.json(), q_low=2e-3, q_high=6e-3, bins=8, stretching=1.0)
    outcome = of(analysis, speckle, cuts=(100, 777))
    data, features = outcome.data, outcome.features
    truth = 1 / (SpeckleSample.diffusion * data["q"].values ** 2)
    assert data["tau0"].values == pytest.approx(truth, rel=0.05)
    assert features["q_exponent"].value == pytest.approx(-2.0, abs=0.02)
    assert features["diffusion"].value == pytest.approx(SpeckleSample.diffusion, rel=0.05)
    assert abs(features["damage"].value) < 5


def test_what_all_curves_share_is_the_same_in_each(speckle):
    analysis = Xpcs(GEOMETRY.json(), q_low=2e-3, q_high=6e-3, bins=4, shared=["contrast", "stretching"])
    data = of(analysis, speckle).data
    assert len(set(data["contrast"].values)) == len(set(data["stretching"].values)) == 1
    assert len(set(data["tau0"].values)) == 4


def test_what_is_fixed_and_bounded_is_so(speckle):
    place = {"geometry": GEOMETRY.json(), "q_low": 2e-3, "q_high": 6e-3, "bins": 4}
    free = of(Xpcs(**place), speckle).data
    fixed = of(Xpcs(**place, baseline=1.0), speckle).data
    assert set(fixed["baseline"].values) == {1.0}
    assert set(fixed["baseline_error"].values) == {0.0}
    # Limits below what is there hold it down, and those around it change nothing.
    low = float(free["contrast"].values.min()) * 0.8
    held = of(Xpcs(**place, bounds={"contrast": [0.01, low]}), speckle).data
    assert (held["contrast"].values <= low).all()
    slow = float(free["tau0"].values.max())
    bounds = {"tau0": [slow / 1000, slow * 1000], "contrast": [0.0, 2.0]}
    assert of(Xpcs(**place, bounds=bounds), speckle).data["tau0"].values == pytest.approx(free["tau0"].values, rel=1e-3)


def test_light_that_varies_inside_a_ring_hardly_adds_to_the_curves():
    """Frames without any correlation, whose light falls steeply with q and along the azimuth."""
    rows, columns = np.indices((48, 48)) - 23.5
    light = 40 * np.exp(-np.hypot(rows, columns) / 10) * (1 + 0.6 * np.cos(np.arctan2(rows, columns)))
    frames = np.random.default_rng(4).poisson(light, (300, 48, 48)).astype(np.uint16)
    place = {"bins": 2, "q_low": 2.0, "q_high": 22.0}
    fine, coarse = (of(Xpcs(**place, static_pixels=size), frames).data for size in (16, 10_000))
    # Rings alone, as others normalise, seem to be correlated for ever.
    assert coarse["g2"].values.min() > 1.15
    # What is left is how the light varies inside a static bin.
    assert np.abs(fine["g2"].values - 1).max() < 0.03


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_several_bursts_give_the_same_bits_in_blocks_of_any_length_and_order(data):
    lengths = data.draw(st.lists(st.integers(1, 60), min_size=2, max_size=5), label="lengths")
    mean, count = data.draw(st.sampled_from([0.02, 0.3, 8.0]), label="mean"), sum(lengths)
    random = np.random.default_rng(data.draw(st.integers(0, 999), label="seed"))
    frames = random.poisson(mean, (count, 8, 12)).astype(np.uint16)
    events = np.repeat(np.arange(len(lengths)) + 1, lengths)
    indices = np.concatenate([np.arange(length) for length in lengths])
    analysis, told = Xpcs(bins=2, static_pixels=16, segment=5, slot=2), {"events": events, "indices": indices}
    whole = of(analysis, frames, **told)
    assert whole.data.attrs["bursts"] == len(lengths)
    cuts = sorted(data.draw(st.sets(st.integers(1, count - 1), max_size=8), label="cuts"))
    order = data.draw(st.permutations(range(len(cuts) + 1)), label="order")
    same(of(analysis, frames, cuts, order, **told), whole)
    # Light in time is that of the newest burst, whatever came before it.
    last = block_of(frames, **told).part(count - lengths[-1], count)
    alone = analysis.result(analysis.update(analysis.empty(), last, last.place.frames))
    assert alone.data["intensity_in_time"].values.tobytes() == whole.data["intensity_in_time"].values.tobytes()
