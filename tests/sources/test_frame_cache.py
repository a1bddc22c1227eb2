"""Frame caches of hexrd, new and old ones, are a source as other files are; what is none is said and does no harm."""

import asyncio

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
    np.savez_compressed(path, **{name: value for name, value in content.items() if value is not None})
    return path


@pytest.mark.parametrize(
    ("content", "omega"), [(NEW, [0.5, 1.5]), (OLD, [10.25, 10.75]), ({**NEW, "omega": None}, None)]
)
def test_new_and_old_ones_are_read(tmp_path, content, omega):
    path = saved(tmp_path / "a.npz", **content)
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


async def test_a_folder_of_them_is_a_run_with_angles(tmp_path):
    for number in (1, 2):
        saved(tmp_path / f"scan_{number:05}-fc.npz", **(NEW | {"omega": NEW["omega"] + 2 * number}))
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
