"""Files that are late, never whole, or damaged cost nothing but themselves."""

import asyncio

import h5py
import numpy as np
import pytest
import tifffile

from steering.core.block import FrameBlock
from steering.core.source import RunEnded
from steering.sources import watch
from steering.sources.frames import read_frames
from steering.sources.watch import WatchSource
from steering.testing.waiting import until

FRAMES = np.random.default_rng(0).poisson(200, (9, 12, 14)).astype("u2")


def following(source, items):
    async def follow():
        async for item in source.items():
            items.append(item)
            if isinstance(item, RunEnded):
                source.close()

    return asyncio.ensure_future(follow())


def found_in(items):
    """Each frame by its index; a frame that comes twice is an error."""
    found = {}
    for block in items:
        if isinstance(block, FrameBlock):
            for index, frame in zip(block.indices, read_frames(block)[0], strict=True):
                assert index not in found, f"frame {index} comes twice"
                found[index] = frame
    return found


def stack(path, frames):
    tifffile.imwrite(path, frames, photometric="minisblack")


@pytest.mark.parametrize("first", ["missing", "half"])
async def test_a_file_of_several_frames_that_comes_late_has_room_for_all_of_them(tmp_path, first):
    stack(tmp_path / "a_2.tif", FRAMES[3:6])
    whole = (tmp_path / "a_2.tif").read_bytes()
    (tmp_path / "a_2.tif").unlink()
    if first == "half":
        (tmp_path / "a_2.tif").write_bytes(whole[: len(whole) // 2])
    stack(tmp_path / "a_1.tif", FRAMES[:3])
    stack(tmp_path / "a_3.tif", FRAMES[6:])
    source = WatchSource(tmp_path, frames=9, idle_seconds=600.0, patience_seconds=0.1)
    items = []
    follow = following(source, items)
    await until(lambda: source.status.frames == 6, lambda: source.status.detail)
    assert source.status.missed == (3 if first == "missing" else 0)
    (tmp_path / "a_2.tif").write_bytes(whole)
    async with asyncio.timeout(60):
        await follow
    found = found_in(items)
    assert sorted(found) == list(range(9))
    assert all(np.array_equal(found[index], FRAMES[index]) for index in range(9))
    assert source.status.missed == 0


async def test_a_late_file_with_more_frames_than_its_place_has_is_refused(tmp_path):
    stack(tmp_path / "a_1.tif", FRAMES[:2])
    stack(tmp_path / "a_3.tif", FRAMES[4:6])
    source = WatchSource(tmp_path, idle_seconds=600.0, patience_seconds=0.1)
    items = []
    follow = following(source, items)
    await until(lambda: source.status.frames == 4, lambda: source.status.detail)
    stack(tmp_path / "a_2.tif", FRAMES[2:9])
    await until(lambda: source.rejected, lambda: source.status.detail)
    assert "7 frames" in source.last_rejection
    source.close()
    await follow
    assert sorted(found_in(items)) == [0, 1, 4, 5]


def left_open(path, frames):
    """Write a file as a writer leaves it that dies: open for writing."""
    with h5py.File(path, "w", libver="latest") as file:
        data = file.create_dataset("entry/data/data", (0, 12, 14), "u2", maxshape=(None, 12, 14), chunks=(1, 12, 14))
        file.swmr_mode = True
        data.resize(len(frames), axis=0)
        data[:] = frames
        data.flush()
        content = path.read_bytes()
    path.write_bytes(content)


async def test_a_file_that_its_writer_never_closed_holds_back_no_other_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "_STALLED_SECONDS", 0.2)
    left_open(tmp_path / "a_1.h5", FRAMES[:3])
    with h5py.File(tmp_path / "a_2.h5", "w") as file:
        file["entry/data/data"] = FRAMES[3:]
    source = WatchSource(tmp_path, idle_seconds=0.5)
    items = []
    async with asyncio.timeout(60):
        await following(source, items)
    found = found_in(items)
    assert all(np.array_equal(found[index], FRAMES[index]) for index in range(9))
    assert source.rejected == 1
    assert "a_1.h5" in source.last_rejection
    assert "never closed" in source.last_rejection
