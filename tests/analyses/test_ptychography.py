"""Ptychography: a known object is found, whatever blocks the frames come in."""

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steering.analyses.ptychography import Ptychography
from steering.contract.outcome import require_same
from steering.core.pixels import Bad
from steering.ptychography.patterns import Patterns, Window
from steering.ptychography.reconstruction import Course, forget, reconstruct, stages
from steering.ptychography.start import starting_probe
from steering.sim.star import GEOMETRY, PIXEL
from steering.testing import check_analysis
from steering.testing.blocks import varied_blocks
from tests.analyses.ptychography import block_of, grid, like_the_truth, scanned

NM = 1e3 * PIXEL
SMALL = {"pixel_size": 2.0, "iterations": 2}


@pytest.fixture(scope="module")
def star():
    positions = grid(0.12, 0.42)
    return scanned(positions), positions


def analysed(analysis, *blocks):
    states = [analysis.update(analysis.empty(), one, one.place.frames) for one in blocks]
    return analysis.result(reduce(analysis.merge, states, analysis.empty()))


@pytest.mark.whole
def test_a_known_object_is_found(star):
    frames, positions = star
    outcome = analysed(Ptychography(geometry=GEOMETRY.json(), defocus=55.0), block_of(frames, positions))
    assert outcome.features["error"].value < 0.011
    assert outcome.features["beam"].value == pytest.approx(0.449, abs=0.02)
    assert outcome.features["overlap"].value == pytest.approx(100 * (1 - 0.12 / 0.449), abs=5)
    assert like_the_truth(outcome.data) > 0.985
    assert outcome.data["object_phase"].dims == ("sy", "sx")
    assert outcome.data["sx"].attrs["units"] == "um"


def test_where_spots_hardly_overlap_the_error_is_small_and_means_nothing():
    positions = grid(0.4, 0.8)
    outcome = analysed(Ptychography(geometry=GEOMETRY.json(), defocus=55.0), block_of(scanned(positions), positions))
    assert outcome.features["error"].value < 0.03
    assert outcome.features["overlap"].value < 25
    assert like_the_truth(outcome.data) < 0.97


@pytest.mark.parametrize("chosen", [{}, SMALL, SMALL | {"modes": 2}, SMALL | {"size": 16, "binning": 2}])
def test_it_keeps_the_contract(chosen):
    forget()
    check_analysis(Ptychography(**chosen))


def test_blocks_of_any_length_and_order_give_the_same_bits(star):
    frames, positions = star
    analysis = Ptychography(pixel_size=NM, iterations=2)
    whole = block_of(frames, positions)
    expected = analysed(analysis, whole)
    random = np.random.default_rng(1)
    for _ in range(3):
        cuts = [0, *np.sort(random.choice(np.arange(1, len(frames)), 9, replace=False)).tolist(), len(frames)]
        parts = [whole.part(*ends) for ends in pairwise(cuts)]
        # Also where this process has kept nothing, or what it has kept is of other frames.
        forget()
        if random.integers(2):
            analysed(analysis, parts[-1], parts[0])
        found = analysed(analysis, *(parts[i] for i in random.permutation(len(parts))), parts[2])
        for name in expected.data.variables:
            assert found.data[name].values.tobytes() == expected.data[name].values.tobytes(), name
        assert {n: f.value for n, f in found.features.items()} == {n: f.value for n, f in expected.features.items()}


def test_a_scan_that_grows_goes_on_from_where_it_was(star, monkeypatch):
    frames, positions = star
    patterns = Patterns(np.arange(len(frames)), Window().amplitudes(frames, Bad()), positions)
    course = Course((PIXEL, PIXEL), 1)
    done = []
    import steering.ptychography.reconstruction as module

    real = module.iterated
    monkeypatch.setattr(module, "iterated", lambda some, *rest: done.append(len(some)) or real(some, *rest))
    forget()
    reconstruct(patterns.first(50), course)
    assert done == [32, 40, 50]
    done.clear()
    reconstruct(patterns.first(60), course)
    assert done == [60]
    done.clear()
    reconstruct(patterns, course)
    assert done == [62, 64]
    assert [*stages(4)] == [4]


def test_pixels_that_are_no_counts_keep_what_the_model_says(star):
    frames, positions = star
    random = np.random.default_rng(2)
    dead = random.random(frames.shape[1:]) < 0.03
    dead[60:64] = True
    spoilt = np.where(dead, np.uint16(65_535), frames)
    analysis = Ptychography(geometry=GEOMETRY.json(), defocus=55.0)
    marked = analysed(analysis, block_of(spoilt, positions))
    assert marked.features["error"].value < 0.011
    assert like_the_truth(marked.data) > 0.97
    # The same as a mask of the detector's file, whatever stands in those pixels.
    hot = np.where(dead, np.uint16(40_000), frames)
    told = analysed(analysis, block_of(hot, positions, bad=Bad(dead)))
    assert told.data["object_phase"].values.tobytes() == marked.data["object_phase"].values.tobytes()
    # Or as a region that is looked at.
    region = {"rows": (20, 108), "columns": (20, 108)}
    part = analysed(Ptychography(geometry=GEOMETRY.json(), defocus=55.0, region=region), block_of(frames, positions))
    assert like_the_truth(part.data) > 0.96


def test_a_window_is_cut_around_the_direct_beam(star):
    frames, _ = star
    moved = np.roll(frames, (5, -9), axis=(1, 2))
    cut = Window(size=96).amplitudes(frames, Bad())
    assert (Window((69, 55), 96).amplitudes(moved, Bad()) == cut).all()
    binned = Window(binning=2).amplitudes(frames, Bad())
    assert binned.shape == (len(frames), 64, 64)
    total = frames[0].sum(dtype=float)
    assert np.square(binned[0].astype(float)).sum() == pytest.approx(total, rel=1e-3)
    with pytest.raises(ValueError, match=r"96 px around row 20 reach beyond the frame of 128 x 128 px"):
        Window((20, 64), 96).shape(128, 128)
    with pytest.raises(ValueError, match=r"Take smaller bins"):
        Window(binning=60).shape(100, 100)


def test_of_too_many_frames_the_first_ones_are_kept(star):
    frames, positions = star
    analysis = Ptychography(pixel_size=NM, iterations=1, memory=1)
    parts = [block_of(frames, positions).part(a, b) for a, b in ((40, 64), (0, 20), (20, 40))]
    outcome = analysed(analysis, *parts)
    assert outcome.features["frames"].value == 32
    assert outcome.data["frame"].values.tolist() == [*range(32)]
    assert outcome.data.attrs["remark"].startswith("1 MB hold the first 32 frames.")


def test_a_shutter_that_opens_late_leaves_the_frames_after_it(star):
    frames, positions = star
    late = frames.copy()
    late[:40] = 0
    analysis = Ptychography(pixel_size=NM, iterations=1)
    outcome = analysed(analysis, block_of(late, positions))
    assert outcome.data["frame"].values.tolist() == [*range(40, len(frames))]
    require_same(
        outcome,
        analysed(analysis, block_of(frames, positions).part(40, len(frames))),
        "bitwise",
        "dark frames change it",
    )
    # Where a frame of the first ones has counts, all are taken, as ever.
    late[5] = frames[5]
    assert analysed(analysis, block_of(late, positions)).features["frames"].value == len(frames)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda frames, positions: (frames[:1], positions[:1]), "1 frames with a position are there"),
        (lambda frames, positions: (frames * 0, positions), "The first frames have no counts"),
        (lambda frames, positions: (frames, positions * 0), "at the same position"),
        (lambda frames, positions: (frames, positions * np.nan), "0 frames with a position are there"),
        (lambda frames, positions: (frames * np.float32(np.nan), positions), "no counts, or only masked pixels"),
    ],
)
def test_what_cannot_be_reconstructed_is_said(star, spoil, words):
    frames, positions = spoil(*star)
    outcome = analysed(Ptychography(pixel_size=NM), block_of(frames, positions))
    assert words in outcome.data.attrs["remark"]
    assert set(outcome.features) == {"frames"}
    assert "pixel_size in nm" in analysed(Ptychography(), block_of(*star)).data.attrs["remark"]


def test_a_thousand_small_frames_are_reconstructed_and_the_same_one_by_one():
    random, count = np.random.default_rng(3), 1000
    frames = random.poisson(40 * np.hanning(16)[:, None] * np.hanning(16), (count, 16, 16)).astype(np.uint16)
    frames[::100] = 0
    positions = np.stack(np.divmod(np.arange(count), 40), axis=1) * 0.008
    analysis, whole = Ptychography(pixel_size=2.0, iterations=2), block_of(frames, positions)
    outcome = analysed(analysis, whole)
    assert outcome.features["frames"].value == count
    assert all(np.isfinite(one.value) for one in outcome.features.values())
    order = random.permutation(count)
    found = analysed(analysis, *(whole.part(at, at + 1) for at in order))
    require_same(found, outcome, "bitwise", "a thousand frames come one by one")


def test_one_frame_says_what_is_missing_and_begins_a_scan(star):
    frames, positions = star
    analysis, whole = Ptychography(pixel_size=NM, iterations=1), block_of(frames, positions)
    one = analysed(analysis, whole.part(0, 1))
    assert one.features["frames"].value == 1
    assert "A reconstruction begins with 4" in one.data.attrs["remark"]
    state = analysis.update(analysis.empty(), whole.part(0, 1), frames[:1])
    for at in range(1, 4):
        state = analysis.merge(analysis.update(analysis.empty(), whole.part(at, at + 1), frames[at : at + 1]), state)
    assert "error" in analysis.result(state).features


def test_what_is_wrong_is_said(star):
    frames, positions = star
    analysis = Ptychography(pixel_size=NM, iterations=1)
    with pytest.raises(ValueError, match=r"span 840 x 840 um, .* pixels of 10 nm\. Allowed are 8,388,608 pixels"):
        analysed(analysis, block_of(frames, positions * 1000))
    with pytest.raises(ValueError, match=r"frames have shape \(4, 4\)\. Ptychography needs \(64, rows, columns\)"):
        analysis.update(analysis.empty(), block_of(frames, positions), np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"the events have no column th; they have: sy, sx"):
        analysed(Ptychography(axes=("th", "sx")), block_of(frames, positions))
    with pytest.raises(ValueError, match=r"64 x 64 px and 128 x 128 px came in one run|128 x 128 px and 64 x 64 px"):
        analysed(analysis, block_of(frames, positions), block_of(frames[:, :64, :64], positions, start=64))
    with pytest.raises(ValueError, match=r"both axes are 'sx'"):
        Ptychography(axes=("sx", "sx"))
    with pytest.raises(ValueError, match=r"a defocus of 3 um needs the detector's geometry"):
        Ptychography(defocus=3.0)
    with pytest.raises(ValueError, match=r"The probe has 4 x 4 px, and the patterns 128 x 128 px"):
        starting_probe(Window().amplitudes(frames, Bad()), 1, np.ones((1, 4, 4), np.complex64))
    with pytest.raises(ValueError, match=r"The probe has the power 0"):
        starting_probe(Window().amplitudes(frames, Bad()), 1, np.zeros((1, 128, 128), np.complex64))


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000), rows=st.integers(3, 20), columns=st.integers(3, 20), brightest=st.integers(0, 65_535)
)
def test_frames_of_any_shape_and_light_give_finite_features(seed, rows, columns, brightest):
    random = np.random.default_rng(seed)
    frames = random.integers(0, brightest + 1, (6, rows, columns)).astype(np.uint16)
    positions = random.uniform(-0.02, 0.02, (6, 2)).round(3)
    outcome = analysed(Ptychography(pixel_size=2.0, iterations=2), block_of(frames, positions))
    assert all(np.isfinite(one.value) for one in outcome.features.values())


def test_blocks_of_the_kit_are_reconstructed():
    blocks = [*varied_blocks(3)]
    outcome = analysed(Ptychography(**SMALL), *blocks)
    assert outcome.features["frames"].value == sum(map(len, blocks)) - 1
    assert "error" in outcome.features


@pytest.mark.whole
def test_two_beams_that_do_not_interfere_are_two_modes(star):
    frames, positions = star
    # A vibration: each frame is the sum of two that are 14 nm apart.
    aside = np.array([0.007, 0.0])
    shaken = scanned(positions + aside, 4, 0.25) + scanned(positions - aside, 5, 0.25)
    block = block_of(shaken, positions)
    chosen = {"geometry": GEOMETRY.json(), "defocus": 55.0, "iterations": 40}
    one, two = (analysed(Ptychography(**chosen, modes=count), block) for count in (1, 2))
    assert two.features["error"].value < 0.87 * one.features["error"].value
    assert like_the_truth(two.data) > like_the_truth(one.data)
    shares = two.data["mode_share"].values
    assert shares.sum() == pytest.approx(100)
    assert shares[0] > shares[1] > 5
    strong, weak = (two.data["probe_amplitude"] * np.exp(1j * two.data["probe_phase"])).values
    assert abs(np.vdot(strong, weak)) < 1e-3 * np.vdot(strong, strong).real


@pytest.mark.parametrize("wild", [1, 20])
def test_an_encoder_that_slips_once_costs_one_frame(wild):
    positions = grid(0.2, 0.5)
    frames = scanned(positions)
    slipped = positions.copy()
    slipped[wild] = (1e6, -3.0)
    analysis = Ptychography(geometry=GEOMETRY.json(), iterations=2)
    outcome = analysed(analysis, block_of(frames, slipped))
    assert outcome.features["frames"].value == len(frames) - 1
    assert outcome.data.attrs["remark"].startswith("1 frame lies too far from the others and is left out:")
    # It is what it is without that frame, to the last bit.
    nowhere = positions.copy()
    nowhere[wild] = np.nan
    others = analysed(analysis, block_of(frames, nowhere))
    assert outcome.data.drop_attrs().identical(others.data.drop_attrs())
    early = analysed(analysis, block_of(frames[:4], slipped[:4]))
    assert np.isfinite(early.features["error"].value)


def test_positions_that_mean_something_else_are_refused():
    positions = grid(0.2, 0.5) * 1000
    frames = np.ones((len(positions), 16, 16), np.uint16)
    with pytest.raises(ValueError, match="See that the pixel size and the units of the axes are right"):
        analysed(Ptychography(**SMALL), block_of(frames, positions))
