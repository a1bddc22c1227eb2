"""A million small frames: what a frame costs at the beginning and at the end, and what memory is held."""

import asyncio
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.feeds import Paced, write_frames
from benchmarks.machine import processes_of, started
from steering.analyses.centre_of_mass import CentreOfMass
from steering.core.workspace import Workspace
from steering.facilities.local import LocalFacility
from steering.loop.loop import Loop
from steering.loop.partial import rehearse
from steering.testing.waiting import until

_HELD = 10_240


def measure(frames=1_000_000, side=32, kept=10_000):
    """Follow a run of so many frames; return a row for each tenth of it, and the counts."""
    return asyncio.run(_measure(frames, side, kept))


async def _measure(frames, side, kept):
    analysis = CentreOfMass(kept)
    with tempfile.TemporaryDirectory(prefix="steering-bench-", dir="/dev/shm") as folder:
        path = Path(folder) / "frames.h5"
        write_frames(path, side, _HELD)
        facility = LocalFacility(Workspace(Path(folder)), workers_per_node=2)
        await started(facility)
        try:
            await facility.rehearse(rehearse, analysis)
            watched = {name: found for name, found in processes_of(folder).items() if name in ("scheduler", "worker")}
            watched["kernel"] = [psutil.Process()]
            rows = []
            source = Paced(path, _HELD, frames)
            loop = Loop(source, facility, lambda _: {"main": analysis}, lambda _: None, print)
            running = asyncio.create_task(loop.run())
            before = _sample(watched)
            for tenth in range(1, 11):
                due = frames * tenth // 10
                await until(lambda due=due: loop.counts.analysed >= due or running.done(), loop.counts.__repr__, 3600.0)
                if running.done():
                    running.result()
                now = _sample(watched)
                done = loop.counts.analysed
                rows.append(_row(tenth, before, now, done))
                print(f"  {rows[-1]}", flush=True)
                before = {**now, "done": done}
            await running
            counts = loop.counts
        finally:
            await facility.close()
    return {"tenths": rows, "analysed": counts.analysed, "doubled": counts.doubled, "came": counts.came}


def _sample(watched):
    return {
        "time": time.perf_counter(),
        "cpu": {name: sum(sum(one.cpu_times()[:2]) for one in found) for name, found in watched.items()},
        "memory": {name: sum(one.memory_info().rss for one in found) / 1e6 for name, found in watched.items()},
        "done": 0,
    }


def _row(tenth, before, now, done):
    frames = max(done - before["done"], 1)
    seconds = now["time"] - before["time"]
    cost = {name: (now["cpu"][name] - before["cpu"][name]) / frames * 1e6 for name in now["cpu"]}
    return {
        "tenth": tenth, "frames": frames, "fps": frames / seconds, "cpu_us_per_frame": cost,
        "cpu_us_per_frame_all": sum(cost.values()), "rss_mb": now["memory"],
    }  # fmt: skip
