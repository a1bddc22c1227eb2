"""Folders as detectors of many makes fill them."""

import asyncio
import bz2
import gzip
import tracemalloc

import fabio.edfimage
import h5py
import numpy as np
import pytest
import tifffile

from steering.core.block import FrameBlock
from steering.core.pixels import MaskBits
from steering.core.source import RunEnded, RunStarted
from steering.core.waiting import within
from steering.places import images
from steering.sources.frames import read_frames
from steering.sources.watch import WatchSource
from steering.testing.waiting import until

FRAMES = np.random.default_rng(0).poisson(200, (6, 12, 14)).astype("u2")


async def followed(source, runs=1, patience=60.0):
    items = []

    async def follow():
        async for item in source.items():
            items.append(item)
            if sum(isinstance(one, RunEnded) for one in items) == runs:
                source.close()

    await within(patience, follow())
    return items


def pixels_of(items):
    blocks = [item for item in items if isinstance(item, FrameBlock)]
    return np.concatenate([read_frames(block)[0] for block in blocks])


def starts(items):
    return [item for item in items if isinstance(item, RunStarted)]


def ge_file(path, values, header=b""):
    frames = np.concatenate([np.full(2048 * 2048, value, "<u2") for value in values])
    path.write_bytes(header.ljust(8192, b"\0") + frames.tobytes())


@pytest.mark.parametrize("suffix", ["ge", "ge1", "ge4", "edf.ge5", "GE3"])
async def test_panels_of_ge_are_one_run(tmp_path, suffix):
    ge_file(tmp_path / f"ff_000371.{suffix}", [3, 4], b"ADEPT")
    ge_file(tmp_path / f"ff_000372.{suffix}", [5])
    items = await followed(WatchSource(tmp_path, idle_seconds=0.2))
    assert len(starts(items)) == 1
    assert pixels_of(items)[:, 100, 100].tolist() == [3, 4, 5]


async def test_a_ge_file_that_is_cut_short_is_refused(tmp_path):
    ge_file(tmp_path / "ff_1.ge2", [3, 4])
    whole = (tmp_path / "ff_1.ge2").read_bytes()
    (tmp_path / "ff_1.ge2").write_bytes(whole[:-100])
    source = WatchSource(tmp_path, patience_seconds=0.1)
    following = asyncio.ensure_future(followed(source))
    await until(lambda: source.rejected == 1, lambda: source.status.detail)
    assert "no whole number of frames" in source.last_rejection
    source.close()
    await following


@pytest.mark.parametrize(("packing", "opened"), [("gz", gzip.open), ("bz2", bz2.open)])
@pytest.mark.parametrize("kind", ["tif", "edf"])
async def test_packed_images_are_read(tmp_path, packing, opened, kind):
    for number, frame in enumerate(FRAMES):
        plain = tmp_path / f"plain.{kind}"
        if kind == "tif":
            tifffile.imwrite(plain, frame)
        else:
            fabio.edfimage.EdfImage(data=frame).write(str(plain))
        with opened(tmp_path / f"s_{number:03d}.{kind}.{packing}", "wb") as file:
            file.write(plain.read_bytes())
        plain.unlink()
    items = await followed(WatchSource(tmp_path, idle_seconds=0.2))
    assert np.array_equal(pixels_of(items), FRAMES)


async def test_a_packed_file_that_is_cut_short_is_no_frame(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", FRAMES[0])
    packed = gzip.compress((tmp_path / "x.tif").read_bytes())
    (tmp_path / "x.tif").unlink()
    (tmp_path / "a_1.tif.gz").write_bytes(packed[:-30])
    source = WatchSource(tmp_path, patience_seconds=0.1)
    following = asyncio.ensure_future(followed(source))
    await until(lambda: source.rejected == 1, lambda: source.status.detail)
    assert "no whole packed file" in source.last_rejection
    source.close()
    await following


@pytest.mark.parametrize(
    ("shape", "how"),
    [
        ((40, 50, 3), {"photometric": "rgb"}),
        ((3, 40, 50), {"photometric": "rgb", "planarconfig": "separate"}),
        ((4, 40, 50, 3), {"photometric": "rgb"}),
        ((40, 50, 4), {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    ],
)
async def test_colour_images_are_refused_with_a_sentence(tmp_path, shape, how):
    tifffile.imwrite(tmp_path / "a_1.tif", np.ones(shape, "u1"), **how)
    source = WatchSource(tmp_path, patience_seconds=0.1)
    following = asyncio.ensure_future(followed(source))
    await until(lambda: source.rejected == 1, lambda: source.status.detail)
    assert "colour images" in source.last_rejection
    assert source.status.frames == 0
    source.close()
    await following


async def test_times_in_names_neither_take_memory_nor_patience(tmp_path):
    for number, frame in enumerate(FRAMES):
        tifffile.imwrite(tmp_path / f"cam_{1_700_000_000_000_000_000 + number * 500_123_456}.tif", frame)
    source = WatchSource(tmp_path, idle_seconds=0.2, patience_seconds=20.0)
    tracemalloc.start()
    items = await followed(source, patience=15.0)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert np.array_equal(pixels_of(items), FRAMES)
    assert source.status.missed == 0
    assert items[-1].frames == len(FRAMES)


async def test_numbers_in_steps_are_said_to_be_no_count(tmp_path):
    source = WatchSource(tmp_path, idle_seconds=30.0, patience_seconds=20.0)
    following = asyncio.ensure_future(followed(source))
    for number, frame in enumerate(FRAMES):
        tifffile.imwrite(tmp_path / f"cam_{10 * number:04d}.tif", frame)
    await until(lambda: source.status.frames == len(FRAMES), lambda: source.status.detail)
    assert "no count" in source.status.detail
    source.close()
    items = await following
    assert np.array_equal(pixels_of(items), FRAMES)


async def test_a_large_hole_is_counted_and_filled_late(tmp_path):
    for number in (0, 1, 2, 3, 4000):
        tifffile.imwrite(tmp_path / f"a_{number:05d}.tif", FRAMES[number % 6])
    source = WatchSource(tmp_path, idle_seconds=30.0, patience_seconds=0.1)
    following = asyncio.ensure_future(followed(source))
    await until(lambda: source.status.frames == 5, lambda: source.status.detail)
    assert source.status.missed == 3996
    tifffile.imwrite(tmp_path / "a_02000.tif", FRAMES[5])
    await until(lambda: source.status.frames == 6, lambda: source.status.detail)
    assert source.status.missed == 3995
    source.close()
    items = await following
    assert [item.start for item in items if isinstance(item, FrameBlock)][-2:] == [4000, 2000]


async def test_the_number_that_counts_is_learnt_from_the_second_file(tmp_path):
    source = WatchSource(tmp_path, idle_seconds=1.0, patience_seconds=20.0)
    following = asyncio.ensure_future(followed(source))
    for number, frame in enumerate(FRAMES):
        tifffile.imwrite(tmp_path / f"s_{number + 8}_1.5keV.tif", frame)
        await until(lambda number=number: source.status.frames == number + 1, lambda: source.status.detail)
    items = await following
    assert len(starts(items)) == 1
    assert np.array_equal(pixels_of(items), FRAMES)


async def test_what_is_of_no_known_format_is_counted_and_named(tmp_path):
    tifffile.imwrite(tmp_path / "a_1.tif", FRAMES[0])
    for name in ("a.log", "b.log", "c.txt", "README"):
        (tmp_path / name).write_text("x")
    (tmp_path / "folder").mkdir()
    source = WatchSource(tmp_path, idle_seconds=0.1)
    await followed(source)
    assert "Left out, since their format is not known: 2 .log, 1 .txt, 1 without suffix." in source.status.detail
    assert source.rejected == 0


def data_file(path, frames):
    with h5py.File(path, "w", libver="latest") as file:
        file["entry/data/data"] = frames


def master_file(path, names, images):
    with h5py.File(path, "w") as file:
        for number, name in enumerate(names, 1):
            file[f"entry/data/data_{number:06d}"] = h5py.ExternalLink(name, "entry/data/data")
        file["entry/instrument/detector/detectorSpecific/nimages"] = images
        file["entry/instrument/detector/detectorSpecific/ntrigger"] = 1


@pytest.mark.parametrize("master_first", [True, False])
async def test_a_master_and_its_data_files_are_one_run(tmp_path, master_first):
    names = ["s_7_data_000001.h5", "s_7_data_000002.h5"]
    source = WatchSource(tmp_path, idle_seconds=20.0, patience_seconds=20.0)
    following = asyncio.ensure_future(followed(source))

    def write_master():
        master_file(tmp_path / "s_7_master.h5", names, 6)

    def write_data():
        data_file(tmp_path / names[0], FRAMES[:4])

    for write in (write_master, write_data) if master_first else (write_data, write_master):
        write()
        # The watcher looks in between.
        await asyncio.sleep(0.5)
    await until(lambda: source.status.frames == 4, lambda: source.status.detail)
    data_file(tmp_path / names[1], FRAMES[4:])
    items = await following
    assert len(starts(items)) == 1
    assert items[-1].frames == 6
    assert np.array_equal(pixels_of(items), FRAMES)


async def test_data_files_whose_master_never_comes_are_taken(tmp_path):
    data_file(tmp_path / "s_data_000001.h5", FRAMES[:4])
    data_file(tmp_path / "s_data_000002.h5", FRAMES[4:])
    items = await followed(WatchSource(tmp_path, idle_seconds=0.5, patience_seconds=0.2))
    assert len(starts(items)) == 1
    assert np.array_equal(pixels_of(items), FRAMES)


async def test_masters_one_after_another(tmp_path):
    for scan in (1, 2):
        data_file(tmp_path / f"s{scan}_data_000001.h5", FRAMES[:scan])
        master_file(tmp_path / f"s{scan}_master.h5", [f"s{scan}_data_000001.h5"], scan)
    items = await followed(WatchSource(tmp_path, idle_seconds=1.0), runs=2)
    assert [item.frames for item in items if isinstance(item, RunEnded)] == [1, 2]


async def test_a_mask_goes_with_the_files(tmp_path):
    tifffile.imwrite(tmp_path / "a_1.tif", FRAMES[0])
    mask = np.zeros(FRAMES.shape[1:])
    mask[3] = 1
    items = await followed(WatchSource(tmp_path, idle_seconds=0.1, mask=mask, saturated=500))
    [block] = [item for item in items if isinstance(item, FrameBlock)]
    assert block.pixels.masks == (MaskBits.of(mask),)


async def test_a_file_that_is_named_before_it_is_whole_is_waited_for(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, FRAMES[0])
    whole = path.read_bytes()
    path.write_bytes(whole[:200])
    reading = asyncio.create_task(asyncio.to_thread(place(path).read, 0, 1))
    await asyncio.sleep(0.1)
    path.write_bytes(whole)
    assert np.array_equal((await reading)[0][0], FRAMES[0])
    monkeypatch.setattr(images, "PATIENCE", 0.1)
    path.write_bytes(whole[:200])
    with pytest.raises(images.SteeringError, match=r"Image 0 of .* cannot be read"):
        async with asyncio.timeout(30):
            await asyncio.to_thread(place(path).read, 0, 1)


def place(path):
    return images.ImageFiles((str(path),), (0,), (np.nan,))
