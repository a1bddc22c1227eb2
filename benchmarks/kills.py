"""The kill matrix: a live run at a pace, of which one process is killed in the middle.

The loop runs in a process of its own (``python -m benchmarks.kills FOLDER KIND BEGAN``), which writes a line for each
result; so a kernel can be killed like any other.
"""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.feeds import CHANNEL, Paced, pva_server, write_frames
from benchmarks.machine import processes_of, started
from steering.analyses.centre_of_mass import CentreOfMass
from steering.core.workspace import Workspace
from steering.facilities.local import LocalFacility
from steering.ingest.launch import discard_ring
from steering.loop.loop import Loop
from steering.loop.partial import rehearse
from steering.loop.store import Store
from steering.sources.pva import PvaSource
from steering.testing.waiting import until

RATE, SECONDS, KILL_AFTER, SIDE, HELD = 200, 15.0, 5.0, 64, 2000
# A worker that hangs is only given up once it has settled in, as it would have in a session.
SETTLED = 12.0
CASES = {
    "none": (None, 0),
    "worker -9": ("worker", signal.SIGKILL),
    "worker SIGTERM": ("worker", signal.SIGTERM),
    "worker SIGSTOP": ("worker", signal.SIGSTOP),
    "scheduler -9": ("scheduler", signal.SIGKILL),
    "kernel -9": ("kernel", signal.SIGKILL),
    "ingest -9": ("ingest", signal.SIGKILL),
}
_PATIENCE = 90.0
RESULTS_FIRST = 20


def measure(cases=tuple(CASES), seconds=SECONDS):
    """Kill each in turn; return rows with what was lost and doubled, and the longest time without a result."""
    rows = []
    for case in cases:
        rows.append(asyncio.run(_one(case, *CASES[case], seconds)))
        print(f"  {rows[-1]}", flush=True)
    return rows


async def _one(case, victim, how, seconds):
    frames = int(RATE * seconds)
    with tempfile.TemporaryDirectory(prefix="steering-bench-", dir="/dev/shm") as folder:
        workspace = Workspace(Path(folder) / "workspace")
        facility = LocalFacility(workspace, workers_per_node=2)
        write_frames(Path(folder) / "frames.h5", SIDE, HELD)
        await started(facility)
        try:
            await facility.rehearse(rehearse, CentreOfMass())
            await facility.detach()
            if how == signal.SIGSTOP:
                await asyncio.sleep(SETTLED)
            if victim == "ingest":
                async with pva_server() as server:
                    return await _ingest(case, Path(folder), workspace, server, frames, how)
            return await _paced(case, Path(folder), workspace, frames, victim, how)
        finally:
            await facility.close()
            await asyncio.to_thread(discard_ring, CHANNEL, workspace)


async def _paced(case, folder, workspace, frames, victim, how):
    began = time.time() + 3.0
    kernel = _follow(folder, "paced", began, frames)
    stopped = []
    try:
        await _shown(folder)
        await asyncio.sleep(max(0.0, began + KILL_AFTER - time.time()))
        at = time.time()
        if victim == "kernel":
            kernel.kill()
            kernel.wait()
            kernel = _follow(folder, "paced", began, frames)
        elif victim is not None:
            process = processes_of(workspace.directory)[victim][0]
            process.send_signal(how)
            if how == signal.SIGSTOP:
                stopped.append(process)
        await _ended(kernel)
    finally:
        for process in stopped:
            if process.is_running():
                process.send_signal(signal.SIGCONT)
        kernel.kill()
        kernel.wait()
    return _row(case, folder, at, frames)


async def _ingest(case, folder, workspace, server, frames, how):
    kernel = _follow(folder, "pva", time.time(), frames)
    try:
        await until(lambda: "ingest" in processes_of(workspace.directory), lambda: "the ingest does not start")
        # What is posted before its subscription stands nobody can count.
        await asyncio.sleep(6.0)
        posting = asyncio.create_task(server.ask(stream={"count": frames, "rate": RATE, "shape": [SIDE, SIDE]}))
        await asyncio.sleep(KILL_AFTER)
        at = time.time()
        processes_of(workspace.directory)["ingest"][0].send_signal(how)
        await posting
        await _ended(kernel)
    finally:
        kernel.kill()
        kernel.wait()
    return _row(case, folder, at, frames)


def _follow(folder, kind, began, frames):
    command = [sys.executable, "-m", "benchmarks.kills", str(folder), kind, str(began), str(frames)]
    return subprocess.Popen(command, env=dict(os.environ))


async def _shown(folder):
    """Wait until results are coming: a loss before the first has no gap that could be told."""
    log = folder / "results.jsonl"
    await until(
        lambda: log.exists() and log.read_text().count("\n") >= RESULTS_FIRST, lambda: "no results come", _PATIENCE
    )


async def _ended(kernel):
    await until(lambda: kernel.poll() is not None, lambda: "the run does not end", _PATIENCE)


def _row(case, folder, at, frames):
    lines = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    times = [line["time"] for line in lines]
    gaps = [(after - before, before) for before, after in itertools.pairwise(times)]
    around = max((gap for gap, since in gaps if since + gap > at), default=float("nan"))
    before = max((gap for gap, since in gaps[10:] if since + gap < at), default=float("nan"))
    last = lines[-1]
    return {
        "case": case, "frames": frames, "analysed": last["analysed"], "missed": last["missed"],
        "lost": frames - last["analysed"] - last["missed"], "doubled": max(line["doubled"] for line in lines),
        "failed": last["failed"], "longest_gap_s": around, "longest_gap_before_s": before, "results": len(lines),
    }  # fmt: skip


async def _run(folder, kind, began, frames):
    workspace = Workspace(folder / "workspace")
    facility = LocalFacility(workspace, workers_per_node=2)
    await facility.attach()
    if kind == "pva":
        source = PvaSource(CHANNEL, workspace=workspace, frames=frames, idle_seconds=20.0)
    else:
        source = Paced(folder / "frames.h5", HELD, frames, RATE, began)
    with (folder / "results.jsonl").open("a") as log:

        def note(_):
            counts = vars(loop.counts) | {"missed": source.status.missed, "time": time.time()}
            log.write(json.dumps(counts) + "\n")
            log.flush()

        store = Store(folder / "checkpoints")
        loop = Loop(
            source,
            facility,
            lambda _: {"main": CentreOfMass()},
            note,
            lambda said: said and print(f"  ! {said}"),
            store=store,
        )
        running = asyncio.create_task(loop.run())
        await until(lambda: loop.drained or running.done(), loop.counts.__repr__, 3600.0)
        if running.done():
            running.result()
        source.close()
        running.cancel()
        await asyncio.wait([running])
        note(None)
    await facility.detach()


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])))
