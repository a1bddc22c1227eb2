"""Frames reconstructed for depths, as 34-ID-E's programs write them, are a source: a file a depth, or one of all."""

import h5py
import numpy as np
import pytest

from steering.analyses.laue import Laue
from steering.core.block import FrameBlock, Inline
from steering.laue.forward import lattice_of, pattern_of
from steering.laue.reflections import Band, reflections_of
from steering.sources.frames import read_frames
from steering.sources.hdf5 import Hdf5Source
from steering.sources.watch import WatchSource
from tests.laue.maps import panel
from tests.laue.patterns import NICKEL, PANEL, turns
from tests.sources.test_folder_kinds import followed

DEPTHS = (-200.0, 0.0, 800.0)
(TURN,) = turns(1, seed=5)


def image(depth):
    """One grain of nickel at a depth in um, each spot 3 x 3 px, its middle where the light goes to."""
    lattice = lattice_of(NICKEL, TURN)
    found = pattern_of(lattice, reflections_of(NICKEL, 30.0), PANEL, Band(7.0, 30.0), depth / 1000)
    frame = np.zeros(PANEL.shape)
    rows, columns = np.indices((11, 11)) - 5
    there = np.isfinite(found.row) & np.isfinite(found.column)
    for row, column in zip(found.row[there], found.column[there], strict=True):
        at, to = round(row), round(column)
        if 6 <= at < PANEL.shape[0] - 6 and 6 <= to < PANEL.shape[1] - 6:
            spot = np.exp(-((rows + at - row) ** 2 + (columns + to - column) ** 2) / 2.0)
            frame[at - 5 : at + 6, to - 5 : to + 6] += 5000 * spot
    return np.round(frame).astype(np.int32)


def written(path, depth, units="micron"):
    """As 34-ID-E's reconstruction writes it: one image a file, the depth beside it."""
    with h5py.File(path, "w") as file:
        file["entry1/data/data"] = image(depth)
        file["entry1/depth"] = np.array([depth])
        file["entry1/depth"].attrs["units"] = units
        file["entry1/sample/sampleX"] = np.array([12.5])
        file["entry1/sample/sampleX"].attrs["units"] = "micron"
        file["entry1/sample/incident_energy"] = 14.2
        file["entry1/user/name"] = "somebody"


def analysis(**chosen):
    crystal = {"lengths": NICKEL.lengths, "atoms": NICKEL.atoms}
    return Laue(threshold=100, panel=panel(PANEL), crystal=crystal, turns=[turn_vector()], **chosen)


def turn_vector():
    from scipy.spatial.transform import Rotation

    return tuple(Rotation.from_matrix(TURN).as_rotvec())


def looked(blocks, **chosen):
    made = analysis(**chosen)
    state = made.empty()
    for block in blocks:
        state = made.update(state, block, read_frames(block)[0])
    return made.result(state)


async def test_a_file_a_depth_is_one_run_with_its_depths(tmp_path):
    for number, depth in enumerate(DEPTHS):
        written(tmp_path / f"Si_recon_{number}.h5", depth)
    items = await followed(WatchSource(tmp_path, idle_seconds=0.2))
    blocks = [item for item in items if isinstance(item, FrameBlock)]
    assert np.concatenate([block.columns["depth"] for block in blocks]).tolist() == list(DEPTHS)
    assert {block.units["depth"] for block in blocks} == {"micron"}
    assert {float(block.columns["sampleX"][0]) for block in blocks} == {12.5}
    assert {float(block.columns["incident_energy"][0]) for block in blocks} == {14.2}
    right = looked(blocks, depth="depth").data
    wrong = looked(blocks).data
    assert right["indexed"].values == pytest.approx([100, 100, 100], abs=5)
    # A grain that is 0.8 mm behind the origin seems to be turned by 0.01 deg if its depth is not told.
    assert np.max(right["misorientation"].values) < 0.005
    assert wrong["misorientation"].values[2] > 0.008


async def test_one_file_of_all_depths_is_a_run_too(tmp_path):
    with h5py.File(tmp_path / "all.h5", "w") as file:
        file["entry1/data/data"] = np.stack([image(depth) for depth in DEPTHS])
        file["entry1/depth"] = np.array(DEPTHS)
        file["entry1/depth"].attrs["units"] = "micron"
    items = await followed(Hdf5Source(tmp_path / "all.h5"))
    found = looked([item for item in items if isinstance(item, FrameBlock)], depth="depth").data
    assert np.max(found["misorientation"].values) < 0.005


@pytest.mark.parametrize(("units", "factor"), [("um", 1.0), ("micron", 1.0), ("mm", 1e-3), ("", 1.0), ("unknown", 1.0)])
def test_a_depth_is_taken_in_the_unit_that_it_has(units, factor):
    frames, depth = image(800.0)[None], np.array([800.0 * factor])
    block = FrameBlock("r", "primary", 0, 1, Inline(frames), {"depth": depth}, {"depth": units} if units else {})
    assert looked([block], depth="depth").data["misorientation"].values[0] < 0.005


def test_a_depth_that_is_no_length_is_said():
    block = FrameBlock("r", "primary", 0, 1, Inline(image(0.0)[None]), {"depth": np.zeros(1)}, {"depth": "deg"})
    with pytest.raises(ValueError, match=r"the depth is in deg\. Allowed: .*um"):
        looked([block], depth="depth")
