"""Frames a second from an uncompressed HDF5 file in memory: ours, plain numpy, LiberTEM and Dask, one after another.

Each engine computes sum and centre of mass of each frame, once as its library does it and once by one and the same
function of one frame. Files are read once before, so that all find them in memory.
"""

import asyncio
import contextlib
import itertools
import multiprocessing
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from benchmarks.machine import started
from steering.analyses.centre_of_mass import CentreOfMass
from steering.analyses.per_frame import PerFrame
from steering.core.workspace import Workspace
from steering.facilities.local import LocalFacility
from steering.loop.loop import Loop
from steering.loop.partial import rehearse
from steering.sources.hdf5 import Hdf5Source

SIZES = {256: 40_000, 1024: 2_500, 2048: 624}
DATASET = "entry/data/data"
MEMORY = Path("/dev/shm")
_BLOCK = 64
UNITS = {"total": "counts", "row": "px", "column": "px"}


def centre(frame):
    """Sum (counts) and centre of mass (px) of one frame: what a person writes."""
    rows, columns = frame.sum(axis=1, dtype=np.int64), frame.sum(axis=0, dtype=np.int64)
    total = rows.sum()
    return {
        "total": total,
        "row": rows @ np.arange(len(rows)) / total,
        "column": columns @ np.arange(len(columns)) / total,
    }


def write(path, side, frames):
    """Write a file of Poisson noise with a spot that moves; return its size in bytes."""
    random = np.random.default_rng(side)
    few = random.poisson(20, (16, side, side)).astype(np.uint16)
    with h5py.File(path, "w") as file:
        data = file.create_dataset(DATASET, (frames, side, side), np.uint16)
        for first in range(0, frames, len(few)):
            some = few[: min(len(few), frames - first)].copy()
            for place in range(len(some)):
                some[place, (first + place) % side, :8] += 1000
            data[first : first + len(some)] = some
    return path.stat().st_size


@contextlib.contextmanager
def facility_of(folder, loop):
    """Two local workers that are ready."""
    facility = LocalFacility(Workspace(Path(folder)), workers_per_node=2)
    loop.run_until_complete(started(facility))
    try:
        yield facility
    finally:
        loop.run_until_complete(facility.close())


async def ours(facility, path, analysis):
    """Follow the file by the loop; return seconds and the last result."""
    await facility.rehearse(rehearse, analysis)
    results = []
    loop = Loop(Hdf5Source(path), facility, lambda _: {"main": analysis}, results.append, complain)
    began = time.perf_counter()
    await loop.run()
    seconds = time.perf_counter() - began
    assert loop.counts.analysed == loop.counts.came
    assert not loop.counts.doubled + loop.counts.failed
    return seconds, results[-1]


def complain(sentence):
    """Print what goes wrong."""
    if sentence:
        print(f"  ! {sentence}")


def numpy_range(path, side, first, stop, function=None):
    """Centre of mass of some frames by numpy alone: a matrix product with three masks, or a function of one frame."""
    masks = np.stack([np.ones((side, side)), *np.mgrid[:side, :side]]).reshape(3, -1).T.astype(np.float64).copy()
    found = np.empty((stop - first, 3))
    deep = max(1, 16 * 256**2 // side**2)
    buffer = np.empty((deep, side * side))
    with h5py.File(path, "r") as file:
        offset = file[DATASET].id.get_offset()
        frames = np.memmap(path, np.uint16, "r", offset, (stop, side, side))
    for start in range(first, stop, deep):
        some = frames[start : min(start + deep, stop)]
        if function is not None:
            for place, frame in enumerate(some, start - first):
                found[place] = list(function(frame).values())
            continue
        part = buffer[: len(some)]
        np.copyto(part, some.reshape(len(some), -1))
        found[start - first : start - first + len(some)] = part @ masks
    return found


def best_numpy_range(path, side, first, stop, function=None):
    """As fast as we know how to do it with numpy: the same as our analysis, without the rest."""
    from steering.analyses._frames import measure_frames

    if function is not None:
        return numpy_range(path, side, first, stop, function)
    deep = max(1, 64 * 256**2 // side**2)
    with h5py.File(path, "r") as file:
        offset = file[DATASET].id.get_offset()
        frames = np.memmap(path, np.uint16, "r", offset, (stop, side, side))
    return [measure_frames(frames[start : min(start + deep, stop)]) for start in range(first, stop, deep)]


def plain(path, side, frames, function, processes, work):
    """Numpy in so many processes at once; seconds from when all are ready."""
    if processes == 1:
        began = time.perf_counter()
        work(path, side, 0, frames, function)
        return time.perf_counter() - began
    context = multiprocessing.get_context("fork")
    ready, go = context.Barrier(processes + 1), context.Barrier(processes + 1)
    edges = np.linspace(0, frames, processes + 1).astype(int)

    def run(first, stop):
        work(path, side, first, min(first + 2, stop), function)
        ready.wait()
        work(path, side, first, stop, function)
        go.wait()

    started_processes = [context.Process(target=run, args=(int(a), int(b))) for a, b in itertools.pairwise(edges)]
    for process in started_processes:
        process.start()
    ready.wait()
    began = time.perf_counter()
    go.wait()
    seconds = time.perf_counter() - began
    for process in started_processes:
        process.join()
    return seconds


def with_dask(client, path, side, frames, function):
    """``dask.array.map_blocks`` over a memory map that the workers open themselves."""
    import dask
    import dask.array as da

    with h5py.File(path, "r") as file:
        offset = file[DATASET].id.get_offset()
    deep = max(1, 128 * 256**2 // side**2)

    def block(index):
        return numpy_range_at(str(path), offset, side, int(index[0]), min(int(index[0]) + deep, frames), function)

    starts = da.from_array(np.arange(0, frames, deep), chunks=1)
    lazy = starts.map_blocks(block, dtype=object, meta=np.empty(0, object))
    began = time.perf_counter()
    with dask.config.set(scheduler=client):
        client.compute(lazy).result()
    return time.perf_counter() - began


def numpy_range_at(path, offset, side, first, stop, function):
    """Like :func:`numpy_range`, without opening the file by HDF5; one object, so that Dask does not concatenate."""
    del offset
    found = np.empty(1, object)
    found[0] = numpy_range(path, side, first, stop, function)
    return found


class Dask:
    """A local cluster of two processes."""

    def __enter__(self):
        """Start it."""
        from distributed import Client, LocalCluster

        self._cluster = LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0
        )
        self._client = Client(self._cluster)
        return self._client

    def __exit__(self, *_):
        """End it."""
        self._client.close()
        self._cluster.close()


def libertem_context():
    """LiberTEM's pipelined executor on two cores; nothing if it is not installed."""
    try:
        from libertem.api import Context
        from libertem.executor.pipelined import PipelinedExecutor
    except ImportError:
        return None
    spec = PipelinedExecutor.make_spec(cpus=(0, 1), cudas=())
    return Context(executor=PipelinedExecutor(spec=spec, pin_workers=False))


def with_libertem(context, data, udf):
    """Run a UDF of LiberTEM over a data set; seconds of the run."""
    began = time.perf_counter()
    context.run_udf(dataset=data, udf=udf)
    return time.perf_counter() - began


def libertem_data(context, path, side, frames):
    """The file as LiberTEM reads it, and the same pixels as a raw file, which is its fastest way."""
    # Its centre of mass needs a scan of two axes.
    across = next(number for number in range(int(frames**0.5), 0, -1) if frames % number == 0)
    shape = (across, frames // across)
    with h5py.File(path, "r") as file:
        offset = file[DATASET].id.get_offset()
    raw = str(raw_of(path, offset))
    return {
        "hdf5": context.load("hdf5", path=str(path), ds_path=DATASET, nav_shape=shape),
        "raw": context.load("raw", path=raw, dtype="uint16", nav_shape=shape, sig_shape=(side, side)),
    }


def raw_of(path, offset):
    """Write a file's pixels without their header, once."""
    raw = path.with_suffix(".raw")
    if not raw.exists():
        with path.open("rb") as source, raw.open("wb") as target:
            source.seek(offset)
            while part := source.read(1 << 24):
                target.write(part)
    return raw


def udfs(side):
    """LiberTEM's own centre of mass, and a UDF that calls :func:`centre`."""
    from libertem.udf import UDF
    from libertem.udf.com import CoMUDF

    class Centre(UDF):
        def get_result_buffers(self):
            return {"found": self.buffer(kind="nav", extra_shape=(3,), dtype="float64")}

        def process_frame(self, frame):
            self.results.found[:] = list(centre(frame).values())

    return CoMUDF.with_params(cy=side / 2, cx=side / 2), Centre()


def measure(sizes=None, repeats=3, share=1.0):
    """Measure all engines for each size; the best of some repeats.

    Args:
        sizes: Pixels on a side.
        repeats: How often; the engines take turns, so that other load meets them alike.
        share: Of the usual number of frames.

    Returns:
        A list of rows: side, work, engine, frames/s, MB/s.
    """
    rows = []
    with tempfile.TemporaryDirectory(prefix="steering-bench-", dir=MEMORY) as folder:
        for side in sizes or SIZES:
            frames = max(16, int(SIZES[side] * share))
            path = Path(folder) / f"{side}.h5"
            write(path, side, frames)
            rows += _one_size(path, side, frames, repeats, folder)
            for file in Path(folder).glob(f"{side}.*"):
                file.unlink()
    return rows


def _one_size(path, side, frames, repeats, folder):
    seconds = {}

    def note(work, engine, value):
        seconds.setdefault((work, engine), []).append(value)
        print(f"  {side} {work}, {engine}: {frames / value:.0f} frames/s", flush=True)

    # Forked before anything has threads.
    for _ in range(repeats):
        for work, function in (("centre of mass", None), ("function of a frame", centre)):
            for processes in (1, 2):
                note(work, f"numpy, {processes} process", plain(path, side, frames, function, processes, numpy_range))
            if function is None:
                note(work, "numpy, 2 process, by bands", plain(path, side, frames, None, 2, best_numpy_range))
    _measure_engines(path, side, frames, repeats, folder, note)
    return [
        {
            "side": side, "work": work, "engine": engine, "frames": frames,
            "fps": frames / min(found), "mb_s": frames * side * side * 2 / min(found) / 1e6,
        }
        for (work, engine), found in seconds.items()
    ]  # fmt: skip


def _measure_engines(path, side, frames, repeats, folder, note):
    loop = asyncio.new_event_loop()
    analyses = {
        "centre of mass": (CentreOfMass(), None),
        "function of a frame": (PerFrame(centre, name="centre", units=UNITS), centre),
    }
    with facility_of(Path(folder) / "workspace", loop) as facility:
        for _ in range(repeats + 1):
            for work, (analysis, _) in analyses.items():
                note(work, "steering", loop.run_until_complete(ours(facility, path, analysis))[0])
    loop.close()
    with Dask() as client:
        for _ in range(repeats):
            for work, (_, function) in analyses.items():
                note(work, "dask map_blocks", with_dask(client, path, side, frames, function))
    context = libertem_context()
    if context is None:
        print("LiberTEM is not installed: pip install libertem (dependency group benchmarks).")
        return
    try:
        data = libertem_data(context, path, side, frames)
        for _ in range(repeats + 1):
            for work, udf in zip(analyses, udfs(side), strict=True):
                for kind, one in data.items():
                    note(work, f"LiberTEM pipelined, {kind}", with_libertem(context, one, udf))
    finally:
        context.close()


if __name__ == "__main__":
    import sys

    for row in measure([int(s) for s in sys.argv[1:]] or None):
        print(f"{row['side']:6} {row['work']:22}{row['engine']:30}{row['fps']:10.0f} fps{row['mb_s']:8.0f} MB/s")
