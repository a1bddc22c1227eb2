"""The machine and the processes that are measured on it."""

import asyncio
import contextlib
import os
from pathlib import Path

import psutil

from steering.core.workspace import Workspace
from steering.facilities.local import LocalFacility
from steering.loop.partial import rehearse


async def started(facility, workers=2):
    """Start a facility; return when its workers are there."""
    await facility.start()
    for _ in range(1200):
        if len((await facility.status()).workers) >= workers:
            return facility
        await asyncio.sleep(0.05)
    message = f"{facility.name} has not {workers} workers after a minute."
    raise TimeoutError(message)


@contextlib.asynccontextmanager
async def rehearsed(folder, *analyses):
    """Two workers of this machine that have loaded what analyses need; they end with the context."""
    facility = LocalFacility(Workspace(Path(folder)), workers_per_node=2)
    await started(facility)
    try:
        await facility.rehearse(rehearse, *analyses)
        yield facility
    finally:
        await facility.close()


def processes_of(folder):
    """Find the processes that name a folder on their command line, by what they are."""
    found = {}
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or []
        if process.info["status"] == psutil.STATUS_ZOMBIE or not any(str(folder) in word for word in line):
            continue
        module = next((word for word in line if word.startswith("steering.")), "")
        if module:
            found.setdefault(module.rsplit(".", 1)[-1], []).append(process)
    # A node's workers are forks of one process, and look like it.
    alike = found.pop("workers", [])
    pids = {process.pid for process in alike}
    found["worker"] = [process for process in alike if process.ppid() in pids]
    return found


def load():
    """Say how loaded the machine is: runnable processes over the last minute, and cores."""
    return {"load_1min": os.getloadavg()[0], "cores": os.cpu_count()}
