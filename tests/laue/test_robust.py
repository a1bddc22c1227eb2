"""Laue on frames as detectors are at their worst, with indexing: what is no count is in no spot, and harms no other."""

from dataclasses import replace

import numpy as np
import pytest

from steering.analyses.laue import Laue
from steering.contract.outcome import require_same, require_well_formed
from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.core.pixels import Bad
from steering.sim.polycrystal import PolycrystalSample
from tests.laue.maps import analysis, measured

HERE = np.array([(0.0, -6.0), (0.5, -6.0)])
NO_COUNTS = {"saturated": np.uint16(65_535), "nan": np.nan, "infinite": np.inf, "negative infinite": -np.inf}


@pytest.fixture(scope="module")
def sample():
    return PolycrystalSample()


@pytest.fixture(scope="module")
def healthy(sample):
    return measured(sample, HERE)


def outcome(made, block):
    found = made.result(made.update(made.empty(), block, block.place.frames))
    require_well_formed(found, "the result")
    return found


def masked(found):
    return found.features["masked"].value if "masked" in found.features else 0.0


def of(block, frames, **more):
    return replace(block, place=Inline(frames), **more)


@pytest.mark.parametrize("kind", ["zeros", *NO_COUNTS, "negative", "one frame", "bad mask", "masked", "region"])
def test_frames_without_anything_to_say_say_nothing(sample, healthy, kind):
    frames, more, chosen = healthy.place.frames, {}, {}
    match kind:
        case "zeros":
            frames = np.zeros_like(frames)
        case "negative":
            frames = np.full(frames.shape, -5, np.int32)
        case "one frame":
            healthy, frames = healthy.part(0, 1), np.zeros_like(frames[:1])
        case "bad mask":
            more = {"bad": Bad(np.ones(frames.shape[1:], bool))}
        case "masked":
            chosen = {"masked": [{"rows": (0, 512), "columns": (0, 512)}]}
        case "region":
            # A corner of the panel without one spot.
            chosen = {"region": {"rows": (0, 2), "columns": (0, 2)}}
        case _:
            frames = np.full(frames.shape, NO_COUNTS[kind])
    found = outcome(analysis(sample, search=True, **chosen), of(healthy, frames, **more))
    assert found.data["spots"].values.tolist() == [0] * len(healthy)
    assert found.data.sizes["spot"] == 0
    assert np.isnan(found.data["indexed"].values).all()
    assert "indexed" not in found.features
    lost = kind in (*NO_COUNTS, "bad mask", "masked")
    assert masked(found) == pytest.approx(100.0 if lost else 0.0)


@pytest.mark.parametrize("kind", [*NO_COUNTS, "bad mask", "saturated above", "masked"])
def test_a_part_that_is_no_count_takes_its_own_spots_alone(sample, healthy, kind):
    frames, more, chosen = healthy.place.frames, {}, {}
    part = slice(100, 250), slice(150, 400)
    usual = outcome(analysis(sample), healthy)
    if kind == "bad mask":
        mask = np.zeros(frames.shape[1:], bool)
        mask[part] = True
        more = {"bad": Bad(mask)}
    elif kind == "masked":
        chosen = {"masked": [{"rows": (100, 250), "columns": (150, 400)}]}
    else:
        frames = frames.astype(np.float64 if kind in ("nan", "infinite", "negative infinite") else np.uint16)
        frames[:, part[0], part[1]] = NO_COUNTS.get(kind, 60_000)
        more = {"bad": Bad(None, 50_000.0)} if kind == "saturated above" else {}
    found = outcome(analysis(sample, **chosen), of(healthy, frames, **more))
    assert found.data["grain"].values.tolist() == usual.data["grain"].values.tolist()
    assert found.features["indexed"].value == 100
    row, column = usual.data["row"].values, usual.data["column"].values
    # Spots that touch the part lose some of their light, so those near it are looked at by neither.
    near = (row > 90) & (row < 260) & (column > 140) & (column < 410)
    assert 0 < near.sum() < len(near)
    left = {*zip(found.data["row"].values.tolist(), found.data["column"].values.tolist(), strict=True)}
    assert {*zip(row[~near].tolist(), column[~near].tolist(), strict=True)} <= left
    inside = [one for one in left if 100 < one[0] < 249 and 150 < one[1] < 399]
    assert inside == []
    assert masked(found) == pytest.approx(100 * 150 * 250 / 512**2)


def test_a_region_of_the_panel_is_indexed_as_it_stands(sample, healthy):
    region = {"rows": (40, 512), "columns": (30, 500)}
    found, usual = outcome(analysis(sample, region=region), healthy), outcome(analysis(sample), healthy)
    assert found.data["grain"].values.tolist() == usual.data["grain"].values.tolist()
    assert 0 < found.data.sizes["spot"] < usual.data.sizes["spot"]
    with pytest.raises(ValueError, match="600"):
        outcome(analysis(sample, region={"rows": (0, 600), "columns": (0, 10)}), healthy)


def test_a_dark_that_cannot_be_used_is_said(sample, healthy, tmp_path):
    frames = healthy.place.frames
    with pytest.raises(SteeringError, match=r"none\.npy is not seen here"):
        outcome(analysis(sample, dark="/nowhere/none.npy"), healthy)
    np.save(tmp_path / "small.npy", frames[0, :4])
    with pytest.raises(ValueError, match="the dark has shape"):
        outcome(analysis(sample, dark=str(tmp_path / "small.npy")), healthy)
    (tmp_path / "text.npy").write_text("nothing")
    with pytest.raises(SteeringError, match=r"text\.npy cannot be read"):
        outcome(analysis(sample, dark=str(tmp_path / "text.npy")), healthy)


def test_a_dark_is_taken_off_where_spots_are_found_and_where_they_are_fitted(sample, healthy, tmp_path):
    frames = healthy.place.frames
    dark = np.random.default_rng(5).integers(0, 200, frames.shape[1:]).astype(np.uint16)
    np.save(tmp_path / "dark.npy", dark)
    above = of(healthy, frames + dark)
    told = outcome(analysis(sample, dark=str(tmp_path / "dark.npy")), above)
    require_same(told, outcome(analysis(sample), healthy), "bitwise", "a dark that is taken off changes something")


def test_one_frame_has_all_that_many_have(sample, healthy):
    one = outcome(analysis(sample), healthy.part(0, 1))
    assert one.features["indexed"].value == 100
    assert one.features["frames"].value == 1
    assert set(one.data.variables) == set(outcome(analysis(sample), healthy).data.variables)


def test_a_thousand_small_frames_are_a_thousand_rows():
    random, count = np.random.default_rng(6), 1000
    frames = random.poisson(0.2, (count, 24, 32)).astype(np.uint16)
    frames[:, 10:13, 20:23] += 60
    frames[::10] = 0
    block = FrameBlock("r", "primary", 0, count, Inline(frames), {}, {})
    made = Laue(threshold=8)
    found = outcome(made, block)
    assert found.data["spots"].values.tolist() == ([0] + [1] * 9) * 100
    states = [
        made.update(made.empty(), one, one.place.frames) for one in (block.part(at, at + 1) for at in range(count))
    ]
    while len(states) > 1:
        states = [
            made.merge(*states[at : at + 2]) if at + 1 < len(states) else states[at] for at in range(0, len(states), 2)
        ]
    require_same(made.result(states[0]), found, "bitwise", "a thousand frames come one by one")
