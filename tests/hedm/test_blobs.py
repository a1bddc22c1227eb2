"""Blobs and spots: what touches belongs together, and nothing else; checked against scipy on dense frames."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from steering.analyses.hedm import Hedm
from steering.contract.outcome import require_same
from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.core.pixels import Bad
from steering.hedm.spots import goes_on
from steering.spots.lit import Cut, lit_of, most_pixels
from steering.testing import check_analysis


def block_of(frames, start=0, omega=None, **more):
    columns = {} if omega is None else {"omega": np.asarray(omega, float)}
    columns |= {name: np.asarray(values, float) for name, values in more.pop("columns", {}).items()}
    return FrameBlock("r", "primary", start, start + len(frames), Inline(frames), columns, {"omega": "deg"}, **more)


def found(frames, omega=None, analysis=None, **more):
    analysis = analysis or Hedm(threshold=3, fewest_pixels=1)
    return analysis.result(analysis.update(analysis.empty(), block_of(frames, omega=omega, **more), frames))


def noisy(seed, frames=6, shape=(24, 31), kind=np.uint16):
    random = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(random.normal(size=(frames, *shape)), 1.2)
    return np.clip(np.rint(smooth * 30), 0, None).astype(kind)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shape", [(24, 31), (16, 16), (1, 64), (40, 1)])
def test_spots_are_those_of_a_dense_labelling(seed, shape):
    frames = noisy(seed, shape=shape)
    data = found(frames).data
    label, count = ndimage.label(frames > 3, np.ones((3, 3, 3)))
    assert data.sizes["spot"] == count
    numbers = np.arange(1, count + 1)
    whole = sorted(ndimage.sum_labels(frames, label, numbers).tolist())
    assert sorted(data["spot_intensity"].values.tolist()) == whole
    assert sorted(data["maximum"].values.tolist()) == sorted(ndimage.maximum(frames, label, numbers).tolist())
    middles = sorted(tuple(np.round(one, 9)) for one in ndimage.center_of_mass(frames, label, numbers))
    ours = zip(data["row"].values, data["column"].values, strict=True)
    assert sorted(tuple(np.round(one, 9)) for one in ours) == sorted(one[1:] for one in middles)
    for frame, blobs in zip(frames, data["blobs"].values, strict=True):
        assert blobs == ndimage.label(frame > 3, np.ones((3, 3)))[1]


@pytest.mark.parametrize(
    "settings", [{}, {"threshold": 6, "fewest_pixels": 1}, {"threshold": 5, "valley": 0.6}, {"wedge": 3, "level": True}]
)
@pytest.mark.parametrize("seed", range(2))
def test_it_keeps_the_contract(settings, seed):
    check_analysis(Hedm(**settings), seed=seed)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_made_up_blocks_keep_the_contract(data):
    shape = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    kind = data.draw(st.sampled_from([np.uint8, np.uint16, np.int32, np.uint32, np.float32]))
    count = data.draw(st.integers(3, 9))
    values = data.draw(st.lists(st.sampled_from([0, 1, 4, 5, 9, 200]), min_size=8, max_size=8))
    frames = np.random.default_rng(data.draw(st.integers(0, 99))).choice(values, (count, *shape)).astype(kind)
    omega = np.cumsum(
        data.draw(st.lists(st.sampled_from([0.5, 0.5, 0.5, -0.5, 0.0, 7.0]), min_size=count, max_size=count))
    )
    edges = [0, *sorted(data.draw(st.sets(st.integers(1, count - 1), max_size=3))), count]
    blocks = [
        block_of(frames[a:b], a, omega[a:b], columns={"slow": omega[a:b], "exposure": np.ones(b - a)})
        for a, b in pairwise(edges)
    ]
    check_analysis(Hedm(threshold=3, fewest_pixels=1, slow="slow", valley=data.draw(st.sampled_from([0, 0.5]))), blocks)


def two_frames():
    frames = np.zeros((2, 9, 9), np.uint16)
    frames[:, 4, 4] = 50
    return frames


@pytest.mark.parametrize(
    ("omega", "start", "wedges"),
    [
        ([0, 1, 2, 3], 0, [0, 0, 0, 0]),
        ([0, 1, 9, 10], 0, [0, 0, 1, 1]),
        ([0, 1, 1, 0], 0, [0, 0, 1, 1]),
        ([0, 1, 0, -1], 0, [0, 0, 1, 1]),
        ([3, 2, 1, 0], 0, [0, 0, 0, 0]),
        ([0, np.nan, 2, 3], 0, [0, 1, 2, 2]),
        ([359, 0, 1, 2], 0, [0, 1, 1, 1]),
        ([np.nan] * 4, 0, [0, 0, 0, 0]),
        ([0, 0, 0, 0], 0, [0, 1, 2, 3]),
        ([5], 0, [0]),
    ],
)
def test_a_wedge_ends_where_the_rotation_does_not_go_on(omega, start, wedges):
    frames = np.zeros((len(omega), 9, 9), np.uint16)
    frames[:, 4, 4] = 50
    data = found(frames, omega).data
    assert data["sweep_of_frame"].values.tolist() == wedges
    assert data.sizes["spot"] == len(set(wedges))


def test_an_axis_may_wait_within_an_event():
    omega, inside = np.array([0.0, 1, 3, 3, 3, 9]), np.arange(6.0)
    assert goes_on(omega, np.zeros(6, bool), inside).tolist() == [True, True, True, True, False]
    assert goes_on(omega, np.zeros(6, bool), np.zeros(6)).tolist() == [True, True, False, False, False]


def test_a_detector_that_comes_late_cuts_spots_and_not_the_sweep():
    frames = np.zeros((8, 9, 9), np.uint16)
    frames[:, 4, 4] = 50
    bursts = {"seq_num": [1] * 5 + [2] * 3, "burst_index": [0, 1, 2, 3, 4, 0, 1, 2]}
    outcome = found(frames, [0, 1, 2, 8, 9, 9, 8, 7], columns=bursts)
    assert outcome.data.sizes["spot"] == 3
    assert outcome.data["sweep_of_frame"].values.tolist() == [0] * 5 + [1] * 3
    assert outcome.features["sweeps"].value == 2
    analysis, whole = Hedm(threshold=3), block_of(frames, omega=range(8), columns=bursts)
    state = analysis.empty()
    # The third frame of the first event is missing.
    for part in (whole.part(3, 8), whole.part(0, 2)):
        state = analysis.update(state, part, part.place.frames)
    assert analysis.result(state).data["sweep_of_frame"].values.tolist() == [0] * 4 + [1] * 3


def test_frames_of_a_wedge_may_be_counted_instead():
    assert goes_on(np.full(7, np.nan), np.zeros(7, bool), np.zeros(7), 3, 1).tolist() == [
        True,
        False,
        True,
        True,
        False,
        True,
    ]


def test_a_missing_frame_another_event_and_a_crowded_frame_end_a_wedge():
    frames = np.zeros((6, 9, 9), np.uint16)
    frames[:, 4, 4] = 50
    analysis = Hedm(fewest_pixels=1)
    whole = block_of(frames)
    state = analysis.empty()
    for part in (whole.part(4, 6), whole.part(0, 3)):
        state = analysis.update(state, part, part.place.frames)
    assert analysis.result(state).data.sizes["spot"] == 2
    bursts = {"seq_num": [1, 1, 1, 2, 2, 2], "burst_index": [0, 1, 2, 0, 1, 2]}
    assert found(frames, range(6), analysis, columns=bursts).data.sizes["spot"] == 2
    each = {"seq_num": range(6), "burst_index": [0] * 6}
    assert found(frames, range(6), analysis, columns=each).data.sizes["spot"] == 1


def test_a_frame_with_too_many_bright_pixels_is_left_out_and_said():
    frames = np.zeros((3, 600, 512), np.uint16)
    frames[1] = 500
    frames[::2, 4, 4] = 50
    assert frames[1].size > most_pixels((600, 512))
    outcome = found(frames)
    assert outcome.data["blobs"].values.tolist() == [1, 0, 1]
    assert outcome.data.sizes["spot"] == 2
    assert outcome.features["crowded"].value == pytest.approx(100 / 3)


@pytest.mark.parametrize("kind", [np.uint16, np.uint32, np.int32, np.float32])
@pytest.mark.parametrize("told", ["marked", "masked", "beside the region", "saturated"])
def test_gaps_masks_and_what_lies_beside_the_region_crowd_no_frame(kind, told):
    shape = (600, 600)
    frames = np.zeros((1, *shape), kind)
    frames[0, 4, 4], frames[0, 595, 500] = 50, 60
    frames[0, 20:590] = 4000
    mask, region, saturated = None, None, np.inf
    if told == "marked":
        frames[0, 20:590] = np.iinfo(kind).max if np.dtype(kind).kind == "u" else -1 if kind is np.int32 else np.nan
    elif told == "masked":
        mask = frames[0] == 4000
    elif told == "saturated":
        saturated = 4000
    else:
        region = ((0, 20), (0, 600))
    assert frames[0, 20:590].size > most_pixels(shape)
    lit = lit_of(frames, Bad(mask, saturated), Cut(3.0, region=region))
    assert not lit.crowded.any()
    assert lit.count.tolist() == ([50] if region else [50, 60])
    assert lit.masked.tolist() == [0.0 if region else pytest.approx(570 / 600)]


def test_sums_stay_exact_for_the_largest_frames():
    for side in (100, 4096, 20_000):
        assert (1 << 20) * side**2 * most_pixels((side, 10)) <= 1 << 62


@pytest.mark.parametrize("kind", ["zeros", "saturated", "nan", "infinite", "negative", "one", "masked"])
def test_frames_without_anything_to_say_say_nothing(kind):
    shape = (2, 16, 16)
    frames = {
        "zeros": np.zeros(shape, np.uint16),
        "saturated": np.full(shape, 65535, np.uint16),
        "nan": np.full(shape, np.nan),
        "infinite": np.full(shape, np.inf),
        "negative": np.full(shape, -5, np.int32),
        "one": np.ones((1, 16, 16), np.uint16),
        "masked": np.full(shape, 50, np.uint16),
    }[kind]
    outcome = found(frames, bad=Bad(np.ones((16, 16), bool)) if kind == "masked" else Bad())
    assert outcome.features["all_spots"].value == 0
    assert all(np.isfinite(one.value) for one in outcome.features.values())
    if kind in ("saturated", "nan", "infinite", "masked"):
        assert outcome.features["masked"].value == pytest.approx(100)


def test_pixels_that_are_no_counts_are_in_no_blob():
    frames = np.zeros((1, 16, 16), np.uint16)
    frames[0, 3, 3:6] = [40, 65535, 50]
    frames[0, 10, 10], frames[0, 12, 12] = 60, 30_000
    mask = np.zeros((16, 16), bool)
    mask[10, 10] = True
    data = found(frames, bad=Bad(mask, 20_000.0)).data
    assert sorted(data["spot_intensity"].values.tolist()) == [40, 50]
    assert found(frames, bad=Bad(mask, 20_000.0)).features["masked"].value == pytest.approx(100 * 3 / 256)
    here = Hedm(threshold=3, fewest_pixels=1, region={"rows": (0, 4), "columns": (5, 16)})
    assert found(frames, analysis=here).data["spot_intensity"].values.tolist() == [50]


def test_a_dark_and_the_level_of_a_frame_are_taken_off(tmp_path):
    dark = np.full((16, 16), 20, np.uint16)
    dark[2, 2] = 200
    np.save(tmp_path / "dark.npy", np.stack([dark - 2, dark + 2]))
    frames = np.tile(dark, (2, 1, 1))
    frames[:, 8, 8] += 30
    frames[1] += 7
    outcome = found(frames, analysis=Hedm(threshold=5, fewest_pixels=1, dark=str(tmp_path / "dark.npy"), level=True))
    assert outcome.data["spot_intensity"].values.tolist() == [60]
    with pytest.raises(SteeringError, match=r"none\.npy is not seen here"):
        found(frames, analysis=Hedm(dark="/nowhere/none.npy"))
    np.save(tmp_path / "small.npy", dark[:4])
    with pytest.raises(ValueError, match="the dark has shape"):
        found(frames, analysis=Hedm(dark=str(tmp_path / "small.npy")))
    (tmp_path / "text.npy").write_text("nothing")
    with pytest.raises(SteeringError, match=r"text\.npy cannot be read"):
        found(frames, analysis=Hedm(dark=str(tmp_path / "text.npy")))


def peaks(distance, frames=3, height=200):
    row, column = np.indices((21, 41))
    one, other = (np.exp(-((row - 10) ** 2 + (column - 20 + side * distance / 2) ** 2) / 8) for side in (-1, 1))
    rise = np.array([0.5, 1, 0.5])[:frames, None, None]
    return np.rint(height * rise * (one + 0.7 * other)).astype(np.uint16)


def test_spots_that_overlap_are_split_where_a_valley_lies_between_them():
    far, near = peaks(9), peaks(4)
    assert found(far).data.sizes["spot"] == 1
    split = Hedm(threshold=3, fewest_pixels=1, valley=0.7)
    data = found(far, [0, 1, 2], split).data
    assert sorted(data["maximum"].values.tolist()) == sorted([far[1][10, :20].max(), far[1][10, 20:].max()])
    assert sorted(data["column"].values.tolist()) == pytest.approx([15.5, 24.5], abs=0.5)
    assert data["spot_intensity"].values.sum() == far[far > 3].sum()
    assert found(near, [0, 1, 2], split).data.sizes["spot"] == 1
    flat = np.zeros((1, 9, 9), np.uint16)
    flat[0, 4, 2:7] = 50
    assert found(flat, analysis=split).data.sizes["spot"] == 1


def test_angles_come_with_a_geometry_and_widths_along_them():
    geometry = {"distance": 0.5, "poni1": 0.05, "poni2": 0.05, "pixel1": 1e-4, "pixel2": 1e-4, "wavelength": 2e-11}
    row, column = np.indices((1000, 1000))
    # 10 mm above the beam, wide along the ring.
    spot = 2000 * np.exp(-((row - 599.5) ** 2) / (2 * 1.5**2) - (column - 499.5) ** 2 / (2 * 4.0**2))
    frames = np.rint(spot[None]).astype(np.uint16)
    data = found(frames, [3.0], Hedm(threshold=3, geometry=geometry)).data
    assert data["two_theta"].values[0] == pytest.approx(np.degrees(np.arctan(0.01 / 0.5)), rel=1e-6)
    assert data["eta"].values[0] == pytest.approx(90.0, abs=1e-6)
    assert data["eta_width"].values[0] == pytest.approx(np.degrees(4.0 / 100), rel=0.02)
    assert data["radial_width"].values[0] == pytest.approx(np.degrees(1.5e-4 / 0.5), rel=0.02)
    assert data["omega"].values.tolist() == [3.0]


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"threshold": 0}, "threshold"),
        ({"valley": 2.0}, "valley"),
        ({"geometry": {"distance": 1.0}}, "lacks poni1"),
        ({"omega_step": float("nan")}, "omega_step"),
        ({"wedge": -1}, "wedge"),
    ],
)
def test_what_cannot_be_chosen_is_said(chosen, sentence):
    with pytest.raises(ValueError, match=sentence):
        Hedm(**chosen)


def test_frames_that_do_not_fit_are_said():
    analysis, frames = Hedm(axis="om"), np.ones((3, 8, 8), np.uint16)
    with pytest.raises(ValueError, match=r"no column 'om'; they have: none"):
        analysis.update(analysis.empty(), block_of(frames), frames)
    with pytest.raises(ValueError, match="HEDM needs"):
        Hedm().update(Hedm().empty(), block_of(frames), frames[:2])
    state = Hedm().update(Hedm().empty(), block_of(frames), frames)
    with pytest.raises(ValueError, match="came after ones of 8 x 8 px"):
        Hedm().update(state, block_of(frames[:, :4], 3), frames[:, :4])
    assert Hedm(axis="om").needs.units == {"om": "deg"}


def test_bright_pixels_are_found_in_frames_of_any_size():
    random = np.random.default_rng(2)
    for shape in ((64, 64), (63, 65), (256, 256), (3, 5)):
        frames = random.choice([0, 9], (2, *shape), p=[0.99, 0.01]).astype(np.uint16)
        lit = lit_of(frames, Bad(), Cut(3.0))
        assert [lit.frame.tolist(), lit.row.tolist(), lit.column.tolist()] == [one.tolist() for one in frames.nonzero()]


def test_a_thousand_small_frames_are_a_thousand_rows_and_the_same_one_by_one():
    count = 1000
    frames = np.random.default_rng(8).poisson(0.1, (count, 12, 16)).astype(np.uint16)
    frames[:, 5, 7] = 60
    frames[::250] = 0
    analysis = Hedm(threshold=5, fewest_pixels=1)
    whole = block_of(frames, omega=np.arange(count) * 0.1)
    outcome = analysis.result(analysis.update(analysis.empty(), whole, frames))
    assert outcome.data["blobs"].values.tolist() == ([0] + [1] * 249) * 4
    assert outcome.data.sizes["spot"] == 4
    assert outcome.data["spot_intensity"].values.tolist() == [249 * 60] * 4
    states = [analysis.update(analysis.empty(), whole.part(at, at + 1), frames[at : at + 1]) for at in range(count)]
    while len(states) > 1:
        pairs = [states[at : at + 2] for at in range(0, len(states), 2)]
        states = [analysis.merge(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    require_same(analysis.result(states[0]), outcome, "bitwise", "a thousand frames come one by one")


@pytest.mark.parametrize(
    ("kind", "value", "bad", "share"),
    [
        (np.float32, np.nan, True, 100),
        (np.float32, -np.inf, False, 100 * 16 / 256),
        (np.int32, -1, False, 100 * 16 / 256),
        (np.int32, -1, True, 100),
        (np.uint16, 65_535, True, 100),
    ],
)
def test_each_pixel_that_is_no_count_is_counted_once(kind, value, bad, share):
    frames = np.zeros((2, 16, 16), kind)
    frames[:, 3] = value
    outcome = found(frames, bad=Bad(np.ones((16, 16), bool)) if bad else Bad())
    assert outcome.features["masked"].value == pytest.approx(share)
