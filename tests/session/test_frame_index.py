from pathlib import Path

import h5py
import numpy as np
import pytest

from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.core.history import FrameSpan
from steering.places.hdf5 import FrameFile
from steering.places.images import ImageFiles
from steering.session.frame_index import FrameIndex


@pytest.fixture
def place(tmp_path):
    path = tmp_path / "frames.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(400)[:, None, None] * np.ones((1, 3, 4), "i4")
        file["times"] = 1.7e9 + np.arange(400)
    return FrameFile(str(path), "data", "times")


def block(place, start, stop):
    columns = {"th": np.arange(start, stop) / 10}
    return FrameBlock("run", "primary", start, stop, place, columns, {"th": "deg"}, first=start)


def filled(index, place, blocks=40, frames=10):
    index.begin("run")
    for start in range(0, blocks * frames, frames):
        index.add(block(place, start, start + frames))
    return index


def test_any_frame_is_read_with_its_time_and_its_positions(place):
    index = filled(FrameIndex(), place)
    assert index.span == FrameSpan("run", 0, 400)
    frame = index.read(123)
    assert (frame.pixels == 123).all()
    assert (frame.number, frame.time, frame.columns, frame.units) == (123, 1.7e9 + 123, {"th": 12.3}, {"th": "deg"})
    assert (index.newest.start, index.newest.stop) == (399, 400)


def test_a_frame_that_is_larger_than_a_screen_has_every_pixel(tmp_path):
    path = tmp_path / "large.h5"
    pixels = np.arange(1500 * 1100, dtype="u4").reshape(1, 1500, 1100)
    with h5py.File(path, "w") as file:
        file["data"] = pixels
    index = FrameIndex()
    index.begin("run")
    index.add(FrameBlock("run", "primary", 0, 1, FrameFile(str(path), "data", "")))
    frame = index.read(0)
    assert frame.binning == 1
    np.testing.assert_array_equal(frame.pixels, pixels[0])


@pytest.mark.parametrize("bounds", [{"weight": 50}, {"count": 5}])
def test_beyond_its_bounds_the_oldest_lose_their_columns_but_are_still_read(place, bounds):
    index = filled(FrameIndex(**bounds), place)
    assert (index._weight, len(index._held), len(index._plain)) == (50, 5, 1)
    assert index.span == FrameSpan("run", 0, 400)
    assert (index.read(3).pixels == 3).all()
    assert index.read(3).columns == {}
    assert index.read(399).columns == {"th": 39.9}


def test_where_each_frame_needs_a_reference_the_oldest_are_forgotten():
    index = FrameIndex(weight=100)
    index.begin("run")
    for start in range(100):
        files = ImageFiles((str(Path(f"{start}.tif")),), (0,), (0.0,))
        index.add(FrameBlock("run", "primary", start, start + 1, files))
    assert index.span == FrameSpan("run", 90, 100)
    with pytest.raises(SteeringError, match="frames 90 to 99 of run run can be"):
        index.read(5)


def test_a_run_that_begins_and_scalars_leave_nothing_to_look_at(place):
    index = filled(FrameIndex(), place)
    index.begin("next")
    index.add(FrameBlock("next", "primary", 0, 3, None))
    assert index.span == FrameSpan("next")
    assert index.newest is None
    with pytest.raises(SteeringError, match="no frame of a run has come yet"):
        index.read(0)
