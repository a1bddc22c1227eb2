"""How soon a pool on a real Slurm of three pretend nodes is there, and there again: ``python -m benchmarks.compute``.

Prints, in seconds: from the request to all workers, from free nodes after a pre-emption to all workers, from a killed
node's workers to all workers, from a killed scheduler to the first task done.
"""

import asyncio
import json
import os
import signal
import tempfile
import time
from pathlib import Path

import psutil

from steering.core import registry
from steering.core.errors import SteeringError
from steering.core.pool import PoolRequest
from steering.core.waiting import within
from steering.core.workspace import Workspace
from tests.slurm import Slurm

SITE = {
    "workers_per_node": 2,
    "memory_per_node": "2 GB",
    "poll": 0.5,
    "queues": {"preemptable": {"nodes_per_job": 1, "source": "this benchmark"}},
    "preference": {"live": ["preemptable"], "soon": ["preemptable"], "batch": ["preemptable"]},
}
WORKERS = 4


async def measure(slurm, workspace):
    """Run the story once; return its times by name."""
    facility = registry.load("facilities", "slurm")(workspace=workspace, **SITE)
    times = {}
    await facility.launch()
    await facility.attach()
    try:
        began = time.monotonic()
        await facility.ask(PoolRequest(nodes=2))
        await workers(facility, WORKERS)
        times["request to 4 workers"] = time.monotonic() - began
        demand = slurm.occupy("demand", 3)
        await workers(facility, 0)
        slurm.ask("scancel", demand)
        slurm.wait_idle(1)
        began = time.monotonic()
        await workers(facility, WORKERS)
        times["nodes free to 4 workers, after a pre-emption"] = time.monotonic() - began
        for victim in await pids(facility):
            os.kill(victim, signal.SIGKILL)
        began = time.monotonic()
        await workers(facility, 0)
        await workers(facility, WORKERS)
        times["all workers killed to 4 workers"] = time.monotonic() - began
        scheduler = next(p for p in psutil.process_iter(["cmdline"]) if _is_scheduler(p, workspace))
        scheduler.kill()
        began = time.monotonic()
        await answers(facility)
        times["scheduler killed to a task done"] = time.monotonic() - began
    finally:
        await facility.close()
    times["a request that cannot work to the reason why, its owner's start included"] = await refusal(workspace)
    return times


async def refusal(workspace):
    """Ask for workers on a network interface that no node has; return the seconds until it is said."""
    facility = registry.load("facilities", "slurm")(workspace=workspace, **SITE | {"worker_interface": "hsn9"})
    began = time.monotonic()
    try:
        await facility.launch()
        await facility.attach()
        await facility.ask(PoolRequest())
    except SteeringError:
        return time.monotonic() - began
    finally:
        await facility.close()
    message = "What cannot work was not refused."
    raise SteeringError(message)


async def workers(facility, count):
    """Wait until so many workers are connected."""
    while len((await facility.status()).workers) != count:  # noqa: ASYNC110  (another process is asked)
        await asyncio.sleep(0.05)


async def pids(facility):
    """Return the processes of the workers."""
    return [worker.process_id for worker in (await facility.status()).workers]


async def answers(facility):
    """Attach again and again until a task is done."""
    number = 0
    while True:
        number += 1
        try:
            await facility.resume()
            await within(30, facility.submit(f"probe-{number}", abs, -1).result())
        except (SteeringError, OSError, TimeoutError):
            await asyncio.sleep(0.05)
        else:
            return


def _is_scheduler(process, workspace):
    line = process.info["cmdline"] or []
    return "steering.cluster.scheduler" in line and any(str(workspace.directory) in word for word in line)


def main():
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        slurm = Slurm(Path(folder) / "slurm")
        Path(folder, "slurm").mkdir()
        slurm.start()
        try:
            times = asyncio.run(measure(slurm, Workspace(Path(folder) / "workspace")))
        finally:
            slurm.stop()
    print(json.dumps({name: round(value, 1) for name, value in times.items()}, indent=1))


if __name__ == "__main__":
    main()
