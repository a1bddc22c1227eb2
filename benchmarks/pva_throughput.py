"""Frames a second over PVA, posted as fast as they can be: ours, through ring and loop, and numpy in a monitor.

LiberTEM and Dask read no PVA, so what they are compared with is the least that anybody does: a monitor of p4p in one
process that computes the same of each frame while it is called.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from p4p.client.thread import Context

from benchmarks.feeds import CHANNEL, pva_server
from benchmarks.frame_latency import follow
from benchmarks.machine import rehearsed
from steering.analyses._frames import measure_frames
from steering.analyses.centre_of_mass import CentreOfMass
from steering.ingest.image import read_image
from steering.ingest.monitor import QUEUE_FRAMES
from steering.testing.waiting import until

FRAMES = {256: 20_000, 1024: 2_000, 2048: 500}
_AT_ONCE = 1e9
_SILENCE = 2.0


def measure(sizes=None, share=1.0):
    """Measure each size (pixels on a side); return rows with frames/s, MB/s and what the transport lost."""
    return asyncio.run(_measure(sizes or list(FRAMES), share))


async def _measure(sizes, share):
    rows = []
    with tempfile.TemporaryDirectory(prefix="steering-bench-") as folder:
        async with rehearsed(folder, CentreOfMass()) as facility:
            for side in sizes:
                frames = max(16, int(FRAMES[side] * share))
                found = await follow(Path(folder) / str(side), facility, frames, _AT_ONCE, side, idle=_SILENCE)
                rows.append(_row(side, "steering", found["analysed"], found["missed"], found["seconds"]))
                rows.append(_row(side, "numpy in a monitor", *await _plain(frames, side)))
    return rows


async def _plain(frames, side):
    numbers = []
    last = 0.0

    def come(value):
        nonlocal last
        image = None if isinstance(value, Exception) else read_image(value)
        if image is not None:
            measure_frames(image.pixels[None])
            numbers.append(image.number)
            last = time.perf_counter()

    async with pva_server() as server:
        context = Context("pva", nt=False)
        watching = context.monitor(CHANNEL, come, request=f"record[queueSize={QUEUE_FRAMES},pipeline=true]")
        try:
            await asyncio.sleep(1.0)
            began = last = time.perf_counter()
            await server.ask(stream={"count": frames, "rate": _AT_ONCE, "shape": [side, side]})
            await until(
                lambda: len(numbers) >= frames or time.perf_counter() - last > _SILENCE, lambda: str(len(numbers)), 60.0
            )
        finally:
            watching.close()
            context.close()
    return len(numbers), frames - len(numbers), last - began


def _row(side, engine, taken, missed, seconds):
    row = {"side": side, "engine": engine, "fps": taken / seconds, "mb_s": taken * side * side * 2e-6 / seconds}
    row |= {"taken": taken, "missed": missed}
    print(f"  {row}", flush=True)
    return row
