"""Virtual datasets over the files of a detector's modules: what one of them lacks is never read as zeros."""

import h5py
import numpy as np
import pytest

from steering.core.errors import SteeringError
from steering.places import hdf5 as places
from steering.places.hdf5 import FrameFile

FRAMES = np.random.default_rng(3).poisson(5, (12, 6, 7)).astype("u2")


def modules(path, written):
    """Write a detector of two modules side by side: the second has written fewer frames than the first."""
    layout = h5py.VirtualLayout((12, 6, 14), "u2")
    for number, there in enumerate((12, written)):
        with h5py.File(path.with_name(f"m{number}.h5"), "w") as file:
            file.create_dataset("d", data=FRAMES[:there] + 1, chunks=(1, 6, 7), maxshape=(None, 6, 7))
        layout[:, :, 7 * number : 7 * number + 7] = h5py.VirtualSource(f"m{number}.h5", "d", (12, 6, 7))
    with h5py.File(path, "w", libver="latest") as file:
        file.create_virtual_dataset("entry/data/data", layout)
    return FrameFile(str(path), "/entry/data/data")


def test_a_module_that_lags_behind_is_waited_for_and_never_read_as_zeros(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "PATIENCE", 0.1)
    place = modules(tmp_path / "f.h5", 5)
    found, _ = place.read(0, 5)
    assert np.array_equal(found, np.concatenate([FRAMES[:5] + 1] * 2, axis=2))
    with pytest.raises(SteeringError, match=r"m1\.h5"):
        place.read(3, 8)
    modules(tmp_path / "f.h5", 12)
    found, _ = place.read(3, 8)
    assert np.array_equal(found, np.concatenate([FRAMES[3:8] + 1] * 2, axis=2))


def test_room_that_a_module_has_made_for_frames_is_none_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "PATIENCE", 0.1)
    place = modules(tmp_path / "f.h5", 12)
    with h5py.File(tmp_path / "m1.h5", "w", libver="latest") as file:
        data = file.create_dataset("d", (5, 6, 7), "u2", maxshape=(None, 6, 7), chunks=(1, 6, 7))
        file.swmr_mode = True
        data[:] = FRAMES[:5] + 1
        data.resize(12, axis=0)
        data.flush()
        content = (tmp_path / "m1.h5").read_bytes()
    # As a reader finds it whose writer has not written the frames yet.
    (tmp_path / "m1.h5").write_bytes(content)
    found, _ = place.read(0, 5)
    assert np.array_equal(found, np.concatenate([FRAMES[:5] + 1] * 2, axis=2))
    with pytest.raises(SteeringError, match="not written yet"):
        place.read(3, 8)


def test_an_image_of_which_a_module_is_not_there_is_no_image(tmp_path):
    layout = h5py.VirtualLayout((12, 7), "u2")
    for number in range(2):
        with h5py.File(tmp_path / f"m{number}.h5", "w") as file:
            file["d"] = FRAMES[number]
        layout[6 * number : 6 * number + 6] = h5py.VirtualSource(f"m{number}.h5", "d", (6, 7))
    with h5py.File(tmp_path / "f.h5", "w", libver="latest") as file:
        file.create_virtual_dataset("entry/data/data", layout)
    place = FrameFile(str(tmp_path / "f.h5"), "/entry/data/data")
    assert np.array_equal(place.read(0, 1)[0][0], FRAMES[:2].reshape(12, 7))
    (tmp_path / "m1.h5").unlink()
    with pytest.raises(SteeringError, match=r"m1\.h5, which is not there"):
        place.read(0, 1)
