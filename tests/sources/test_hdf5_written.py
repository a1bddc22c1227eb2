"""Room that a writer has made for frames is no frame."""

import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.places import hdf5 as reader
from steering.places.hdf5 import FrameFile
from steering.readers.open_files import OpenFiles
from steering.sources.frames import read_frames

pytestmark = pytest.mark.system

WRITER = """
import sys
import h5py
import numpy as np

path, shape, chunks, packed = sys.argv[1], *map(eval, sys.argv[2:])
with h5py.File(path, "w", libver="latest") as file:
    data = file.create_dataset("d", (1, *shape), "i4", maxshape=(None, *shape), chunks=chunks, **packed)
    file.swmr_mode = True
    for line in sys.stdin:
        exec(line)
        data.flush()
        print("done", flush=True)
"""


class Writer:
    """A process that has a file open and does what it is told."""

    def __init__(self, path, shape, chunks, packed):
        self.path = str(path)
        self.written = 0
        command = [sys.executable, "-c", WRITER, self.path, repr(shape), repr(chunks), repr(packed)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def do(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"

    def close(self):
        self._process.stdin.close()
        assert self._process.wait(30) == 0
        self._process.stdout.close()


@pytest.fixture(
    params=[
        ((4, 6), (1, 4, 6), {}),
        ((4, 6), (2, 4, 6), {}),
        ((4, 6), (1, 2, 3), {}),
        ((4, 6), (1, 4, 6), {"compression": "gzip"}),
        ((4, 6), (1, 4, 6), {"compression": "gzip", "shuffle": True}),
        ((3, 4, 6), (1, 1, 4, 6), {}),
    ],
    ids=["plain", "deep", "tiles", "packed", "shuffled", "4d"],
)
def writer(request, tmp_path):
    made = Writer(tmp_path / "growing.h5", *request.param)
    made.per = request.param[0][0] if len(request.param[0]) > 2 else 1
    yield made
    made.close()


def block(writer, start, stop):
    return FrameBlock("run", "primary", start, stop, FrameFile(writer.path, "d"))


def test_frames_whose_room_is_there_before_them_are_waited_for(writer):
    writer.do("data[0] = 1")
    writer.do("data.resize(5, axis=0)")
    later = threading.Timer(0.2, writer.do, ["for k in range(1, 5): data[k] = k + 1"])
    later.start()
    found, _ = read_frames(block(writer, 2 * writer.per, 5 * writer.per))
    later.join()
    assert found.min(axis=(1, 2)).tolist() == [float(k) for k in (3, 4, 5) for _ in range(writer.per)]


def test_frames_that_do_not_come_are_said_and_are_never_zeros(writer, monkeypatch):
    monkeypatch.setattr(reader, "PATIENCE", 0.2)
    writer.do("data[0] = 1")
    writer.do("data.resize(6, axis=0)")
    with pytest.raises(SteeringError, match="are not written yet"):
        read_frames(block(writer, 4 * writer.per, 6 * writer.per))
    found, _ = read_frames(block(writer, 0, writer.per))
    assert found.min() == 1


def test_a_chunk_that_was_left_out_is_what_the_file_says_of_it(tmp_path):
    path = tmp_path / "gap.h5"
    with h5py.File(path, "w", libver="latest") as file:
        data = file.create_dataset("d", (6, 4, 4), "i4", maxshape=(None, 4, 4), chunks=(1, 4, 4), fillvalue=-1)
        for index in (0, 1, 4):
            data[index] = index
    found, _ = read_frames(FrameBlock("run", "primary", 0, 6, FrameFile(str(path), "d")))
    np.testing.assert_array_equal(found[:, 0, 0], [0, 1, -1, -1, 4, -1])


def grow(writer, frames):
    """Write frames whose pixels are their numbers, from 1 on, until there are so many."""
    writer.do(f"data.resize({frames}, axis=0)")
    writer.do(f"for k in range({writer.written}, {frames}): data[k] = k + 1")
    writer.written = frames
    return [float(k // writer.per + 1) for k in range(frames * writer.per)]


def test_frames_that_are_there_are_found_at_the_first_look(writer, monkeypatch):
    def sleep(seconds):
        raise AssertionError("they were there already")

    clock = SimpleNamespace(sleep=sleep, monotonic=time.monotonic, time=time.time)
    monkeypatch.setattr(reader, "time", clock)
    for frames in range(1, 6):
        expected = grow(writer, frames)
        found, _ = read_frames(block(writer, 0, frames * writer.per))
        assert found.max(axis=(1, 2)).tolist() == expected


def test_threads_that_follow_one_file_see_each_frame_as_it_is(writer):
    grow(writer, 1)
    stop, wrong, seen = threading.Event(), [], [0] * 3
    told = [1]

    def follow(thread):
        known = 0
        while not stop.is_set() or known < told[0]:
            frames = told[0]
            if frames > known:
                found, _ = read_frames(block(writer, 0 if thread else known * writer.per, frames * writer.per))
                expected = [float(k + 1) for k in range(0 if thread else known, frames) for _ in range(writer.per)]
                if found.min(axis=(1, 2)).tolist() != expected or found.max(axis=(1, 2)).tolist() != expected:
                    wrong.append((thread, known, frames))
                known, seen[thread] = frames, seen[thread] + 1

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for frames in range(2, 60):
        grow(writer, frames)
        told[0] = frames
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert min(seen) > 3


def half_done(file):
    kept = file["d"]
    return file["nothing"], kept


def test_nothing_of_a_file_stays_open_when_it_is_given_back(writer):
    expected = grow(writer, 2)
    files = OpenFiles()
    with files.use(writer.path) as file:
        kept = file["d"]
        with files.use(writer.path) as again:
            assert again["d"].shape == kept.shape
        assert kept.id.valid
    assert not kept.id.valid
    with files.use(writer.path) as file, pytest.raises(KeyError) as raised:
        half_done(file)
    # The error still refers to what was open when it was raised.
    (frame,) = [one.frame for one in raised.traceback if one.name == "half_done"]
    assert not frame.f_locals["kept"].id.valid
    expected = grow(writer, 5)
    found, _ = read_frames(block(writer, 0, 5 * writer.per))
    assert found.min(axis=(1, 2)).tolist() == expected
    files.close()


def test_frames_that_this_process_writes_itself_are_seen_as_they_come(tmp_path):
    path = tmp_path / "own.h5"
    with h5py.File(path, "w", libver="latest") as file:
        data = file.create_dataset("d", (0, 4, 6), "i4", maxshape=(None, 4, 6), chunks=(1, 4, 6))
        file.swmr_mode = True
        for number in range(12):
            data.resize(number + 1, axis=0)
            data[number] = number
            data.flush()
            found, _ = read_frames(FrameBlock("run", "primary", 0, number + 1, FrameFile(str(path), "d")))
            assert found.max(axis=(1, 2)).tolist() == list(range(number + 1))
            assert found.min(axis=(1, 2)).tolist() == list(range(number + 1))


def test_frames_of_a_dataset_that_a_cell_has_open_are_refused_and_never_the_first_one_again(writer, monkeypatch):
    monkeypatch.setattr(reader, "PATIENCE", 0.2)
    grow(writer, 3)
    read_frames(block(writer, 0, 3 * writer.per))
    with h5py.File(writer.path, "r", libver="latest", swmr=True) as file:
        theirs = file["d"]
        expected = grow(writer, 6)
        with pytest.raises(SteeringError, match="is open a second time in this process"):
            read_frames(block(writer, 5 * writer.per, 6 * writer.per))
        # Whoever has it open reads on what is right.
        assert theirs[:3].min(axis=(-2, -1)).ravel().tolist() == expected[: 3 * writer.per]
    found, _ = read_frames(block(writer, 0, 6 * writer.per))
    assert found.min(axis=(1, 2)).tolist() == expected
