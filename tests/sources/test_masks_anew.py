"""A mask that is written anew holds from then on, also on a worker that has read the one before."""

import h5py
import numpy as np

from steering.core.pixels import Pixels
from steering.places import hdf5
from steering.places.hdf5 import FrameFile
from steering.readers.pixels import known_bad, make_mask

SHAPE = (4, 5)


def mask(row, column):
    made = np.zeros(SHAPE, "u1")
    made[row, column] = 1
    return made


def bad_of(pixels):
    return np.argwhere(known_bad(pixels, None, SHAPE).mask).tolist()


def test_a_file_with_a_mask_is_read_again_once_it_was_written_again(tmp_path):
    path = tmp_path / "mask.npy"
    np.save(path, mask(0, 1))
    pixels = Pixels(make_mask(path))
    assert bad_of(pixels) == [[0, 1]]
    np.save(tmp_path / "new.npy", mask(2, 3))
    (tmp_path / "new.npy").replace(path)
    assert bad_of(Pixels(make_mask(path))) == [[2, 3]]


def test_a_file_that_has_not_changed_is_read_once(tmp_path, monkeypatch):
    path = tmp_path / "mask.npy"
    np.save(path, mask(0, 1))
    pixels, reads = Pixels(make_mask(path)), []
    load = np.load
    monkeypatch.setattr(np, "load", lambda *given, **more: (reads.append(given), load(*given, **more))[1])
    assert bad_of(pixels) == bad_of(pixels) == [[0, 1]]
    assert len(reads) == 1


def frames(path, row, column):
    with h5py.File(path, "w") as file:
        group = file.create_group("entry/instrument/detector")
        group["data"], group["pixel_mask"] = np.zeros((2, *SHAPE), "u2"), mask(row, column)
    return FrameFile(str(path), "/entry/instrument/detector/data")


def test_another_measurement_under_the_same_name_has_its_own_mask(tmp_path):
    path = tmp_path / "f.h5"
    assert np.argwhere(frames(path, 0, 1).bad(SHAPE).mask).tolist() == [[0, 1]]
    # As detectors write over a file: in its place.
    assert np.argwhere(frames(path, 2, 3).bad(SHAPE).mask).tolist() == [[2, 3]]


def test_a_mask_that_could_not_be_read_once_is_read_the_next_time(tmp_path, monkeypatch):
    place = frames(tmp_path / "f.h5", 1, 1)

    def fails(*_):
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(hdf5, "mask_beside", fails)
    assert place.bad(SHAPE).mask is None
    monkeypatch.undo()
    assert np.argwhere(place.bad(SHAPE).mask).tolist() == [[1, 1]]
