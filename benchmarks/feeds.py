"""Where the benchmarks' frames come from: a file that is handed on at a pace, and a PVA server of its own process."""

import asyncio
import contextlib
import os
import time

import h5py
import numpy as np

from steering.core.block import FrameBlock
from steering.core.source import BLOCK_FRAMES, RunEnded, RunStarted, SourceStatus
from steering.places.hdf5 import FrameFile
from steering.testing.benches.child import Child

DATASET = "entry/data/data"
CHANNEL = "BENCH:Pva1:Image"


def write_frames(path, side, frames):
    """Write frames of Poisson noise, uint16."""
    random = np.random.default_rng(side)
    with h5py.File(path, "w") as file:
        data = file.create_dataset(DATASET, (frames, side, side), np.uint16)
        for first in range(0, frames, 1000):
            data[first : first + 1000] = random.poisson(20, (min(1000, frames - first), side, side))


class Paced:
    """Frames of a file, over and over, each when its time has come; who asks late gets what has come meanwhile.

    Attributes:
        taken: How many frames were handed on.
    """

    rejected = 0
    last_rejection = ""
    status = SourceStatus("live")

    def __init__(self, path, held, frames, rate=0.0, began=None):
        """Hand on ``frames`` frames of a file of ``held`` at ``rate`` a second since ``began``; 0 is at once."""
        self._file = FrameFile(str(path), DATASET)
        self._held, self._frames, self._rate = held, frames, rate
        self._began = time.time() if began is None else began
        self.taken = 0

    async def items(self):
        """Yield the run."""
        yield RunStarted("bench", "")
        while self.taken < self._frames:
            due = self._frames
            if self._rate:
                due = min(self._frames, int((time.time() - self._began) * self._rate))
            if due <= self.taken:
                await asyncio.sleep(max(0.0, self._began + (self.taken + 1) / self._rate - time.time()))
                continue
            first = self.taken % self._held
            count = min(due - self.taken, BLOCK_FRAMES, self._held - first)
            start, self.taken = self.taken, self.taken + count
            photon = self._began + self.taken / self._rate if self._rate else time.time()
            yield FrameBlock(
                "bench", "primary", start, start + count, self._file, seen={"document": photon}, first=first
            )
        yield RunEnded("bench", self._frames, "success")

    def stored(self, run, start, stop):
        """Do nothing: the file stays."""

    def close(self):
        """Do nothing: it ends by itself."""


@contextlib.asynccontextmanager
async def pva_server():
    """A PVA server on this machine that streams when it is asked to; this process and its children find it."""
    server = await Child.start("steering.testing.benches.pva_server", CHANNEL)
    before = {name: os.environ.get(name) for name in server.ready}
    os.environ.update(server.ready)
    try:
        yield server
    finally:
        for name, content in before.items():
            if content is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = content
        await server.end()
