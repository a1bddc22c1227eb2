"""What an owner leaves behind is found again, or said to be unreadable."""

import json
import math
import time
from dataclasses import replace
from pathlib import Path

import pytest

from steering.compute.site import read_site
from steering.core.errors import SteeringError
from steering.pools.orders import Find
from steering.pools.owner import Owner
from steering.pools.saved_pools import JobRecord, PoolRecord, SavedPools, read_saved_pools, write_saved_pools

JOBS = tuple(JobRecord(f"live1234-{slot}-{slot + 1}", slot, f"{slot + 7}.pbs-login") for slot in range(3))
POOL = PoolRecord("live", "live", "preemptable", 1, 3, 0, math.nan, JOBS)
POLARIS = Path(__file__).parents[2] / "steering" / "facilities" / "polaris.yaml"


def test_what_was_written_is_read(tmp_path):
    saved = SavedPools((POOL, replace(POOL, pool="soon", walltime=600.0)), 1.25)
    write_saved_pools(tmp_path, saved)
    assert repr(read_saved_pools(tmp_path)) == repr(saved)
    assert (tmp_path / "estate.json").stat().st_mode & 0o777 == 0o600


def test_nothing_is_left_where_no_owner_was(tmp_path):
    assert read_saved_pools(tmp_path) == SavedPools()


GOOD = {"pool": "p", "urgency": "live", "queue": "", "nodes_per_job": 1, "nodes": 1, "most_nodes": 0, "walltime": None,
        "jobs": []}  # fmt: skip
HOSTILE = {
    "no pools": {},
    "pools that are none": {"pools": 3, "node_hours": 0},
    "a pool that is none": {"pools": ["x"], "node_hours": 0},
    "an unknown urgency": {"pools": [GOOD | {"urgency": "never"}], "node_hours": 0},
    "a job that is none": {"pools": [GOOD | {"jobs": [3]}], "node_hours": 0},
    "endless nodes": {"pools": [GOOD | {"nodes": math.inf}], "node_hours": 0},
    "hours in words": {"pools": [], "node_hours": "many"},
    "a list": {"pools": {"a": 1}, "node_hours": 0},
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_told_with_its_name(tmp_path, content):
    (tmp_path / "estate.json").write_text(json.dumps(content))
    with pytest.raises(SteeringError, match=r"estate\.json is not a list of jobs"):
        read_saved_pools(tmp_path)


async def taken_over(tmp_path, record):
    write_saved_pools(tmp_path, SavedPools((record,), 2.0))
    owner = Owner(read_site("polaris", POLARIS), tmp_path / "owner.json", tmp_path)
    await owner._take_over()
    return owner._pools[record.pool]


async def test_a_new_owner_takes_jobs_over_in_the_queue_that_took_them(tmp_path):
    pool = await taken_over(tmp_path, POOL)
    assert pool.choice.queue.name == "preemptable"
    assert (pool.ledger.wanted, pool.ledger.nodes) == (3, 1)
    assert [(job.name, job.id, job.unwanted) for job in pool.ledger.alive] == [(j.name, j.id, False) for j in JOBS]
    assert pool.ledger.orders(0.0) == []


async def test_a_pool_that_had_grown_keeps_its_size(tmp_path):
    pool = await taken_over(tmp_path, replace(POOL, nodes=1, most_nodes=3))
    assert pool.ledger.wanted == 3


async def test_a_pool_that_was_ending_goes_on_ending(tmp_path):
    pool = await taken_over(tmp_path, replace(POOL, nodes=0))
    assert pool.ledger.wanted == 0
    assert {order.id for order in pool.ledger.orders(0.0)} == {job.id for job in JOBS}


async def test_a_job_is_written_down_before_it_is_submitted_and_looked_for_by_the_next_owner(tmp_path):
    pool = await taken_over(tmp_path, replace(POOL, jobs=(replace(JOBS[0], id=""),), nodes=1))
    assert pool.ledger.orders(time.time() + 10.0) == [Find(JOBS[0].name)]

    class Killing:
        """The owner is killed while the batch system takes a job."""

        async def submit(self, script, name, directory):
            written = [job.name for one in read_saved_pools(tmp_path).pools for job in one.jobs]
            assert name in written
            raise RuntimeError("killed")

    owner = Owner(read_site("polaris", POLARIS), tmp_path / "owner.json", tmp_path)
    owner._batch = Killing()
    owner._pools["live"] = pool
    pool.ledger.want(2)
    with pytest.raises(RuntimeError, match="killed"):
        await owner._step()
