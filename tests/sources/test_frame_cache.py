"""Frame caches of hexrd, new and old ones, are a source as other files are; what is none is said and does no harm."""

import asyncio

import h5py
import hdf5plugin
import numpy as np
import pytest

from steering.analyses.hedm import Hedm
from steering.core.block import FrameBlock
from steering.readers.frame_cache import look_into, read_frame_cache
from steering.readers.image_files import read_image_file
from steering.sim.data import fetch
from steering.sources.frames import read_frames
from steering.sources.watch import WatchSource
from tests.hedm.recorded import cached_frames, dense
from tests.sources.test_folder_kinds import followed, starts

PIXELS = {
    "0_row": np.array([1, 2]), "0_col": np.array([3, 0]), "0_data": np.array([7, 9], np.uint16),
    "1_row": np.array([], int), "1_col": np.array([], int), "1_data": np.array([], np.uint16),
}  # fmt: skip
NEW = PIXELS | {
    "shape": (4, 6), "nframes": 2, "dtype": np.array(b"uint16"), "omega": np.array([[0.0, 1.0], [1.0, 2.0]]),
    "panel": np.array(b"GE2"),
}  # fmt: skip
OLD = PIXELS | {"shape": (4, 6), "omega": np.radians([10.0, 0.5])}


def saved(path, **content):
    content = {name: value for name, value in content.items() if value is not None}
    if path.suffix == ".fch5":
        saved_as_hdf5(path, content)
    else:
        np.savez_compressed(path, **content)
    return path


def saved_as_hdf5(path, content):
    """As hexrd 0.10.5 writes it: threads write frames in any order, their places come last."""
    count = sum(name.endswith("_data") for name in content)
    order = list(reversed(range(count)))
    parts = {name: [np.asarray(content[f"{number}_{name}"]) for number in order] for name in ("row", "col", "data")}
    ends = np.zeros((count, 2), np.uint64)
    for number, stop, pixels in zip(order, np.cumsum([len(one) for one in parts["data"]]), parts["data"], strict=True):
        ends[number] = stop - len(pixels), stop
    indices = np.stack([np.concatenate(parts["row"]), np.concatenate(parts["col"])], axis=1).astype(np.uint16)
    packed = hdf5plugin.Blosc(cname="zstd", clevel=5)
    with h5py.File(path, "w") as file:
        file.attrs["HEXRD_FRAMECACHE_VERSION"] = 1
        file["shape"], file["nframes"] = content["shape"], content.get("nframes", count)
        file["dtype"] = content["dtype"].item()
        told = file.create_group("metadata")
        if "omega" in content:
            told["omega"] = content["omega"]
        data = np.concatenate(parts["data"])[:, None]
        file.create_dataset("data", data=data, chunks=(64, 1), maxshape=(None, 1), compression=packed)
        file.create_dataset("indices", data=indices, chunks=(64, 2), maxshape=(None, 2), compression=packed)
        file.create_dataset("frame_ids", data=ends.reshape(-1), chunks=(2,), compression=packed)


@pytest.mark.parametrize(
    ("name", "content", "omega"),
    [
        ("a.npz", NEW, [0.5, 1.5]),
        ("a.npz", OLD, [10.25, 10.75]),
        ("a.npz", {**NEW, "omega": None}, None),
        ("a.fch5", NEW, [0.5, 1.5]),
        ("a.fch5", {**NEW, "omega": None}, None),
    ],
)
def test_new_and_old_ones_are_read(tmp_path, name, content, omega):
    path = saved(tmp_path / name, **content)
    held = look_into(path)
    assert (held.frames, held.shape, held.dtype) == (2, (4, 6), np.uint16)
    assert (None if held.omega is None else pytest.approx(held.omega)) == omega
    frames = read_image_file(path)
    assert frames.shape == (2, 4, 6)
    assert (frames[0, 1, 3], frames[0, 2, 0], frames.sum()) == (7, 9, 16)
    assert read_frame_cache(path, [1]).tolist() == np.zeros((1, 4, 6)).tolist()
    with pytest.raises(IndexError, match="frame 2 of 2"):
        read_image_file(path, [2])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shape": None}, "no whole frame cache"),
        ({"shape": (4, 1 << 20)}, "its shape is"),
        ({"shape": (4,)}, "its shape is"),
        ({"nframes": 3}, "not all of its 3 frames"),
        ({"nframes": -1}, "-1 frames"),
        ({"dtype": np.array(b"U5")}, "allowed are numbers"),
        ({"dtype": np.array(b"nothing")}, "no whole frame cache"),
        ({"0_row": np.array([1, 9])}, "do not fit into 4 x 6 px"),
        ({"0_row": np.array([-1, 1])}, "do not fit into 4 x 6 px"),
        ({"0_row": np.array([0.5, 1.0])}, "do not fit into 4 x 6 px"),
        ({"0_col": np.array([3])}, "do not fit into 4 x 6 px"),
        ({"0_data": np.zeros(10_000)}, "more than a frame has"),
        ({"0_data": np.array([{}, 3], object)}, "pickle"),
    ],
)
def test_what_is_none_is_said(tmp_path, changes, sentence):
    path = saved(tmp_path / "a.npz", **(NEW | changes))
    with pytest.raises(ValueError, match=sentence):
        read_image_file(path)


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04cut"])
def test_a_file_that_is_no_archive_is_said(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"frame cache|pickle"):
        look_into(tmp_path / "a.npz")
    with (tmp_path / "a.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match="no whole frame cache"):
        look_into(tmp_path / "a.npz")


def without(name):
    def change(file):
        del file[name]

    return change


def put(name, value):
    def change(file):
        del file[name]
        file[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda file: file.attrs.pop("HEXRD_FRAMECACHE_VERSION"), "is not 1"),
        (lambda file: file.attrs.modify("HEXRD_FRAMECACHE_VERSION", 2), "is not 1"),
        (without("frame_ids"), "no whole frame cache"),
        (without("metadata"), "no whole frame cache"),
        (put("shape", (4, 1 << 20)), "its shape is"),
        (put("nframes", 3), "not all of its 3 frames"),
        (put("dtype", "nothing"), "no whole frame cache"),
        (put("dtype", "U5"), "allowed are numbers"),
        (put("frame_ids", [0, 3, 3, 3]), "not all of its 2 frames"),
        (put("frame_ids", [2, 0, 2, 2]), "not all of its 2 frames"),
        (put("frame_ids", [0, 2, 2]), "reshape"),
        (put("shape", (1, 1)), "more than a frame has"),
        (put("indices", [[1, 3], [9, 0]]), "do not fit into 4 x 6 px"),
        (put("indices", [1, 2]), "do not fit into 4 x 6 px"),
        (put("data", 3), "no whole frame cache"),
    ],
)
def test_what_is_none_in_hdf5_is_said(tmp_path, change, sentence):
    path = saved(tmp_path / "a.fch5", **NEW)
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(ValueError, match=sentence):
        read_image_file(path)


def test_what_is_not_hdf5_is_said(tmp_path):
    (tmp_path / "a.fch5").write_bytes(b"nothing")
    with pytest.raises(OSError, match="signature"):
        look_into(tmp_path / "a.fch5")


@pytest.mark.parametrize("suffix", ["npz", "fch5"])
async def test_a_folder_of_them_is_a_run_with_angles(tmp_path, suffix):
    for number in (1, 2):
        saved(tmp_path / f"scan_{number:05}-fc.{suffix}", **(NEW | {"omega": NEW["omega"] + 2 * number}))
    items = await followed(WatchSource(tmp_path, idle_seconds=0.2))
    assert len(starts(items)) == 1
    blocks = [item for item in items if isinstance(item, FrameBlock)]
    angles = np.concatenate([block.columns["omega"] for block in blocks])
    assert angles.tolist() == [2.5, 3.5, 4.5, 5.5]
    assert {block.units["omega"] for block in blocks} == {"deg"}
    assert np.concatenate([read_frames(block)[0] for block in blocks])[:, 1, 3].tolist() == [7, 0, 7, 0]


async def test_the_recorded_one_is_analysed_out_of_a_folder(tmp_path):
    name = "LT1_Ne_zr001_00000-fc_GE2.npz"
    (tmp_path / name).symlink_to(fetch(f"hedm_1id/{name}"))
    items = await followed(WatchSource(tmp_path, idle_seconds=0.2))
    analysis = Hedm(threshold=10)
    state = analysis.empty()
    for block in (item for item in items if isinstance(item, FrameBlock)):
        assert block.columns["omega"].tolist() == cached_frames()[1].tolist()
        for begin in range(0, len(block), 20):
            part = block.part(begin, begin + 20)
            frames = await asyncio.to_thread(lambda part=part: read_frames(part)[0])
            assert np.array_equal(frames, dense(begin, begin + 20))
            state = analysis.update(state, part, frames)
    features = analysis.result(state).features
    assert (features["all_spots"].value, features["sweeps"].value) == (5157, 2)
