"""What a worker does with a reference: by layout, by path, by server, by several threads, ahead of time."""

import threading

import h5py
import hdf5plugin
import numpy as np
import pytest

from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.core.place import Inline
from steering.places import hdf5 as reader
from steering.places.first_reachable import FirstReachable
from steering.places.hdf5 import FrameFile
from steering.places.images import ImageFiles
from steering.places.ring import RawFrames, RingServer
from steering.readers import hdf5_frames
from steering.readers.paths import local_path
from steering.sources.frames import read_frames
from steering.sources.read_ahead import read_blocks

FRAMES = np.random.default_rng(0).poisson(2, (11, 30, 40)).astype("u2")
LAYOUTS = {
    "contiguous": {},
    "chunks of one": {"chunks": (1, 30, 40)},
    "chunks of three": {"chunks": (3, 30, 40)},
    "tiles": {"chunks": (1, 15, 20)},
    "gzip": {"chunks": (1, 30, 40), "compression": "gzip"},
    "shuffle and gzip": {"chunks": (1, 30, 40), "compression": "gzip", "shuffle": True},
    "bslz4": {"chunks": (1, 30, 40), **hdf5plugin.Bitshuffle(cname="lz4")},
    "bslz4 of four, own blocks": {"chunks": (4, 30, 40), **hdf5plugin.Bitshuffle(nelems=64, cname="lz4")},
    "bitshuffle and zstd": {"chunks": (1, 30, 40), **hdf5plugin.Bitshuffle(cname="zstd")},
    "blosc": {"chunks": (2, 30, 40), **hdf5plugin.Blosc()},
    "lz4": {"chunks": (1, 30, 40), **hdf5plugin.LZ4()},
}
# What is read without HDF5's own filters; the rest HDF5 reads itself.
ONE_PASS = {"chunks of one", "chunks of three", "gzip", "bslz4", "bslz4 of four, own blocks", "blosc"}


def write(path, **options):
    with h5py.File(path, "w") as file:
        file.create_dataset("d", data=FRAMES, **options)
    return FrameFile(str(path), "d")


def block(place, start=0, stop=11, first=None):
    return FrameBlock("run", "primary", start, stop, place, first=first)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_gives_the_same_pixels(layout, tmp_path, monkeypatch):
    direct = []
    decode = hdf5_frames.decode
    monkeypatch.setattr(hdf5_frames, "decode", lambda *given: direct.append(1) or decode(*given))
    place = write(tmp_path / "f.h5", **LAYOUTS[layout])
    for start, stop in ((0, 11), (2, 3), (5, 11)):
        found, times = read_frames(block(place, start, stop))
        assert np.array_equal(found, FRAMES[start:stop])
        assert np.isnan(times).all()
    assert bool(direct) == (layout in ONE_PASS)
    assert isinstance(found, np.memmap) == (layout == "contiguous")


@pytest.mark.parametrize("layout", ["bslz4", "blosc", "gzip"])
def test_a_damaged_chunk_gives_a_sentence(layout, tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "PATIENCE", 0.05)
    place = write(tmp_path / "f.h5", **LAYOUTS[layout])
    with h5py.File(place.path, "r+") as file:
        depth = file["d"].chunks[0]
        file["d"].id.write_direct_chunk((2 * depth, 0, 0), b"\xff" * 90)
    with pytest.raises(SteeringError, match=r"cannot be read from .*f\.h5"):
        read_frames(block(place))
    assert np.array_equal(read_frames(block(place, 0, depth))[0], FRAMES[:depth])


def test_several_threads_read_at_the_same_time(tmp_path, monkeypatch):
    place = write(tmp_path / "f.h5", **LAYOUTS["bslz4"])
    both = threading.Barrier(2, timeout=20)
    decode = hdf5_frames.decode
    # Passes only if two threads are in here at once.
    monkeypatch.setattr(hdf5_frames, "decode", lambda *given: both.wait() >= 0 and decode(*given))
    found = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: read_frames(block(place, n, n + 4))[0]})) for n in (0, 5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.array_equal(found[0], FRAMES[:4])
    assert np.array_equal(found[5], FRAMES[5:9])


def test_many_files_do_not_stay_open(tmp_path):
    for number in range(30):
        read_frames(block(write(tmp_path / f"{number}.h5", chunks=(1, 30, 40))))
    assert len(reader._FILES) <= 8


def test_a_beamline_path_is_found_under_the_facilitys_prefix(tmp_path, monkeypatch):
    import dask

    write(tmp_path / "f.h5")
    there = FrameFile("/beamline/data/f.h5", "d")
    assert local_path(there.path) is None
    monkeypatch.setenv("STEERING_PATHS", f"/other=/nowhere:/beamline/data={tmp_path}")
    assert np.array_equal(read_frames(block(there))[0], FRAMES)
    monkeypatch.setenv("STEERING_PATHS", "nonsense")
    with pytest.raises(SteeringError, match="THERE=HERE"):
        local_path(there.path)
    monkeypatch.delenv("STEERING_PATHS")
    with dask.config.set({"steering.paths": [["/beamline", str(tmp_path)], ["/beamline/data", str(tmp_path)]]}):
        assert local_path(there.path) == tmp_path / "f.h5"


def test_the_first_place_that_can_be_reached_is_taken(tmp_path):
    raw = tmp_path / "s.raw"
    raw.write_bytes(b"\0" * 100 + FRAMES.tobytes())
    seen = RawFrames("s", (str(tmp_path / "gone.raw"), str(raw)), 100, (30, 40), "<u2", tuple(range(11)))
    found, times = read_frames(block(FirstReachable((FrameFile("/nowhere/f.h5", "d"), seen))))
    assert np.array_equal(found, FRAMES)
    assert times.tolist() == list(range(11))
    nobody = RingServer("127.0.0.1", 9, "secret-token", "")
    assert "secret-token" not in repr(nobody)
    lost = RawFrames("s", ("/nowhere/s.raw",), 0, (30, 40), "<u2", (0.0,))
    with pytest.raises(SteeringError, match=r"any of 2 places.*f\.h5.*no server is named"):
        read_frames(block(FirstReachable((FrameFile("/nowhere/f.h5", "d"), lost)), 0, 1))
    cut = RawFrames("s", (str(raw),), 200, (30, 40), "<u2", tuple(range(11)))
    with pytest.raises(SteeringError, match="cut short"):
        read_frames(block(cut))


def test_images_of_several_shapes_give_a_sentence(tmp_path):
    import fabio.cbfimage
    import tifffile

    tifffile.imwrite(tmp_path / "a.tif", FRAMES[0])
    fabio.cbfimage.CbfImage(data=FRAMES[1].astype("i4")).write(str(tmp_path / "b.cbf"))
    tifffile.imwrite(tmp_path / "c.tif", FRAMES[2][:5])
    paths = [str(tmp_path / name) for name in ("a.tif", "b.cbf", "c.tif")]
    found, _ = read_frames(block(ImageFiles(tuple(paths[:2]), (0, 0), (1.0, 2.0)), 0, 2))
    assert np.array_equal(found, FRAMES[:2])
    with pytest.raises(SteeringError, match="different shapes"):
        read_frames(block(ImageFiles(tuple(paths), (0, 0, 0), (1.0, 2.0, 3.0)), 0, 3))


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_blocks_are_read_ahead_in_order_and_one_that_cannot_be_read_stops_no_other(ahead):
    good = [block(Inline(FRAMES[n : n + 1]), n, n + 1) for n in range(6)]
    blocks = [*good[:3], block(FrameFile("/nowhere/f.h5", "d")), *good[3:]]
    asked = []
    loaded = read_blocks((asked.append(one) or one for one in blocks), ahead)
    first = next(loaded)
    assert len(asked) == ahead + 1
    rest = [first, *loaded]
    assert [one.block for one in rest] == blocks
    assert [one.error is None for one in rest] == [True] * 3 + [False] + [True] * 3
    assert np.array_equal(rest[5].frames, FRAMES[4:5])
    assert not [thread for thread in threading.enumerate() if "read-ahead" in thread.name]


def test_reading_ahead_that_is_given_up_leaves_no_thread():
    loaded = read_blocks([block(Inline(FRAMES))] * 5, 2)
    next(loaded)
    loaded.close()
    assert not [thread for thread in threading.enumerate() if "read-ahead" in thread.name]
