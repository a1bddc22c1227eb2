"""HDF5 files as the conventions have them."""

import re

import h5py
import hdf5plugin
import numpy as np
import pytest

from steering.core.block import FrameBlock
from steering.core.source import RunEnded
from steering.readers.hdf5_layout import find_layout
from steering.sim.data import fetch
from steering.sources import hdf5
from steering.sources.frames import read_frames
from steering.sources.hdf5 import Hdf5Source

FRAMES = np.random.default_rng(0).poisson(2, (10, 6, 7)).astype("u4")


async def whole(source):
    """Take all of a source; return its items, and its frames in order."""
    items = [item async for item in source.items()]
    blocks = [item for item in items if isinstance(item, FrameBlock)]
    assert [index for block in blocks for index in block.indices] == list(range(sum(len(block) for block in blocks)))
    return items, blocks, np.concatenate([read_frames(block)[0] for block in blocks]) if blocks else None


async def test_the_recorded_tomography_is_found_with_its_angles():
    items, blocks, frames = await whole(Hdf5Source(fetch("tomography/tooth.h5")))
    assert frames.shape == (181, 2, 640)
    assert items[-1].status == "success"
    theta = np.concatenate([block.columns["theta"] for block in blocks])
    assert theta[-1] == pytest.approx(179.0055, abs=1e-4)


def nexus(file):
    file.attrs["default"] = "run"
    file.create_group("run").attrs["default"] = "shown"
    file.create_group("run/shown").attrs["signal"] = "counts"
    file["run/shown/counts"] = FRAMES
    file["run/shown/th"] = np.arange(10) / 10
    file["run/shown/th"].attrs["units"] = "deg"
    file["run/other"] = np.zeros((50, 60, 70))


def cxi(file):
    file["entry_1/instrument_1/detector_1/data"] = FRAMES
    file["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
    file["entry_1/th"] = np.arange(10) / 10


def anything(file):
    file["deep/down/here"] = FRAMES
    file["mask"] = np.ones((600, 700))
    file["deep/th"] = np.arange(10) / 10


@pytest.mark.parametrize("fill", [nexus, cxi, anything])
async def test_images_and_positions_are_found(fill, tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        fill(file)
    items, blocks, frames = await whole(Hdf5Source(tmp_path / "f.h5"))
    assert np.array_equal(frames, FRAMES)
    assert blocks[0].columns["th"].tolist() == (np.arange(10) / 10).tolist()
    assert items[0].run == (await whole(Hdf5Source(tmp_path / "f.h5")))[0][0].run


def write_piece(path, frames):
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset("entry/data/data", data=frames, chunks=(1, 6, 7), **hdf5plugin.Bitshuffle(cname="lz4"))


async def test_an_eiger_master_file_whose_data_files_come_one_by_one(tmp_path):
    with h5py.File(tmp_path / "s_master.h5", "w") as file:
        for number in (1, 2, 3):
            file[f"entry/data/data_{number:06d}"] = h5py.ExternalLink(f"s_data_{number:06d}.h5", "entry/data/data")
        file["entry/instrument/detector/detectorSpecific/nimages"] = 5
        file["entry/instrument/detector/detectorSpecific/ntrigger"] = 2
    source = Hdf5Source(tmp_path / "s_master.h5")
    items = []
    pieces = [FRAMES[:4], FRAMES[4:8], FRAMES[8:]]
    write_piece(tmp_path / "s_data_000001.h5", pieces.pop(0))
    async for item in source.items():
        items.append(item)
        if isinstance(item, FrameBlock) and pieces:
            write_piece(tmp_path / f"s_data_{4 - len(pieces):06d}.h5", pieces.pop(0))
    blocks = [item for item in items if isinstance(item, FrameBlock)]
    assert [(block.start, block.stop, block.first) for block in blocks] == [(0, 4, 0), (4, 8, 0), (8, 10, 0)]
    assert np.array_equal(np.concatenate([read_frames(block)[0] for block in blocks]), FRAMES)
    assert items[-1] == RunEnded(items[0].run, 10, "success")


async def test_a_virtual_dataset_over_several_files(tmp_path):
    layout = h5py.VirtualLayout((10, 6, 7), "u4")
    for number, part in enumerate((FRAMES[:5], FRAMES[5:])):
        write_piece(tmp_path / f"{number}.h5", part)
        layout[5 * number : 5 * number + 5] = h5py.VirtualSource(f"{number}.h5", "entry/data/data", (5, 6, 7))
    with h5py.File(tmp_path / "all.h5", "w", libver="latest") as file:
        file.create_virtual_dataset("entry/data/data", layout)
    assert np.array_equal((await whole(Hdf5Source(tmp_path / "all.h5")))[2], FRAMES)


async def test_a_writer_that_dies_ends_the_run_as_failed(tmp_path):
    path = tmp_path / "f.h5"
    with h5py.File(path, "w", libver="latest") as file:
        data = file.create_dataset("d", (0, 6, 7), "u4", maxshape=(None, 6, 7), chunks=(1, 6, 7))
        file.swmr_mode = True
        data.resize(3, axis=0)
        data[:] = FRAMES[:3]
        data.flush()
        left = path.read_bytes()
    dead = tmp_path / "dead.h5"
    dead.write_bytes(left)
    source = Hdf5Source(dead, stalled_seconds=0.3)
    items, _, frames = await whole(source)
    assert np.array_equal(frames, FRAMES[:3])
    assert items[-1].status == "fail"
    assert "never closed it" in source.status.detail


async def test_a_file_that_stays_rubbish_is_counted_once(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5, "_UNREADABLE_SECONDS", -1.0)
    (tmp_path / "f.h5").write_bytes(b"\x89HDF\r\n\x1a\nrubbish")
    source = Hdf5Source(tmp_path / "f.h5")
    for _ in range(5):
        assert source.look() == []
    assert source.status.rejected == 1
    assert "cannot be read" in source.last_rejection


def test_a_dataset_without_images_is_named_with_those_that_have_some(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        anything(file)
        refused = find_layout(file, "/deep/th").refused
    assert re.search(r"/deep/th in .* has shape \(10,\) and holds no images.*/mask, /deep/down/here", refused)
