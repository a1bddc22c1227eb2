"""HDF5 files of every rank, layout and writer: all frames with their own positions, or a sentence."""

import asyncio
import os
import random
import re
import threading

import h5py
import hdf5plugin
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steering.core.block import FrameBlock
from steering.core.source import RunEnded, RunStarted
from steering.readers.hdf5_frames import fetch_range
from steering.readers.hdf5_nodes import natural
from steering.readers.pixels import known_bad, with_bad
from steering.sources.frames import read_frames
from steering.sources.hdf5 import Hdf5Source

RANDOM = np.random.default_rng(5)


async def take(path, **options):
    """Take all of a file: its runs, its blocks by run, and the source."""
    source = Hdf5Source(path, **{"stalled_seconds": 0.4, **options})
    items = [item async for item in source.items()]
    runs = [item.run for item in items if isinstance(item, RunStarted)]
    blocks = {run: [item for item in items if isinstance(item, FrameBlock) and item.run == run] for run in runs}
    return items, blocks, source


def pixels(blocks):
    return np.concatenate([read_frames(block)[0] for block in blocks])


def column(blocks, name):
    return np.concatenate([block.columns[name] for block in blocks])


@pytest.mark.parametrize(
    ("shape", "chunks"),
    [
        ((6, 5), None),
        ((1, 6, 5), None),
        ((7, 6, 5), (2, 6, 5)),
        ((3, 4, 6, 5), None),
        ((3, 4, 6, 5), (1, 1, 6, 5)),
        ((3, 1, 6, 5), (2, 1, 3, 5)),
        ((2, 3, 2, 6, 5), (1, 2, 1, 6, 5)),
        ((9, 1280, 1), None),
        ((9, 1, 1280), (1, 1, 1280)),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
async def test_stacks_of_any_rank_are_all_their_frames_in_order(tmp_path, shape, chunks, compressed):
    content = RANDOM.integers(0, 1000, shape).astype("u2")
    packed = hdf5plugin.Bitshuffle(cname="lz4") if compressed and chunks else {}
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("entry/data/data", data=content, chunks=chunks, **packed)
        file["entry/mask"] = np.ones(shape[-2:])
    items, blocks, _ = await take(tmp_path / "f.h5")
    (found,) = blocks.values()
    assert np.array_equal(pixels(found), content.reshape(-1, *shape[-2:]))
    assert items[-1] == RunEnded(items[0].run, int(np.prod(shape[:-2])), "success")


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_range_of_a_deep_stack_is_read_as_it_lies_there(data, tmp_path_factory):
    leading = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    content = np.arange(np.prod(leading) * 6, dtype="u4").reshape(*leading, 2, 3)
    path = tmp_path_factory.mktemp("deep") / "f.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("d", data=content, chunks=(*(1 for _ in leading), 2, 3))
    frames = int(np.prod(leading))
    first = data.draw(st.integers(0, frames - 1))
    stop = data.draw(st.integers(first + 1, frames))
    with h5py.File(path) as file:
        assert np.array_equal(fetch_range(file["d"], first, stop)(), content.reshape(-1, 2, 3)[first:stop])


async def test_positions_of_a_map_and_of_its_rows_go_with_the_right_frames(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["entry/data/data"] = RANDOM.integers(0, 9, (3, 4, 5, 6)).astype("u2")
        file["entry/data/x"] = np.arange(12.0).reshape(3, 4)
        file["entry/sample/y"] = [10.0, 20.0, 30.0]
        file["entry/flat"] = np.arange(12.0)
        file["entry/other"] = np.arange(4.0)
    _, blocks, _ = await take(tmp_path / "f.h5")
    (found,) = blocks.values()
    assert column(found, "x").tolist() == list(range(12))
    assert column(found, "flat").tolist() == list(range(12))
    assert column(found, "y").tolist() == [10.0] * 4 + [20.0] * 4 + [30.0] * 4
    assert "other" not in found[0].columns


VLEN = h5py.string_dtype()
TEXTS = {
    "text": lambda text: text,
    "bytes": np.bytes_,
    "padded bytes": lambda text: np.array(text.encode().ljust(20, b"\0"), "S20"),
    "array of one text": lambda text: np.array([text], VLEN),
    "array of one byte string": lambda text: np.array([text.encode()]),
    "null-padded array": lambda text: np.array([[text.encode()]], "S30"),
}


@pytest.mark.parametrize("write", TEXTS.values(), ids=TEXTS)
async def test_what_is_to_be_plotted_is_found_however_its_name_was_written(tmp_path, write):
    with h5py.File(tmp_path / "f.nxs", "w") as file:
        file.attrs["default"] = write("scan7")
        scan = file.create_group("scan7")
        scan.attrs["NX_class"], scan.attrs["default"] = write("NXentry"), write("plotted")
        data = scan.create_group("plotted")
        data.attrs["NX_class"], data.attrs["signal"] = write("NXdata"), write("counts")
        data["counts"] = np.full((10, 8, 8), 7, "u2")
        data["th"] = np.arange(10.0)
        data["th"].attrs["units"] = write("deg")
        scan["instrument/background"] = np.zeros((50, 64, 64), "u2")
        scan["instrument/raw"] = np.zeros((50, 64, 64), "u2")
    _, blocks, _ = await take(tmp_path / "f.nxs")
    (found,) = blocks.values()
    assert found[0].place.dataset == "/scan7/plotted/counts"
    assert found[0].units["th"] == "deg"


@pytest.mark.parametrize("one", [1, "1", np.bytes_("1"), np.array([1]), np.int32(1)])
async def test_the_old_way_to_mark_a_signal(tmp_path, one):
    with h5py.File(tmp_path / "f.nxs", "w") as file:
        data = file.create_group("entry1/scan")
        file["entry1"].attrs["NX_class"], data.attrs["NX_class"] = "NXentry", "NXdata"
        data["frames"] = np.full((5, 8, 8), 7, "u2")
        data["frames"].attrs["signal"] = one
        data["larger"] = np.zeros((50, 64, 64), "u2")
    _, blocks, _ = await take(tmp_path / "f.nxs")
    (found,) = blocks.values()
    assert found[0].place.dataset == "/entry1/scan/frames"


async def test_each_entry_is_a_run_with_its_own_positions_in_the_order_of_numbers(tmp_path):
    order = ["1.1", "2.1", "10.1", "11.1"]
    with h5py.File(tmp_path / "sample.h5", "w") as file:
        file.attrs["default"] = "11.1"
        for number, name in enumerate(sorted(order)):
            entry = file.create_group(name)
            entry.attrs["NX_class"] = "NXentry"
            value = order.index(name)
            entry["measurement/eiger"] = np.full((3 + value, 4, 5), value, "u4")
            entry["measurement/samx"] = np.arange(3.0 + value) + 100 * value
            entry["instrument/other/value"] = np.arange(3.0 + value) * number
        file.create_group("3.1").attrs["NX_class"] = "NXentry"
        file["3.1/measurement/diode"] = np.arange(7.0)
    items, blocks, _ = await take(tmp_path / "sample.h5")
    assert [item.plan for item in items if isinstance(item, RunStarted)] == order
    for value, found in enumerate(blocks.values()):
        assert (pixels(found) == value).all()
        assert column(found, "samx").tolist() == [100.0 * value + step for step in range(3 + value)]
    again = (await take(tmp_path / "sample.h5"))[1]
    assert list(again) == list(blocks), "the same measurement has the same uid"
    only = (await take(tmp_path / "sample.h5", entry="10.1"))[1]
    assert list(only) == [list(blocks)[2]]
    assert (pixels(next(iter(only.values()))) == 2).all()


async def test_names_that_clash_are_told_apart_by_what_they_are_in(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["entry/instrument/detector/data"] = np.ones((10, 8, 8), "u2")
        for number, name in enumerate(("samx", "samy")):
            file[f"entry/instrument/{name}/value"] = np.arange(10.0) + number
            file[f"entry/instrument/{name}/speed"] = np.arange(10.0) - number
        file["entry/sample/samx/value"] = np.arange(10.0) + 7
    _, blocks, _ = await take(tmp_path / "f.h5")
    (found,) = blocks.values()
    first = {name: values[0] for name, values in found[0].columns.items()}
    assert first == {
        "samy": 1.0,
        "samx_speed": 0.0,
        "samy_speed": -1.0,
        "instrument_samx": 0.0,
        "sample_samx": 7.0,
    }


def test_names_sort_as_people_count():
    wanted = ["data", "data_1", "data_2", "data_10", "data_010b", "scan2_1", "scan10_1"]
    mixed = random.Random(1).sample(wanted, len(wanted))
    assert sorted(mixed, key=natural) == wanted


async def test_what_numpy_cannot_express_is_no_obstacle(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["scan/cam/frames"] = np.ones((10, 8, 8), "u2")
        file["scan/empty"] = h5py.Empty("f4")
        file["scan/texts"] = np.array(["a", "b"], VLEN)
        file["scan/type"] = np.dtype("f8")
        file["scan/pairs"] = np.zeros(10, [("a", "f4"), ("b", "i4")])
        file["scan/references"] = np.array([file["scan"].ref] * 10, h5py.ref_dtype)
        file["scan/states"] = np.zeros(10, h5py.enum_dtype({"off": 0, "on": 1}, "u1"))
        file.create_dataset("scan/lists", (10,), h5py.vlen_dtype("i4"))
        odd = h5py.h5t.STD_B8LE
        space = h5py.h5s.create_simple((10,))
        h5py.h5d.create(file["scan"].id, b"bits", odd, space)
        h5py.h5d.create(file["scan"].id, b"times", h5py.h5t.UNIX_D32LE, space)
        file["scan"].attrs["empty"] = h5py.Empty("S1")
        file["scan/loop"] = h5py.SoftLink("/scan")
        file["scan/nowhere"] = h5py.SoftLink("/not/there")
        file["scan/th"] = np.arange(10.0)
    _, blocks, source = await take(tmp_path / "f.h5")
    (found,) = blocks.values()
    assert len(pixels(found)) == 10
    assert column(found, "th").tolist() == list(range(10))
    assert source.rejected == 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (np.ones((10, 3, 16, 16), "u1"), r"shape \(10, 3, 16, 16\) and holds colour images"),
        (np.ones((10, 16, 18, 3), "u2"), r"shape \(10, 16, 18, 3\) and holds colour images"),
        (np.ones((64, 80, 4), "u1"), r"shape \(64, 80, 4\) and holds colour images"),
        (np.ones((10, 16, 16), "c8"), r"shape \(10, 16, 16\) and holds no real numbers"),
        (np.zeros((10, 16, 16), [("a", "f4")]), r"shape \(10, 16, 16\) and holds no real numbers"),
    ],
)
@pytest.mark.parametrize("where", ["entry/data/data", "somewhere/frames"])
async def test_what_cannot_be_taken_is_said_and_nothing_else_taken(tmp_path, content, sentence, where):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file[where] = content
        file["entry/instrument/detector/flatfield"] = np.ones((16, 16))
        file["entry/positions"] = np.ones((4, 5))
    items, _, source = await take(tmp_path / "f.h5")
    assert items == []
    assert source.rejected == 1
    assert re.search(sentence, source.last_rejection), source.last_rejection
    assert f"{where} in {tmp_path}" in source.last_rejection


def detector_file(path, frames=6):
    with h5py.File(path, "w") as file:
        file["entry/data"] = np.ones((frames, 32, 32), "u2")


@pytest.mark.parametrize("lasts", [True, False])
async def test_images_behind_a_link_are_waited_for_and_then_named(tmp_path, lasts):
    with h5py.File(tmp_path / "scan.nxs", "w") as file:
        file.create_group("entry").attrs["NX_class"] = "NXentry"
        detector = file.create_group("entry/instrument/pilatus")
        detector.attrs["NX_class"] = "NXdetector"
        detector["data"] = h5py.ExternalLink("pilatus.h5", "entry/data")
        detector["pixel_mask"] = np.zeros((32, 32), "u4")
        file["entry/instrument/stage/map"] = np.arange(25.0).reshape(5, 5)
    timer = threading.Timer(0.3, detector_file, [tmp_path / "pilatus.h5"])
    if lasts:
        timer.start()
    items, blocks, source = await take(tmp_path / "scan.nxs", stalled_seconds=5.0 if lasts else 0.5)
    timer.cancel()
    if lasts:
        (found,) = blocks.values()
        assert pixels(found).shape == (6, 32, 32)
    else:
        assert items == []
        assert "leads to entry/data in pilatus.h5, which is not there" in source.last_rejection


async def test_a_link_of_a_file_of_long_ago_is_not_waited_for(tmp_path):
    with h5py.File(tmp_path / "scan.nxs", "w") as file:
        file["entry/data/data"] = h5py.ExternalLink("gone.h5", "entry/data")
    os.utime(tmp_path / "scan.nxs", (1.6e9, 1.6e9))
    async with asyncio.timeout(30):
        items, _, source = await take(tmp_path / "scan.nxs", stalled_seconds=60.0)
    assert items == []
    assert "gone.h5" in source.last_rejection


def virtual(tmp_path, parts, **packed):
    layout = h5py.VirtualLayout((sum(parts), 8, 8), "u2")
    start = 0
    for number, count in enumerate(parts):
        with h5py.File(tmp_path / f"d{number}.h5", "w", libver="latest") as file:
            content = np.full((count, 8, 8), number + 1, "u2")
            file.create_dataset("entry/data/data", data=content, chunks=(1, 8, 8), **packed)
        layout[start : start + count] = h5py.VirtualSource(f"d{number}.h5", "entry/data/data", (count, 8, 8))
        start += count
    with h5py.File(tmp_path / "all.nxs", "w", libver="latest") as file:
        file.create_virtual_dataset("entry/data/data", layout)
        file["entry/th"] = np.arange(float(sum(parts)))


@pytest.mark.parametrize("gone", [0, 1, 2])
async def test_frames_of_a_missing_source_are_left_out_and_named_and_never_zeros(tmp_path, gone):
    virtual(tmp_path, (4, 5, 6))
    (tmp_path / f"d{gone}.h5").unlink()
    items, blocks, source = await take(tmp_path / "all.nxs")
    (found,) = blocks.values()
    there = [value + 1 for value, count in enumerate((4, 5, 6)) for _ in range(count) if value != gone]
    assert pixels(found)[:, 0, 0].tolist() == there
    index = np.concatenate([block.indices for block in found])
    assert column(found, "th").tolist() == index.tolist(), "each frame keeps its own position"
    assert source.status.missed == (4, 5, 6)[gone]
    assert f"d{gone}.h5 is not there: frames" in source.last_rejection
    assert items[-1].status == "fail"


async def test_a_source_that_comes_late_is_waited_for(tmp_path):
    virtual(tmp_path, (4, 5))
    late = (tmp_path / "d1.h5").read_bytes()
    (tmp_path / "d1.h5").unlink()
    timer = threading.Timer(0.4, (tmp_path / "d1.h5").write_bytes, [late])
    timer.start()
    items, blocks, source = await take(tmp_path / "all.nxs", stalled_seconds=10.0)
    timer.join()
    (found,) = blocks.values()
    assert pixels(found)[:, 0, 0].tolist() == [1] * 4 + [2] * 5
    assert (items[-1].status, source.rejected) == ("success", 0)


def test_a_virtual_dataset_of_modules_is_read_when_all_are_there_and_refused_when_not(tmp_path):
    layout = h5py.VirtualLayout((6, 4, 8), "u2")
    for number in range(2):
        with h5py.File(tmp_path / f"m{number}.h5", "w", libver="latest") as file:
            file["d"] = np.full((6, 2, 8), number + 1, "u2")
        layout[:, 2 * number : 2 * number + 2] = h5py.VirtualSource(f"m{number}.h5", "d", (6, 2, 8))
    with h5py.File(tmp_path / "all.nxs", "w", libver="latest") as file:
        dataset = file.create_virtual_dataset("d", layout)
    with h5py.File(tmp_path / "all.nxs") as file:
        dataset = file["d"]
        assert fetch_range(dataset, 2, 4)()[:, :, 0].tolist() == [[1, 1, 2, 2]] * 2
        (tmp_path / "m1.h5").unlink()
        with pytest.raises(OSError, match=r"m1\.h5, which is not there"):
            fetch_range(dataset, 2, 4)


async def test_a_detectors_own_mask_and_saturation_hold_beside_a_persons(tmp_path):
    bad = np.zeros((8, 9), "u4")
    bad[2, 3], bad[4, 5] = 1, 16
    content = np.full((4, 8, 9), 3, "u4")
    content[:, 0, 0] = 4000
    with h5py.File(tmp_path / "f.h5", "w") as file:
        detector = file.create_group("entry/instrument/eiger")
        file["entry"].attrs["NX_class"], detector.attrs["NX_class"] = "NXentry", "NXdetector"
        detector["data"] = content
        detector["detectorSpecific/pixel_mask"] = bad
        detector["saturation_value"] = 4000
        file["entry/data/data"] = h5py.SoftLink("/entry/instrument/eiger/data")
    mine = np.zeros((8, 9), bool)
    mine[7] = True
    np.save(tmp_path / "mine.npy", mine)
    _, blocks, _ = await take(tmp_path / "f.h5", mask=tmp_path / "mine.npy")
    block = next(iter(blocks.values()))[0]
    known = with_bad(block, (8, 9)).bad
    assert np.array_equal(known.mask, (bad != 0) | mine)
    assert known.saturated == 4000
    assert known_bad(block.pixels, None, (8, 9)).mask.sum() == 9
