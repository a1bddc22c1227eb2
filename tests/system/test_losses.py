"""What may be lost while a scan runs, and that nothing of the result is."""

import asyncio
import contextlib
import os
import signal
import time

import psutil
import pytest

from steering.core import registry
from steering.core.waiting import within
from steering.machine.daemon import Daemon
from steering.testing.waiting import until
from tests.processes import of_workspace
from tests.thorough import rare

pytestmark = pytest.mark.system


def living(place, module):
    """Find the processes of this workspace that run a module."""
    found = []
    for process in of_workspace(place):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if module in process.cmdline():
                found.append(process)
    return found


def process_of(place, module):
    """Wait until one process of this workspace runs a module, and find it."""
    deadline = time.monotonic() + 60
    while len(found := living(place, module)) != 1:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found[0]


def begin(session, points):
    """Start the middle part of the scan, 81 points, and wait until some are done."""
    run = session.start("rocking", centre=0.22, range=0.4)
    session.board.status.wait(lambda status: status.points_done >= points, 300)
    return run


def whole(session, run, spec_scan):
    session.wait(180)
    result = session.board.result.value
    assert result.provenance.run == run
    assert result.provenance.frames == 81
    assert result.outcome.data["frame_sum"].values.tolist() == spec_scan["ImageTot"][60:141]


def test_a_lost_scheduler_is_replaced_and_the_run_analysed_again(session, place, spec_scan):
    run = begin(session, 25)
    scheduler = process_of(place, "steering.cluster.scheduler")
    os.kill(scheduler.pid, signal.SIGKILL)
    whole(session, run, spec_scan)
    assert process_of(place, "steering.cluster.scheduler").pid != scheduler.pid
    session.board.compute.wait(lambda status: len(status.workers) == 2, 180)


def test_a_worker_that_hangs_is_given_up_and_its_blocks_go_to_the_other(session, spec_scan):
    run = begin(session, 25)
    victim = session.board.compute.value.workers[0].process_id
    os.kill(victim, signal.SIGSTOP)
    try:
        whole(session, run, spec_scan)
    finally:
        os.kill(victim, signal.SIGCONT)
    # Once it can, it notices that it was given up, and its launcher starts another.
    psutil.Process(victim).wait(30) if psutil.pid_exists(victim) else None
    session.board.compute.wait(
        lambda status: len(status.workers) == 2 and victim not in [w.process_id for w in status.workers], 60
    )


@pytest.mark.parametrize("way", ["terminated", rare("stopped for a while")])
def test_whatever_else_ends_or_hangs_in_mid_scan_nothing_is_lost_or_doubled(session, place, spec_scan, way):
    for module in ("steering.archive", "steering.pools.owner", "steering.cluster.scheduler"):
        # Found before the scan begins: it lasts two seconds, and on a busy machine a search takes as long.
        victim = process_of(place, module)
        run = begin(session, 10)
        done = session.board.status.value.points_done
        if way == "terminated":
            victim.terminate()
            deadline = time.monotonic() + 60
            while not [one for one in living(place, module) if one.pid != victim.pid]:
                assert time.monotonic() < deadline, f"no other {module} came"
                time.sleep(0.1)
        else:
            victim.suspend()
            try:
                session.board.status.wait(lambda status, done=done: status.points_done > done + 10, 180)
            finally:
                victim.resume()
        whole(session, run, spec_scan)
    session.board.compute.wait(lambda status: len(status.workers) == 2, 180)


def test_a_lost_owner_is_started_again(session, place, spec_scan):
    run = begin(session, 25)
    owner = Daemon(place.run / "compute-local.json", "", (), "").connection()
    os.kill(int(owner["pid"]), signal.SIGKILL)
    whole(session, run, spec_scan)
    session.board.compute.wait(lambda status: len(status.workers) == 2, 180)


async def test_a_worker_that_is_killed_while_it_rehearses_holds_nobody_up(session, place, tmp_path):
    def rehearse(folder):
        (folder / str(os.getpid())).touch()
        time.sleep(2.0)

    facility = registry.load("facilities", "local")(workspace=place)
    assert await facility.attach()
    rehearsing = asyncio.create_task(facility.rehearse(rehearse, tmp_path))
    try:
        await until(lambda: list(tmp_path.iterdir()), lambda: "nothing is rehearsed")
        os.kill(int(next(tmp_path.iterdir()).name), signal.SIGKILL)
        await within(60, rehearsing)
    finally:
        rehearsing.cancel()
        await facility.detach()
    await asyncio.to_thread(session.board.compute.wait, lambda status: len(status.workers) == 2, 300)
