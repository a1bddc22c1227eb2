"""Acceptance: the compute owner on a real Slurm of three nodes."""

import asyncio
import json
import os
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest
import yaml

from steering.analyses.map_features import MapFeatures
from steering.core import registry
from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.core.pool import PoolRequest
from steering.core.source import RunEnded, RunStarted, SourceStatus
from steering.core.waiting import within
from steering.loop.loop import Loop
from steering.places.hdf5 import FrameFile
from steering.testing import InlineFacility
from tests.processes import left_behind, listening, of_workspace

pytestmark = pytest.mark.system

# Two workers a node; each node is a job of its own in the preemptable partition.
SITE = {
    "workers_per_node": 2,
    "memory_per_node": "2 GB",
    "poll": 0.5,
    "death_timeout": 20,
    "queues": {
        "debug": {"source": "this test"},
        "preemptable": {"nodes_per_job": 1, "source": "this test"},
        "closed": {"source": "this test"},
    },
    "preference": {"live": ["debug"], "soon": ["preemptable"], "batch": ["closed"]},
}
BLOCKS, FRAMES = 2000, 2


def make(workspace, **settings):
    return registry.load("facilities", "slurm")(workspace=workspace, **{**SITE, **settings})


async def until(condition, seconds=240.0):
    """Ask again and again until the answer is true; return it."""
    async with asyncio.timeout(seconds):
        while not (answer := await condition()):  # noqa: ASYNC110  (another process is asked, which sets no event here)
            await asyncio.sleep(0.1)
    return answer


async def at_strength(facility, workers):
    async def there():
        status = await facility.status()
        return status if len(status.workers) == workers else None

    return await until(there)


async def ended(facility):
    """End a facility; nothing of it may stay in the queue."""
    await facility.close()

    async def empty():
        return not {"R", "PD"} & set(await _squeue())

    await until(empty, 20)


async def _squeue():
    process = await asyncio.create_subprocess_exec("squeue", "-h", "-o", "%t %j", stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    # A test's own jobs that only sleep are called "wrap".
    return [line.split()[0] for line in out.decode().splitlines() if not line.endswith("wrap")]


def _mask():
    return os.environ["ZE_AFFINITY_MASK"], os.environ["SLURM_PROCID"], os.environ["SLURM_JOB_ID"]


async def test_one_job_of_two_nodes_has_eight_workers_each_with_its_own_tile(slurm, workspace):
    facility = make(workspace, workers_per_node=4, mask="ZE_AFFINITY_MASK")
    await facility.launch()
    await facility.attach()
    try:
        await facility.ask(PoolRequest(nodes=2))

        async def whole():
            status = await facility.status()
            return status if status.pools[0].state == "running" else None

        status = await until(whole)
        found = set((await facility._connection._client.run(_mask)).values())
        assert {(mask, rank) for mask, rank, _ in found} == {(str(m), str(r)) for m in range(4) for r in range(2)}
        assert len({job for _, _, job in found}) == 1
        (job,) = status.pools[0].jobs
        assert job.nodes == ("n1", "n2")
        assert job.workers == 8
    finally:
        await ended(facility)
    assert left_behind(of_workspace(workspace)) == []


class Paced:
    """A source of blocks that come one after another, and of pre-emptions between them."""

    rejected = 0
    last_rejection = ""

    status = SourceStatus("live")

    def __init__(self, blocks, between):
        self._blocks, self._between = blocks, between

    def stored(self, run, start, stop):
        pass

    def close(self):
        pass

    async def items(self):
        yield RunStarted("kit", "map")
        for number, block in enumerate(self._blocks):
            await self._between(number)
            yield block
        yield RunEnded("kit", sum(map(len, self._blocks)), "success")


@pytest.fixture(scope="module")
def blocks(tmp_path_factory):
    """Blocks of a file, each frame with a sum of its own."""
    count = BLOCKS * FRAMES
    path = tmp_path_factory.mktemp("frames") / "frames.h5"
    random = np.random.default_rng(4)
    with h5py.File(path, "w", libver="latest") as file:
        file["data"] = random.integers(0, 5000, (count, 16, 16)).astype(np.uint16)
    columns = {"sx": np.arange(count) % 60.0, "sy": np.arange(count) // 60.0}
    columns |= {"sx_step": np.ones(count), "sy_step": np.ones(count), "exposure": np.ones(count)}
    return [
        FrameBlock(
            "kit", "primary", start, start + FRAMES, FrameFile(str(path), "data"),
            {name: values[start : start + FRAMES] for name, values in columns.items()},
            {"sx": "um", "sy": "um", "sx_step": "um", "sy_step": "um", "exposure": "s"},
        )
        for start in range(0, count, FRAMES)
    ]  # fmt: skip


async def analysed(facility, blocks, between):
    results, complaints = [], []
    loop = Loop(Paced(blocks, between), facility, lambda _: {"main": MapFeatures()}, results.append, complaints.append)
    await loop.run()
    return results[-1], complaints


async def test_three_preemptions_and_a_killed_node_lose_and_double_nothing(slurm, workspace, blocks):
    inline = InlineFacility()
    await inline.start()

    async def at_once(number):
        await asyncio.sleep(0)

    expected, _ = await analysed(inline, blocks, at_once)
    facility = make(workspace)
    await facility.launch()
    await facility.attach()
    demands = []

    async def disturbed(number):
        await asyncio.sleep(0.01)
        if number in (300, 800, 1300):
            demands.append(await asyncio.to_thread(slurm.occupy, "demand", 3))
        if number in (500, 1000, 1500):
            # All nodes were taken: not one worker of ours is left, and the jobs say so.
            await at_strength(facility, 0)

            async def waiting():
                jobs = (await facility.status()).pools[0].jobs
                return {job.state for job in jobs} <= {"queued", "preempted", "submitting"}

            await until(waiting)
            await asyncio.to_thread(slurm.ask, "scancel", demands[-1])
            await asyncio.to_thread(slurm.wait_idle, 1)
            await at_strength(facility, 4)
        if number == 1800:
            # A node's workers; their launcher starts others.
            status = await at_strength(facility, 4)
            slot = str(status.pools[0].jobs[0].slot)
            victims = [worker.process_id for worker in status.workers if worker.name.split("-")[1] == slot]
            assert len(victims) == 2
            for victim in victims:
                os.kill(victim, signal.SIGKILL)

    try:
        await facility.ask(PoolRequest(urgency="soon", nodes=2))
        await at_strength(facility, 4)
        result, complaints = await analysed(facility, blocks, disturbed)
        await at_strength(facility, 4)
    finally:
        for demand in demands:
            await asyncio.to_thread(slurm.ask, "scancel", demand)
        await ended(facility)
    assert complaints == []
    assert result.provenance.frames == BLOCKS * FRAMES
    assert result.outcome.data.identical(expected.outcome.data)
    assert result.outcome.features == expected.outcome.features


@pytest.mark.parametrize(
    ("settings", "request_", "words"),
    [
        ({"account": "nosuch"}, PoolRequest(urgency="batch"), "The account 'nosuch' may not be used here"),
        ({}, PoolRequest(nodes=50), "debug: 50 nodes, it has 3"),
        ({"directives": ["--constraint=gpu"]}, PoolRequest(), "No node has what directives of slurm"),
        (
            {"python": "/usr/bin/python3"},
            PoolRequest(),
            "has no package 'steering'. Build it: steering compute prepare",
        ),
        ({"python": "/nowhere/python"}, PoolRequest(), "The nodes have no Python at /nowhere/python"),
        ({"worker_interface": "hsn9"}, PoolRequest(), "has no network interface 'hsn9'; it has "),
        ({"scheduler_interface": "hsn9"}, PoolRequest(), "this machine has no network interface 'hsn9'; it has "),
    ],
    ids=["account", "oversized", "constraint", "package", "python", "worker interface", "scheduler interface"],
)
async def test_what_cannot_work_says_why_and_what_to_do(slurm, workspace, settings, request_, words):
    facility = make(workspace, **settings)

    async def begin():
        await facility.launch()
        await facility.attach()
        await facility.ask(request_)

    try:
        with pytest.raises(SteeringError) as raised:
            await within(60, begin())
        assert words in str(raised.value)
    finally:
        await ended(facility)


async def test_a_job_that_cannot_start_yet_waits_with_the_reason(slurm, workspace):
    occupied = await asyncio.to_thread(slurm.occupy, "debug", 3)
    facility = make(workspace)
    try:
        await facility.launch()
        await facility.attach()
        await facility.ask(PoolRequest())
        status = await facility.status()
        assert status.state == "starting"
        assert "waits: Resources" in status.detail or "waits: Priority" in status.detail
        assert status.pools[0].jobs[0].state == "queued"
    finally:
        await ended(facility)
        await asyncio.to_thread(slurm.ask, "scancel", occupied)


def steering(*arguments, timeout=240, **more):
    return subprocess.run(
        [sys.executable, "-m", "steering.cli", *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )


def configure(workspace, site):
    workspace.directory.mkdir(parents=True, exist_ok=True)
    (workspace.directory / "steering.yaml").write_text(yaml.safe_dump({"steering": {"sites": {"slurm": site}}}))


# Scans on this Slurm are measured each time: in test_end_to_end, and in the browser.
@pytest.mark.thorough
def test_a_rocking_scan_on_slurm_gives_the_numbers_of_this_machine(slurm, workspace, spec_scan):
    configure(workspace, SITE)
    done = steering("run", "rocking", "--facility", "slurm", "--speed", "20", "--json", "--workspace",
                    str(workspace.directory))  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["frames"] == 201
    assert report["features"]["total"]["value"] == sum(spec_scan["ImageTot"])
    assert report["features"]["peak"]["value"] == pytest.approx(0.2150, abs=0.0005)
    assert left_behind(of_workspace(workspace)) == []


KERNEL = """
import asyncio, sys
from pathlib import Path
from steering.core.workspace import Workspace
from steering.facilities.slurm import SlurmFacility

async def main():
    facility = SlurmFacility(workspace=Workspace(Path(sys.argv[1])))
    await facility.start()
    assert (await facility.status()).state == "running"
    print("attached", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_the_pool_outlives_its_starter_and_the_command_line_ends_it(slurm, workspace):
    configure(workspace, SITE)
    here = ("--workspace", str(workspace.directory))
    refused = steering("compute", "start", "slurm", "--nodes", "50", *here)
    assert refused.returncode == 1
    assert "debug: 50 nodes, it has 3" in refused.stderr
    assert "Traceback" not in refused.stderr
    # A kernel starts it and is killed; the pool stays.
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL, str(workspace.directory)], stdout=subprocess.PIPE, text=True
    )
    with kernel:
        assert kernel.stdout.readline() == "attached\n"
        kernel.kill()
    # Another process finds the pool and its workers.
    status = json.loads(steering("compute", "status", "slurm", "--json", *here).stdout)
    (job,) = status["pools"][0]["jobs"]
    assert job["state"] == "running"
    assert job["nodes"] == ["n1"]
    addresses = listening(of_workspace(workspace))
    assert addresses
    assert {address.ip for address in addresses} == {"127.0.0.1"}
    scaled = steering("compute", "scale", "slurm", "--nodes", "2", *here)
    assert "2 jobs of 1 node" in scaled.stdout
    stopped = steering("compute", "stop", "slurm", *here)
    assert "slurm: stopped" in stopped.stdout
    assert slurm.ask("squeue", "-h", "-t", "R,PD") == ""
    assert left_behind(of_workspace(workspace)) == []
    again = steering("compute", "scale", "slurm", "--nodes", "2", *here)
    assert again.returncode == 1
    assert again.stderr == "slurm does not run. Start it: steering compute start slurm.\n"
