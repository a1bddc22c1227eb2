"""A file that is cut short, or taken away, under those who read it: what can be had is had, the rest is counted."""

import asyncio
import os
import time

import h5py
import numpy as np
import pytest

from steering.analyses.per_frame import PerFrame
from steering.core.pool import PoolRequest
from steering.facilities.local import LocalFacility
from steering.loop.loop import Loop
from steering.sources.hdf5 import Hdf5Source

pytestmark = pytest.mark.system
FRAMES, KEPT = 1200, 10


def slow_total(frame):
    """A slow analysis is in the middle of its frames when the file goes."""
    time.sleep(0.002)
    return {"total": int(frame.sum())}


def settle(path):
    """Have a file be one that nobody touches any more: nothing is waited for."""
    os.utime(path, (0, time.time() - 3600))


def cut(path):
    with h5py.File(path) as file:
        data = file["data"]
        size = data.id.get_offset() + KEPT * data.id.get_storage_size() // FRAMES
    os.truncate(path, size)
    settle(path)


def remove(path):
    path.unlink()


@pytest.mark.parametrize("harm", [cut, remove])
async def test_what_can_be_read_is_analysed_and_the_rest_is_counted_and_named(tmp_path, workspace, harm):
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.ones((FRAMES, 64, 64), np.uint16)
    settle(path)
    facility = LocalFacility(workspace, workers_per_node=2)
    await facility.launch()
    await facility.attach()
    await facility.ask(PoolRequest())
    results, said = [], []

    def heard(result):
        if not results:
            harm(path)
        results.append(result)

    loop = Loop(
        Hdf5Source(path),
        facility,
        lambda _: {"main": PerFrame(slow_total, units={"total": "counts"})},
        heard,
        said.append,
    )
    try:
        await loop.run()
        # Pages of a mapped file that are gone end the process that looks at them: others take its place.
        async with asyncio.timeout(60):
            while len((await facility.status()).workers) < 2:  # noqa: ASYNC110  (another process is asked)
                await asyncio.sleep(0.1)
    finally:
        await facility.close()
    counts = loop.counts
    assert counts.came == FRAMES
    assert counts.analysed + counts.failed == FRAMES
    assert counts.doubled == 0
    assert counts.analysed == results[-1].provenance.frames
    assert bool(counts.failed) == any("scan.h5" in sentence for sentence in said), said
    totals = results[-1].outcome.data["total"].values
    assert set(totals[np.isfinite(totals)].tolist()) <= {64.0 * 64}
    assert counts.failed or harm is remove
