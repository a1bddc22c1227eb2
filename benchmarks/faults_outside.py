"""Faults outside of our processes: a disk that is full and freed, and a batch system whose answers are lost or late."""

import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import steering
from benchmarks.fault_scan import PATIENCE, SPEED, account, finished, start
from steering.core import registry
from steering.core.workspace import Workspace
from tests.disks import fill, small_disk
from tests.processes import left_behind, of_workspace
from tests.slurm import Slurm

_FULL_SECONDS, _REFUSED_SECONDS, _LATE_SECONDS, _LOST_TIMES = 5.0, 20.0, 12, 2
COMMANDS = ("sbatch", "squeue", "sacct", "scancel", "scontrol", "sinfo")
SITE = {
    "workers_per_node": 2,
    "memory_per_node": "2 GB",
    "poll": 0.5,
    "queues": {"debug": {"source": "this benchmark"}},
    "preference": {"live": ["debug"], "soon": ["debug"], "batch": ["debug"]},
}
# What stands in front of each of Slurm's commands.
WRAPPER = """#!/bin/sh
case "$(cat {folder}/mode)" in
lost)
    if [ {name} = sbatch ] && [ "$(wc -l < {folder}/lost)" -lt {times} ]; then
        echo lost >> {folder}/lost
        {path} "$@" > /dev/null 2>&1
        echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2
        exit 1
    fi;;
late)
    sleep {late};;
refused)
    echo "{name}: error: Unable to contact slurm controller (connect failure)" >&2
    exit 1;;
esac
exec {path} "$@"
"""


def disk_full():
    """Fill the disk of the workspace in mid-scan, and free it some seconds later."""
    with tempfile.TemporaryDirectory(prefix="steering-") as folder, small_disk(Path(folder)) as disk:
        place = Workspace(disk / "workspace")
        session = steering.open(workspace=place, speed=SPEED)
        try:
            run = start(session)
            fill(disk / "somebody's data")
            session.board.status.wait(lambda status: status.state == "paused", PATIENCE)
            said = session.board.status.value.why
            time.sleep(_FULL_SECONDS)
            (disk / "somebody's data").unlink()
            freed, done = time.monotonic(), session.board.status.value.points_done
            session.resume()
            session.board.status.wait(lambda status: status.points_done > done or not status.scanning, PATIENCE)
            again = time.monotonic() - freed
            finished(session)
            row = account(session, [run], again, said)
        finally:
            processes = of_workspace(place)
            session.shutdown()
        return row | {"left": len(left_behind(processes))}


def answers(mode):
    """Take the pool's job away in mid-scan, while the batch system's answers are lost, late or refusals."""
    with tempfile.TemporaryDirectory(prefix="steering-") as folder, wrapped(Path(folder)) as (slurm, set_mode):
        place = Workspace(Path(folder) / "workspace")
        facility = registry.load("facilities", "slurm")(workspace=place, **SITE)
        session = steering.open(workspace=place, speed=SPEED, facility=facility)
        try:
            workers(session, 2)
            run = start(session)
            set_mode(mode)
            slurm.ask("/usr/bin/scancel", *jobs(slurm))
            taken = time.monotonic()
            workers(session, 0)
            if mode == "refused":
                time.sleep(_REFUSED_SECONDS)
                set_mode("")
                taken = time.monotonic()
            workers(session, 2)
            again = time.monotonic() - taken
            said = session.board.compute.value.detail
            finished(session)
            row = account(session, [run], again, said) | {"doubled": len(jobs(slurm)) - 1}
        finally:
            processes = of_workspace(place)
            session.shutdown()
        return row | {"left": len(left_behind(processes)) + len(jobs(slurm))}


@contextmanager
def wrapped(folder):
    """A real Slurm with wrappers around its commands, and what sets how they answer."""
    slurm = Slurm(folder / "slurm")
    (folder / "slurm").mkdir()
    front = folder / "front"
    front.mkdir()
    (front / "lost").touch()
    for name in COMMANDS:
        text = WRAPPER.format(folder=front, name=name, path=shutil.which(name), times=_LOST_TIMES, late=_LATE_SECONDS)
        (front / name).write_text(text)
        (front / name).chmod(0o755)

    def set_mode(mode):
        (front / "mode.new").write_text(mode)
        (front / "mode.new").rename(front / "mode")

    set_mode("")
    path = os.environ["PATH"]
    slurm.start()
    os.environ["PATH"] = f"{front}:{path}"
    try:
        yield slurm, set_mode
    finally:
        os.environ["PATH"] = path
        slurm.stop()


def jobs(slurm):
    """Return the ids of all jobs that run or wait."""
    return slurm.ask(str(shutil.which("squeue", path="/usr/bin:/bin")), "-h", "-t", "R,PD", "-o", "%i").split()


def workers(session, count):
    """Wait until so many workers are connected."""
    session.board.compute.wait(lambda compute: len(compute.workers) == count, PATIENCE)
