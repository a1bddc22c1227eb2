"""The analysis on simulated maps: grains, misorientation and strain are those that were made; and hostile input."""

from functools import reduce
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from steering.analyses.laue import Laue
from steering.contract.outcome import require_same
from steering.core.binding import Binding, make_analysis
from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.description.description import read_description
from steering.laue.geon import write_geon
from steering.laue.orientations import write_orientations
from steering.sim.polycrystal import NICKEL, PANEL, PolycrystalSample
from steering.spots.turns import rotation_of
from steering.testing import check_analysis
from tests.laue.maps import COARSE, analysis, measured, panel, snaked

CRYSTAL = {"lengths": NICKEL.lengths, "atoms": NICKEL.atoms}


@pytest.fixture(scope="module")
def sample():
    return PolycrystalSample()


@pytest.fixture(scope="module")
def coarse(sample):
    return measured(sample, snaked(COARSE, COARSE))


def outcome(made, block):
    return made.result(made.update(made.empty(), block, block.place.frames))


def test_a_map_shows_the_grains_and_where_nobody_is_known(sample, coarse):
    found = outcome(analysis(sample), coarse)
    data = found.data
    truth = np.array([sample.grain_at(*one) for one in snaked(COARSE, COARSE)])
    inclusion, grain = truth == sample.grains, data["grain"].values
    assert np.isnan(grain[inclusion]).all()
    assert (data["indexed"].values[inclusion] == 0).all()
    # At a boundary the beam is in two grains.
    assert np.mean(grain[~inclusion] == truth[~inclusion]) > 0.93
    several = data["grains"].values > 1
    assert several.any()
    assert (data["indexed"].values[several & (data["indexed"].values > 60)] > 95).all()
    features = found.features
    assert features["indexed"].value == 100
    assert 85 < features["all_indexed"].value < 99
    assert features["all_indexed"].uncertainty < 1
    assert 0 < features["misorientation"].value < 0.1
    assert features["frames"].value == 81
    assert data["sx"].attrs["units"] == "um"
    assert data["strain_xx"].attrs["units"] == "um/m"


def test_strain_and_its_errors_are_those_that_were_made(sample, coarse):
    data = outcome(analysis(sample), coarse).data
    points = snaked(COARSE, COARSE)
    alone = (data["grains"].values == 1) & (data["spots_of_grain"].values > 15)
    for name, place in (("xx", (0, 0)), ("yz", (1, 2)), ("xy", (0, 1))):
        made = 1e6 * np.array([sample.strain_at(*one)[place] for one in points])
        pulls = (data[f"strain_{name}"].values - made)[alone] / data[f"strain_{name}_error"].values[alone]
        assert np.abs(pulls.mean()) < 0.4
        assert 0.6 < pulls.std() < 1.6
    assert np.abs(data["strain_xx"].values[alone]).max() > 500


def test_a_longer_exposure_is_more_certain(sample):
    points = snaked(COARSE[:2], COARSE[:4])
    errors = [
        float(np.nanmedian(outcome(analysis(sample), measured(sample, points, exposure=time)).data["strain_xx_error"]))
        for time in (0.2, 1.8)
    ]
    assert errors[0] / errors[1] == pytest.approx(3, rel=0.35)


def test_grains_that_nobody_knows_are_found_and_numbered_over_frames(sample):
    points = np.array([(-2.0, 3.0), (-2.5, 2.5), (-6.0, -6.0), (-1.5, 3.5)])
    block = measured(sample, points)
    found = outcome(analysis(sample, search=True), block)
    assert found.features["new_grains"].value == 1
    assert found.data["grain"].values.tolist() == [8, 8, sample.grain_at(-6, -6), 8]
    assert found.data["new_spots"].values[2] == 0
    turn = found.data["orientation"].values[0]
    assert turn @ turn.T == pytest.approx(np.eye(3), abs=1e-9)
    assert found.data["indexed"].values[0] == 0, "a grain that nobody knew is no known one"


@pytest.mark.whole
def test_any_order_gives_the_same_bits(sample, coarse):
    made = analysis(sample, search=True, kept=10)
    check_analysis(made, [coarse.part(start, min(start + 7, 81)) for start in range(0, 81, 7)])
    states = [made.update(made.empty(), one, one.place.frames) for one in (coarse.part(at, at + 1) for at in range(81))]
    merged = made.result(reduce(made.merge, reversed(states)))
    assert merged.data.identical(outcome(made, coarse).data)
    assert sorted(set(merged.data["spot_frame"].values)) == list(range(71, 81))


def test_the_contract_is_kept_without_geometry_and_with_all_of_it(sample):
    for made in (
        Laue(),
        Laue(panel={**panel(), "shape": (24, 32)}),
        Laue(axes=("sy", "sx")),
        Laue(level=True, valley=0.7),
    ):
        check_analysis(made)
    known = Laue(panel={**panel(), "shape": (24, 32)}, crystal=CRYSTAL, turns=[(0.1, 0.2, 0.3)], search=True)
    check_analysis(known)
    del sample


def test_files_say_the_same_as_what_is_written_out(sample, coarse, tmp_path):
    write_geon(tmp_path / "geoN.xml", [PANEL])
    write_orientations(tmp_path / "known.txt", [rotation_of(one) for one in sample.known()])
    block = coarse.part(0, 4)
    from_files = outcome(
        analysis(
            sample, panel=None, turns=(), geometry_file=str(tmp_path / "geoN.xml"),
            orientations=str(tmp_path / "known.txt"),
        ),
        block,
    ).data  # fmt: skip
    written = outcome(analysis(sample), block).data
    assert from_files["grain"].values.tolist() == written["grain"].values.tolist()
    assert from_files["strain_xx"].values == pytest.approx(written["strain_xx"].values, abs=0.1)


def test_frames_of_a_part_and_of_a_binned_panel(sample, coarse):
    frames = coarse.part(0, 3).place.frames
    whole = outcome(analysis(sample), coarse.part(0, 3)).data
    # A part of the panel has the same directions.
    part = frames[:, 100:, 50:450]
    made = analysis(sample, origin=(100, 50))
    state = made.update(made.empty(), coarse.part(0, 3), part)
    spots = made.result(state).data
    place = np.flatnonzero((whole["row"].values > 110) & (np.abs(whole["column"].values - 250) < 190))
    for at in place[:10]:
        there = np.hypot(
            spots["row"].values + 100 - whole["row"].values[at],
            spots["column"].values + 50 - whole["column"].values[at],
        )
        best = int(np.argmin(there))
        assert there[best] < 1e-6
        assert spots["q_x"].values[best] == pytest.approx(whole["q_x"].values[at], abs=1e-9)
    # The file's panel is four times as fine.
    fine = {**panel(), "shape": (2048, 2048)}
    binned = outcome(analysis(sample, panel=fine, binning=4), coarse.part(0, 3)).data
    assert binned["grain"].values.tolist() == whole["grain"].values.tolist()


def test_depth_moves_where_light_comes_from(sample, coarse):
    block = coarse.part(0, 2)
    columns = {**block.columns, "depth": np.array([0.0, 200.0])}
    deep = FrameBlock("r", "primary", 0, 2, Inline(block.place.frames), columns, {**block.units, "depth": "um"})
    found = outcome(analysis(sample, depth="depth"), deep).data
    usual = outcome(analysis(sample), block).data
    second = found["spot_frame"].values == 1
    turned = np.degrees(np.abs(found["q_y"].values - usual["q_y"].values))
    assert turned[~second].max() == 0
    # 0.2 mm at 513 mm are 0.02 degrees of the light, and half of that of q.
    assert 0.003 < turned[second].max() < 0.03


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"threshold": 0}, "greater than or equal to 1"),
        ({"threshold": float("nan")}, "threshold"),
        ({"band": (30, 7)}, "in order"),
        ({"within": (0.1, 0.5)}, "the larger one first"),
        ({"within": (9.0, 0.5)}, "up to 5 deg"),
        ({"search": True, "crystal": None, "turns": ()}, "search needs the crystal"),
        ({"panel": None}, "turns needs to know where the panel stands"),
        ({"panel": {**panel(), "shape": (0, 5)}}, "Allowed: 1 to 65536"),
        ({"panel": {**panel(), "translation": (0, 0, float("nan"))}}, "three finite numbers"),
        ({"panel": "everywhere"}, "panel"),
        ({"crystal": {"lengths": (0, 1, 1)}}, "above 0 angstrom"),
        ({"crystal": {"lengths": (300, 300, 300)}}, "choose a longer spacing"),
        ({"turns": [(1, 2)]}, "turns"),
        ({"binning": 3}, "cannot be binned by 3"),
        ({"strain_along": "beam"}, "strain_along"),
        ({"something": 1}, "something"),
    ],
)
def test_what_is_not_allowed_is_said(wrong, said, sample):
    with pytest.raises((ValidationError, ValueError, TypeError), match=said):
        analysis(sample, **wrong)


def test_frames_that_do_not_fit_are_said(sample, coarse):
    made, block = analysis(sample), coarse.part(0, 2)
    frames = block.place.frames
    with pytest.raises(
        ValueError, match=r"frames have 256 x 256 px, but the panel has 512 x 512 px\. Give its binning"
    ):
        made.update(made.empty(), block, frames[:, ::2, ::2])
    with pytest.raises(ValueError, match=r"Laue needs \(2, rows, columns\)"):
        made.update(made.empty(), block, frames[0])
    with pytest.raises(ValueError, match="are not within the panel"):
        analysis(sample, origin=(10, 0)).update(made.empty(), block, frames)
    with pytest.raises(ValueError, match="no column 'depth'; they have: sy, sx"):
        analysis(sample, depth="depth").update(made.empty(), block, frames)
    with pytest.raises(SteeringError, match="cannot be read as orientations"):
        analysis(sample, orientations="/nowhere").update(made.empty(), block, frames)
    with pytest.raises(SteeringError, match="cannot be read as a geometry of 34-ID-E"):
        analysis(sample, geometry_file="/nowhere", panel=None).update(made.empty(), block, frames)


def test_what_is_missing_is_remarked():
    block = FrameBlock("r", "primary", 0, 1, Inline(np.zeros((1, 64, 64), np.uint16)), {}, {})
    assert "Where the panel stands is not known" in outcome(Laue(), block).data.attrs["remark"]
    stands = {**panel(), "shape": (64, 64)}
    assert "no spot is indexed" in outcome(Laue(panel=stands), block).data.attrs["remark"]


def test_dark_hot_masked_and_empty_frames_cost_nothing_else(sample, coarse):
    frames = coarse.part(0, 5).place.frames.astype(np.uint16)
    frames[1] = 0
    frames[2] = 65535
    frames[3, 100:110, 100:110] = 65535
    frames[4] = 1000
    block = FrameBlock("r", "primary", 0, 5, Inline(frames), coarse.part(0, 5).columns, coarse.units)
    data = outcome(analysis(sample), block)
    assert data.data["spots"].values[[1, 2, 4]].tolist() == [0, 0, 0]
    assert np.isnan(data.data["indexed"].values[1])
    assert data.data["grain"].values[0] == outcome(analysis(sample), coarse.part(0, 1)).data["grain"].values[0]
    assert data.data["masked"].values[2] == 100
    assert data.data["spots"].values[3] > 0


def test_a_spot_at_the_edge_is_none(sample):
    frames = np.zeros((1, 512, 512), np.uint16)
    for row, column in ((0, 100), (300, 511), (200, 200)):
        frames[0, max(row - 1, 0) : row + 2, column - 1 : column + 2] = 100
    block = FrameBlock("r", "primary", 0, 1, Inline(frames), {}, {})
    data = outcome(Laue(), block).data
    assert list(zip(data["row"].values, data["column"].values, strict=True)) == [pytest.approx((200, 200), abs=1e-2)]
    del sample


def test_strain_along_the_axes_of_sample_and_crystal(sample, coarse):
    usual = outcome(analysis(sample), coarse.part(0, 3)).data
    tensor = np.array([usual[f"strain_{name}"].values for name in ("xx", "yy", "zz", "yz", "xz", "xy")])
    for along in ("sample", "crystal"):
        turned = outcome(analysis(sample, strain_along=along), coarse.part(0, 3)).data
        assert turned["equivalent_strain"].values == pytest.approx(usual["equivalent_strain"].values)
        if along == "sample":
            assert turned["strain_xx"].values == pytest.approx(tensor[0])
            assert turned["strain_yy"].values == pytest.approx((tensor[1] + tensor[2]) / 2 + tensor[3])
        else:
            assert turned["strain_xx"].values != pytest.approx(tensor[0])


def test_the_beamline_s_file_says_what_the_simulated_sample_is(sample):
    scan = read_description(Path(str(files("steering.beamline").joinpath("laue.yaml")))).scans[0]
    parameters = scan.bindings()[0].parameters
    assert parameters["panel"] == {name: list(value) for name, value in panel().items()}
    assert np.array(parameters["turns"]) == pytest.approx(np.array(sample.known()), abs=1e-8)
    assert parameters["crystal"]["lengths"] == list(NICKEL.lengths)


def test_a_threshold_within_the_noise_is_said():
    frames = np.random.default_rng(0).poisson(5, (2, 512, 512)).astype(np.uint16)
    frames[1] = 0
    block = FrameBlock("r", "primary", 0, 2, Inline(frames), {}, {})
    found = outcome(Laue(threshold=7), block)
    assert found.features["crowded"].value == 50
    assert found.data.sizes["spot"] == 0


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"turns": [(0, 0, 1)]}, r"does not fit a scan of sy, sx: turns needs the crystal\. Give .* and atoms\.$"),
        ({"binning": 0}, "does not fit a scan of sy, sx: binning = 0 should be greater than or equal to 1.$"),
        ({"panel": {"shape": [1]}}, "panel.shape"),
    ],
)
def test_a_beamline_s_file_is_told_in_a_sentence(parameters, said):
    with pytest.raises(SteeringError, match=said):
        make_analysis(Binding("laue", "laue", ("sy", "sx"), parameters))


def test_a_spot_in_the_direct_beam_has_no_direction_and_hurts_nobody(sample):
    ahead = {"shape": (65, 65), "size": (65.0, 65.0), "rotation": (0, 0, 0), "translation": (0, 0, 100.0)}
    frames = np.zeros((1, 65, 65), np.uint16)
    frames[0, 31:34, 31:34] = 30
    block = FrameBlock("r", "primary", 0, 1, Inline(frames), {}, {})
    found = outcome(analysis(sample, panel=ahead, axes=(), search=True), block)
    assert found.data["spots"].values.tolist() == [1]
    assert found.features["indexed"].value == 0


@pytest.fixture(scope="module")
def singles(sample, coarse):
    """States of single frames, some of which hold grains that nobody knows, and the result of all."""
    made, block = analysis(sample, search=True, kept=4), coarse.part(28, 40)
    parts = [block.part(at, at + 1) for at in range(28, 40)]
    return made, [made.update(made.empty(), one, one.place.frames) for one in parts], outcome(made, block)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_however_frames_are_merged_and_however_often_the_bits_are_the_same(singles, data):
    made, states, expected = singles
    count = len(states)
    order = data.draw(st.permutations(range(count)))
    again = data.draw(st.lists(st.integers(0, count - 1), max_size=4))
    pool = [states[at] for at in (*order, *again)]
    while len(pool) > 1:
        first = data.draw(st.integers(0, len(pool) - 2))
        pool[first : first + 2] = [made.merge(pool[first], pool[first + 1])]
    found = made.result(pool[0])
    require_same(found, expected, "bitwise", "it gives another result")
