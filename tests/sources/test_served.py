"""Frames in a message, and what is no message."""

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from steering.core.errors import SteeringError
from steering.places import served
from steering.places.hdf5 import FrameFile
from steering.places.images import ImageFiles
from steering.places.served import ServedFrames, pack, seen_here_or_served, unpack
from steering.service import files as served_files
from steering.service.files import NamedFiles

FRAMES = arrays.arrays(
    st.sampled_from(["u1", "<u2", ">u2", "<i4", "<f4", "<f8"]), arrays.array_shapes(min_dims=3, max_dims=3, max_side=5)
)


@given(FRAMES)
def test_what_is_packed_is_unpacked(frames):
    times = np.arange(len(frames), dtype=float)
    again, when = unpack(pack(frames, times))
    assert again.dtype == frames.dtype
    assert np.array_equal(again, frames, equal_nan=frames.dtype.kind == "f")
    assert np.array_equal(when, times)


def test_a_message_holds_as_many_frames_as_fit_and_at_least_one(monkeypatch):
    frames = np.zeros((8, 4, 4), "u1")
    monkeypatch.setattr(served, "MESSAGE_BYTES", 50)
    assert len(unpack(pack(frames, np.zeros(8)))[0]) == 3
    monkeypatch.setattr(served, "MESSAGE_BYTES", 1)
    assert len(unpack(pack(frames, np.zeros(8)))[0]) == 1


@given(st.binary(max_size=80))
def test_what_is_no_message_is_an_error_that_is_caught(message):
    with pytest.raises((ValueError, KeyError, TypeError)):
        unpack(message)


def test_files_that_are_seen_are_read_as_files(tmp_path):
    seen = FrameFile(str(tmp_path / "a.h5"), "/data")
    assert seen_here_or_served(seen, "http://a", "t") == ServedFrames(seen, "http://a", "t")
    (tmp_path / "a.h5").write_bytes(b"")
    assert seen_here_or_served(seen, "http://a", "t") == seen
    series = ImageFiles(("/nowhere/1.tif",), (0,), (0.0,))
    assert seen_here_or_served(series, "http://a", "t") == ServedFrames(series, "http://a", "t")
    assert "secret" not in repr(seen_here_or_served(series, "http://a", "secret"))


def test_only_what_a_run_has_named_is_read(tmp_path):
    files = NamedFiles()
    (tmp_path / "secret.h5").write_bytes(b"")
    files.note("event", {"uri": f"file://localhost{tmp_path}/secret.h5"})
    files.note("stream_resource", {"uri": f"file://localhost{tmp_path}/series/"})
    files.note("stream_resource", {})
    files.note("resource", {"root": str(tmp_path), "resource_path": "b.h5"})
    for path in (tmp_path / "secret.h5", tmp_path / "series" / ".." / "secret.h5"):
        with pytest.raises(SteeringError, match="No run of this service has named"):
            files.read(str(path), "/data", "", 0, 1)
    with pytest.raises(SteeringError, match="cannot be read"):
        files.read(str(tmp_path / "b.h5"), "/data", "", 0, 1)


def test_a_guest_who_asks_for_thousands_of_frames_has_no_more_of_them_read_than_are_sent(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.arange(10 * 64, dtype="u2").reshape(10, 8, 8)
    files, asked = NamedFiles(), []
    files.note("stream_resource", {"uri": f"file://localhost{tmp_path}/a.h5"})
    read = served_files.read_frames
    monkeypatch.setattr(served_files, "read_frames", lambda block: asked.append(len(block)) or read(block))
    monkeypatch.setattr(served_files, "MESSAGE_BYTES", 3 * 128 + 5)
    frames, _ = unpack(files.read(str(tmp_path / "a.h5"), "/data", "", 4, 10))
    assert frames[:, 0, 0].tolist() == [256, 320, 384]
    assert asked == [1, 3]
    # Of one that is larger than a message one is sent.
    monkeypatch.setattr(served_files, "MESSAGE_BYTES", 5)
    frames, _ = unpack(files.read(str(tmp_path / "a.h5"), "/data", "", 4, 10))
    assert frames.shape == (1, 8, 8)
