"""Directories that a detector fills."""

import asyncio

import fabio.cbfimage
import h5py
import numpy as np
import tifffile

from steering.core.block import FrameBlock
from steering.core.source import RunEnded, RunStarted
from steering.core.waiting import within
from steering.sources.frames import read_frames
from steering.sources.watch import WatchSource
from steering.testing.waiting import until

FRAMES = np.random.default_rng(0).poisson(2, (9, 6, 7)).astype("i4")


async def runs_of(source, runs=1):
    items = []
    async for item in source.items():
        items.append(item)
        if sum(isinstance(one, RunEnded) for one in items) == runs:
            source.close()
    return items


def frames_of(items):
    blocks = [item for item in items if isinstance(item, FrameBlock)]
    return {
        index: frame
        for block in blocks
        for index, frame in zip(range(block.start, block.stop), read_frames(block)[0], strict=True)
    }


async def test_cbf_files_of_which_one_comes_in_two_halves(tmp_path):
    for number, pixels in enumerate(FRAMES):
        fabio.cbfimage.CbfImage(data=pixels).write(str(tmp_path / f"a_{number:04d}.cbf"))
    late = tmp_path / "a_0005.cbf"
    content = late.read_bytes()
    late.write_bytes(content[: len(content) // 2])
    source = WatchSource(tmp_path, idle_seconds=0.2, patience_seconds=20.0)
    items = []
    async for item in source.items():
        items.append(item)
        if isinstance(item, FrameBlock) and item.stop == 5:
            late.write_bytes(content)
        if isinstance(item, RunEnded):
            source.close()
    found = frames_of(items)
    assert all(np.array_equal(found[index], FRAMES[index]) for index in range(9))
    assert items[-1].frames == 9
    assert source.status.rejected == 0


async def test_files_of_two_names_are_two_runs_and_stacks_count_each_image(tmp_path):
    tifffile.imwrite(tmp_path / "a_1.tif", FRAMES[:3], photometric="minisblack")
    tifffile.imwrite(tmp_path / "a_2.tif", FRAMES[3:5], photometric="minisblack")
    with h5py.File(tmp_path / "b_1.h5", "w") as file:
        file["entry/data/data"] = FRAMES
    items = await runs_of(WatchSource(tmp_path, idle_seconds=0.1), runs=2)
    starts = [item.run for item in items if isinstance(item, RunStarted)]
    assert [run.split("_")[0] for run in starts] == ["a", "b"]
    first = frames_of([item for item in items if item.run == starts[0]])
    second = frames_of([item for item in items if item.run == starts[1]])
    assert np.array_equal(np.stack([first[index] for index in range(5)]), FRAMES[:5])
    assert np.array_equal(np.stack([second[index] for index in range(9)]), FRAMES)


async def test_a_pattern_and_a_number_of_frames_say_what_the_run_is(tmp_path):
    for number in range(4):
        tifffile.imwrite(tmp_path / f"a_{number}.tif", FRAMES[number])
        tifffile.imwrite(tmp_path / f"b_{number}.tif", FRAMES[number])
    items = await runs_of(WatchSource(tmp_path, pattern="b_*.tif", frames=4, idle_seconds=600.0))
    assert items[-1].frames == 4
    assert items[0].run.startswith("b_")


async def test_a_source_that_is_closed_in_the_middle_of_a_look_stays_ended(tmp_path, monkeypatch):
    source = WatchSource(tmp_path)
    look = source._directory.look
    monkeypatch.setattr(source._directory, "look", lambda: (source.close(), look()))
    assert [item async for item in source.items()] == []
    assert source.status.state == "ended"


async def test_a_directory_that_goes_away_or_is_none_is_said_and_looked_for_again(tmp_path):
    folder = tmp_path / "images"
    source = WatchSource(folder, frames=2, idle_seconds=600.0)
    following = asyncio.ensure_future(runs_of(source))
    await until(lambda: source.status.detail == f"{folder} is not there yet.", lambda: source.status.detail)
    assert source.status.state == "waiting"
    folder.mkdir()
    tifffile.imwrite(folder / "a_0.tif", FRAMES[0])
    await until(lambda: source.status.detail == "1 frame of a_.tif.", lambda: source.status.detail)
    folder.rename(tmp_path / "away")
    await until(lambda: source.status.state == "lost", lambda: source.status.detail)
    assert source.status.detail == f"{folder} is not there."
    folder.write_text("no directory")
    await until(
        lambda: source.status.detail == f"{folder} cannot be read (Not a directory).", lambda: source.status.detail
    )
    folder.unlink()
    (tmp_path / "away").rename(folder)
    tifffile.imwrite(folder / "a_1.tif", FRAMES[1])
    frames = frames_of(await within(60, following))
    assert np.array_equal(np.stack([frames[0], frames[1]]), FRAMES[:2])
