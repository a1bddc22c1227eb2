"""Frame to result from a PVA channel: post of a frame to the first result that holds it, at several rates."""

import asyncio
import contextlib
import tempfile
import time
from pathlib import Path

from benchmarks.feeds import CHANNEL, pva_server
from benchmarks.machine import rehearsed
from steering.analyses.centre_of_mass import CentreOfMass
from steering.core.workspace import Workspace
from steering.ingest.launch import discard_ring
from steering.loop.loop import Loop
from steering.sources.pva import PvaSource
from steering.testing.waiting import until

RATES = (10, 100, 1000)


def measure(rates=RATES, seconds=20.0, side=256):
    """Measure at each rate (frames/s); return rows with p50 and p99 in milliseconds, and what was missed."""
    return asyncio.run(_measure(rates, seconds, side))


async def _measure(rates, seconds, side):
    rows = []
    with tempfile.TemporaryDirectory(prefix="steering-bench-") as folder:
        async with rehearsed(folder, CentreOfMass()) as facility:
            for rate in rates:
                rows.append(await follow(Path(folder) / str(rate), facility, int(rate * seconds), rate, side))
                print(f"  {rows[-1]}", flush=True)
    return rows


async def follow(folder, facility, frames, rate, side, idle=20.0):
    """Post so many frames at a rate (1/s) and follow them; return a row; ``seconds`` is until all are analysed."""
    workspace = Workspace(folder)
    async with pva_server() as server:
        # The first frame tells that all are connected; its time is not measured, as the rest came after a pause.
        source = PvaSource(CHANNEL, workspace=workspace, frames=frames, idle_seconds=idle, outlive=False)
        loop = Loop(source, facility, lambda _: {"main": CentreOfMass()}, lambda _: None, print_it)
        following = asyncio.create_task(loop.run())
        try:
            await until(lambda: "is pulled" not in source.status.detail, lambda: "the ingest does not start")
            await asyncio.sleep(1.0)
            began = time.perf_counter()
            posted = await server.ask(stream={"count": frames, "rate": rate, "shape": [side, side]})
            for _ in range(600):
                if loop.drained or loop.counts.analysed >= frames - source.status.missed:
                    break
                await asyncio.sleep(0.05)
            seconds = time.perf_counter() - began
            found, counts = loop.photon_to_feature.quantiles, loop.counts
            return {
                "rate": rate, "posted_rate": frames / posted["seconds"], "p50_ms": found.p50, "p99_ms": found.p99,
                "samples": found.count, "frames": frames, "analysed": counts.analysed, "doubled": counts.doubled,
                "missed": source.status.missed, "seconds": seconds,
            }  # fmt: skip
        finally:
            source.close()
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
            await asyncio.to_thread(discard_ring, CHANNEL, workspace)


def print_it(sentence):
    """Print what goes wrong."""
    if sentence:
        print(f"  ! {sentence}")
