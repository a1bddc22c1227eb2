"""What goes wrong beside the frames of an HDF5 file costs none of them, and waiting for one costs no patience."""

import h5py
import numpy as np
import pytest

from steering.core.block import FrameBlock
from steering.core.source import RunEnded, RunStarted
from steering.readers.hdf5_columns import Column
from steering.sources import hdf5_entry
from steering.sources.frames import read_frames
from steering.sources.hdf5 import Hdf5Source

FRAMES = np.random.default_rng(3).poisson(5, (12, 6, 7)).astype("u2")


def data_files(path, pieces):
    """Write data files of one frame each."""
    for number in range(pieces):
        with h5py.File(path.with_name(f"s_data_{number + 1:06d}.h5"), "w") as file:
            file["entry/data/data"] = FRAMES[number : number + 1]


def master(path, pieces, links=None):
    """Write data files, and a master with positions that links to them."""
    data_files(path, pieces)
    with h5py.File(path, "w") as file:
        for number in range(links or pieces):
            name = f"s_data_{number + 1:06d}.h5"
            file[f"entry/data/data_{number + 1:06d}"] = h5py.ExternalLink(name, "entry/data/data")
        file["entry/th"] = np.arange(12.0)
        file["entry/instrument/detector/detectorSpecific/nimages"] = links or pieces
    return path


async def taken(source):
    return [item async for item in source.items()]


def blocks_of(items):
    return [item for item in items if isinstance(item, FrameBlock)]


def column(items, name):
    return np.concatenate([block.columns[name] for block in blocks_of(items)]).tolist()


def pixels(items):
    return np.concatenate([read_frames(block)[0] for block in blocks_of(items)])


async def test_a_master_of_more_files_than_are_kept_open_has_all_its_frames_and_positions(tmp_path):
    source = Hdf5Source(master(tmp_path / "s_master.h5", 12))
    items = await taken(source)
    assert [index for block in blocks_of(items) for index in block.indices] == list(range(12))
    assert np.array_equal(pixels(items), FRAMES)
    assert column(items, "th") == list(range(12))
    assert items[-1] == RunEnded(items[0].run, 12, "success")
    assert source.rejected == 0


async def test_a_position_that_cannot_be_read_for_a_moment_costs_no_frame(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["entry/data/data"], file["entry/th"] = FRAMES, np.arange(12.0)
    read, failed = Column.read, []

    def once(column, file, start, stop):
        if not failed:
            failed.append(start)
            message = "its writer is at it"
            raise OSError(message)
        return read(column, file, start, stop)

    monkeypatch.setattr(Column, "read", once)
    items = await taken(Hdf5Source(tmp_path / "f.h5"))
    assert failed == [0]
    assert np.array_equal(pixels(items), FRAMES)
    assert column(items, "th") == list(range(12))


async def test_frames_whose_position_can_never_be_read_come_without_and_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5_entry, "_PATIENCE", 0.0)
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["entry/data/data"] = FRAMES
        file.create_dataset("entry/th", data=np.arange(12.0), chunks=(12,), compression="gzip", shuffle=True)
        offset = file["entry/th"].id.get_chunk_info(0).byte_offset
    with (tmp_path / "f.h5").open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 20)
    source = Hdf5Source(tmp_path / "f.h5", stalled_seconds=5.0)
    items = await taken(source)
    assert np.array_equal(pixels(items), FRAMES)
    assert np.isnan(column(items, "th")).all()
    assert items[-1] == RunEnded(items[0].run, 12, "success")
    assert source.rejected == 1
    assert "th" in source.last_rejection
    assert "cannot be read" in source.last_rejection


def waited(path, **options):
    """Follow a file that was not there for two minutes."""
    source = Hdf5Source(path, **options)
    assert source.look() == []
    source._touched -= 120.0
    assert source.look() == []
    return source


def test_a_file_that_comes_late_has_all_its_time_to_be_written(tmp_path):
    path = tmp_path / "f.h5"
    source = waited(path)
    with h5py.File(path, "w", libver="latest") as file:
        file.create_group("entry")
        file.swmr_mode = True
        # Its writer has just begun.
        content = path.read_bytes()
    path.write_bytes(content)
    assert source.look() == []
    assert (source.status.state, source.rejected) == ("waiting", 0)
    assert "holds no images yet" in source.status.detail


def test_a_master_that_comes_late_has_its_data_files_waited_for(tmp_path):
    path = tmp_path / "s_master.h5"
    source = waited(path)
    master(path, 0, links=2)
    assert source.look() == []
    assert source.look() == []
    assert source.rejected == 0
    data_files(path, 2)
    assert [type(item) for item in source.look()] == [RunStarted]
    assert len(source.look()[0]) == 1


@pytest.mark.parametrize("pieces", [40])
async def test_files_that_are_whole_are_not_counted_again_for_each_block(tmp_path, monkeypatch, pieces):
    opened = []
    real = h5py.File

    def counted(*arguments, **settings):
        opened.append(arguments[0])
        return real(*arguments, **settings)

    path = tmp_path / "s_master.h5"
    monkeypatch.setitem(globals(), "FRAMES", np.repeat(FRAMES[:1], pieces, axis=0))
    master(path, pieces)
    source = Hdf5Source(path)
    monkeypatch.setattr(h5py, "File", counted)
    items = await taken(source)
    assert items[-1].frames == pieces
    # Each is opened when it is looked for, and when its frames are taken; not once more for each block of the others.
    assert len(opened) < 10 * pieces
