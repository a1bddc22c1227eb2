"""Known grains are seen, those that are not there are missed."""

import numpy as np
import pytest

from steering.analyses.hedm import Hedm
from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.sim.data import fetch
from tests.hedm.recorded import cached_frames, dense

ZIRCONIUM = {
    "lengths": (3.228831, 3.228831, 5.15), "angles": (90, 90, 120),
    "atoms": ((1 / 3, 2 / 3, 0.25), (2 / 3, 1 / 3, 0.75)), "shortest": 1.2,
}  # fmt: skip


def outcome(end=50, **settings):
    chosen = {
        "grains": str(fetch("hedm_1id/reference/grains.out")), "crystal": ZIRCONIUM,
        "instrument": str(fetch("hedm_1id/GE2_APS_1-ID-C_20110713.hexrd")), "within": (8.0, 2.0),
    }  # fmt: skip
    analysis, omega = Hedm(threshold=10, **(chosen | settings)), cached_frames()[1]
    frames = dense(0, end)
    block = FrameBlock("r", "primary", 0, end, Inline(frames), {"omega": omega[:end]}, {"omega": "deg"})
    return analysis.result(analysis.update(analysis.empty(), block, frames))


@pytest.fixture(scope="module")
def recorded():
    return outcome()


def test_the_grains_of_hexrd_are_seen_in_the_recorded_frames(recorded):
    data = recorded.data
    assert data["completeness"].dims == ("grain",)
    assert (data["expected_spots"].values > 10).all()
    # hexrd has 0.90, 0.83 and 0.85 with a lower threshold.
    assert (data["completeness"].values > 70).all()
    assert recorded.features["completeness"].value > 75
    assert recorded.features["completeness"].units == "%"
    assert data["two_theta"].attrs["units"] == "deg"


def test_grains_that_are_not_there_are_not(recorded, tmp_path):
    lines = fetch("hedm_1id/reference/grains.out").read_text().splitlines()
    words = lines[1].split()
    words[3:6] = ["1.1", "-0.3", "0.7"]
    (tmp_path / "grains.out").write_text("\n".join([*lines, " ".join(words)]))
    share = outcome(grains=str(tmp_path / "grains.out")).data["completeness"].values
    assert share[:3] == pytest.approx(recorded.data["completeness"].values)
    assert share[3] < 40


def test_a_frame_without_spots_shows_nothing_of_them():
    analysis = Hedm(
        grains=str(fetch("hedm_1id/reference/grains.out")), crystal=ZIRCONIUM,
        instrument=str(fetch("hedm_1id/GE2_APS_1-ID-C_20110713.hexrd")),
    )  # fmt: skip
    frames = np.zeros((1, 2048, 2048), np.uint16)
    block = FrameBlock("r", "primary", 0, 1, Inline(frames), {"omega": np.zeros(1)}, {"omega": "deg"})
    found = analysis.result(analysis.update(analysis.empty(), block, frames))
    assert "completeness" not in found.features


def test_what_is_missing_is_said():
    with pytest.raises(ValueError, match="known grains need a crystal"):
        Hedm(grains="grains.out")
    with pytest.raises(ValueError, match="edges of"):
        Hedm(grains="grains.out", crystal={"lengths": (0, 1, 1)})
    with pytest.raises(ValueError, match="within"):
        Hedm(within=(0.0, 1.0))
    with pytest.raises(SteeringError, match=r"none\.out cannot be read as grains"):
        outcome(2, grains="none.out")
