"""The real owner, with real workers, on a PBS complex that does what PBS does to jobs."""

import asyncio
import os
import time
from contextlib import asynccontextmanager

import psutil
import pytest

from steering.core import registry
from steering.core.errors import SteeringError
from steering.core.pool import PoolRequest
from steering.machine.secret_file import read_secret
from tests.compute.sites import fit
from tests.processes import left_behind, of_workspace

pytestmark = pytest.mark.system

PATIENCE = 120.0


@asynccontextmanager
async def facility_on(name, workspace, **more):
    """A facility whose owner, jobs and processes end however the test ends."""
    facility = registry.load("facilities", name)(workspace=workspace)
    fit(facility.site, workspace, **more)
    try:
        yield facility
    finally:
        await facility.close()
        left = left_behind(of_workspace(workspace), timeout=15.0)
        for process in of_workspace(workspace):
            process.kill()
        assert left == []


async def until(facility, condition, patience=PATIENCE):
    """Wait until a facility's status is as it should be; return it."""
    status = await facility.status()
    deadline = time.monotonic() + patience
    while not condition(status):
        assert time.monotonic() < deadline, f"{status}"
        await asyncio.sleep(0.1)
        status = await facility.status()
    return status


def strong(workers):
    return lambda status: len(status.workers) == workers and all(pool.state == "running" for pool in status.pools)


def jobs_of(status):
    return {job.id: job for pool in status.pools for job in pool.jobs}


def owner_of(workspace, name):
    """The process of a facility's owner."""
    return psutil.Process(read_secret(workspace.run / f"compute-{name}.json")["pid"])


def workers_of(status):
    return {worker.process_id for worker in status.workers}


NO_ACCOUNT = "qsub: Account_Name is required to be set."


async def test_refusals_pre_emption_and_silence_on_polaris(pbs, workspace):
    # PBS runs a pre-empted job again unless it was submitted with -r n; preemptable's own directives say -r y.
    queues = {"debug": {"directives": ["-r n"]}}
    async with facility_on("polaris", workspace, queues=queues) as facility:
        await facility.launch()
        assert await facility.attach()
        await every_queue_refuses(pbs, facility)
        status = await the_next_queue_is_chosen(pbs, facility)
        status = await pre_emption(pbs, facility, status)
        await silence_changes_nothing(pbs, facility, status)
    assert pbs.alive() == []


async def every_queue_refuses(pbs, facility):
    for queue in ("demand", "debug", "debug-scaling", "preemptable"):
        pbs.control("refuse", queue, "32", NO_ACCOUNT)
    with pytest.raises(SteeringError, match=r"account of polaris in steering\.yaml") as refused:
        await facility.ask(PoolRequest(nodes=1))
    assert NO_ACCOUNT in str(refused.value)
    # Nothing is tried again between what PBS is told now and what it is told next.
    await facility.ask(PoolRequest(nodes=0))
    pbs.control("allow")


async def the_next_queue_is_chosen(pbs, facility):
    pbs.control("refuse", "demand", "159", "qsub: Unauthorized Request")
    await facility.ask(PoolRequest(nodes=1))
    assert "preemptable: one job of 1 node" in await facility.ask(PoolRequest(urgency="soon", nodes=1))
    status = await until(facility, strong(4))
    live = next(pool for pool in status.pools if pool.name == "live")
    assert live.queue == "debug"
    assert "not demand: refused the last job: qsub: Unauthorized Request" in live.choice
    return status


async def pre_emption(pbs, facility, before):
    ids = {pool.name: pool.jobs[0].id for pool in before.pools}
    for one in ids.values():
        pbs.control("preempt", one)
    told = await until(facility, lambda status: not workers_of(before) & workers_of(status))
    after = await until(facility, strong(4))
    now = {pool.name: pool.jobs[0].id for pool in after.pools}
    assert now["soon"] == ids["soon"], f"the requeued job was not left alone: {told}"
    assert now["live"] != ids["live"]
    ends = {job["id"]: (job["state"], job["run_count"]) for job in pbs.jobs()}
    assert ends == {ids["live"]: ("F", 1), ids["soon"]: ("R", 2), now["live"]: ("R", 1)}
    return after


async def silence_changes_nothing(pbs, facility, before):
    for trouble in ("freeze", "garbage"):
        looks = int(pbs.control("unanswered"))
        pbs.control(trouble)
        await until(facility, lambda status, looks=looks: int(pbs.control("unanswered")) >= looks + 6)
        pbs.control("thaw")
    after = await facility.status()
    assert set(jobs_of(after)) == set(jobs_of(before))
    assert workers_of(after) == workers_of(before)
    assert len(pbs.jobs()) == 3


async def test_killed_schedulers_and_owners_lose_no_job_and_closing_ends_them_all(pbs, workspace):
    async with facility_on("pbs", workspace, nodes=2, mask="TILE") as facility:
        await facility.start()
        before = await until(facility, strong(4))
        await one_job_on_two_nodes(facility, before)
        scheduler = next(
            child for child in owner_of(workspace, "pbs").children() if "steering.cluster.scheduler" in child.cmdline()
        )
        scheduler.kill()
        again = await until(
            Attaching(facility), lambda status: strong(4)(status) and workers_of(status) != workers_of(before)
        )
        assert set(jobs_of(again)) == set(jobs_of(before))
        owner = owner_of(workspace, "pbs")
        owner.kill()
        owner.wait(20)
        assert not await facility.attach()
        await facility.launch()
        adopted = await until(Attaching(facility), strong(4))
        assert set(jobs_of(adopted)) == set(jobs_of(before))
        assert len(pbs.jobs()) == 1
        owner_of(workspace, "pbs").kill()
    await asyncio.to_thread(nothing_runs, pbs)


def tile():
    """Say, in a worker, which is its tile."""
    return os.environ["TILE"]


async def one_job_on_two_nodes(facility, status):
    """Each worker has its name and, on its node, its own tile."""
    (job,) = jobs_of(status).values()
    assert job.nodes == ("x3001", "x3002")
    client = facility._connection._client
    addresses = (await client.scheduler.identity(n_workers=-1))["workers"]
    tiles = {
        int(addresses[address]["name"].rsplit("-", 1)[1]): mask for address, mask in (await client.run(tile)).items()
    }
    assert tiles == {0: "0", 1: "1", 2: "0", 3: "1"}


def nothing_runs(pbs):
    """Wait until PBS has ended the jobs that were cancelled."""
    deadline = time.monotonic() + 15.0
    while pbs.alive():
        assert time.monotonic() < deadline, f"left: {pbs.alive()}"
        time.sleep(0.1)


class Attaching:
    """A facility that is attached to anew before each look, as a session does whose scheduler went away."""

    def __init__(self, facility):
        self._facility = facility

    async def status(self):
        await self._facility.attach()
        return await self._facility.status()
