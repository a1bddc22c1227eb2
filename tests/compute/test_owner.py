"""What an owner does in which order."""

import asyncio

import pytest

from steering.compute.batch import RefusedError
from steering.core.pool import PoolRequest
from steering.pools.owner import Owner
from tests.compute.test_pool import POLARIS, Batch, pool_of


class Slow(Batch):
    """Answers questions late, and says what it was told and asked in which order."""

    def __init__(self):
        super().__init__("1.pbs")
        self.heard = []

    async def look(self, ids):
        self.heard.append("look")
        await asyncio.sleep(0.2)
        return await super().look(ids)

    async def find(self, name):
        self.heard.append("find")
        return []

    async def cancel(self, one):
        self.heard.append(f"cancel {one}")


@pytest.fixture
def owner(tmp_path):
    made = Owner(POLARIS, tmp_path / "owner.json", tmp_path)
    made._batch = Slow()
    made._pools = {"live": pool_of(tmp_path)}
    return made


async def test_ending_tells_the_batch_system_before_it_asks(owner, monkeypatch):
    monkeypatch.setattr("steering.pools.owner._END_SECONDS", 0.0)
    await owner._step()
    owner._batch.heard.clear()
    for pool in owner._pools.values():
        pool.end()
    await owner._step()
    assert owner._batch.heard[0] == "cancel 1.pbs"


async def test_a_clock_that_is_set_ends_no_owner(owner, monkeypatch):
    owner._hear({"unused": 0.0, "workers": [], "seconds": 0.0, "threads": 0, "tasks": 0, "orders": []})
    monkeypatch.setattr("time.time", lambda: 1e10)
    assert not owner._unused()
    owner._hear({"unused": POLARIS.linger + 1, "workers": [], "seconds": 0.0, "threads": 0, "tasks": 0, "orders": []})
    # What it heard before counts: somebody used it then.
    assert not owner._unused()
    monkeypatch.setattr("steering.pools.owner.steady", lambda: owner._used + POLARIS.linger + 1)
    assert owner._unused()


class Held(Batch):
    """Answers about its queues when it is let."""

    def __init__(self, *answers):
        super().__init__(*answers)
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    async def queues(self):
        self.asked.set()
        await self.let.wait()
        return {}


@pytest.fixture
def held(owner):
    owner._batch = Held("1.pbs", "2.pbs")
    return owner._batch


async def test_a_pool_that_ends_while_it_is_asked_for_again_begins_anew(owner, held):
    await owner._take(PoolRequest(pool="live", nodes=0))
    again = asyncio.create_task(owner._take(PoolRequest(pool="live", nodes=1)))
    await held.asked.wait()
    await owner._step()
    assert owner._pools == {}
    held.let.set()
    assert (await again).startswith("Pool live on demand")
    await owner._step()
    assert [job["id"] for job in owner._pools["live"].record()["jobs"]] == ["1.pbs"]


async def test_the_later_of_two_requests_holds_although_the_earlier_one_waits(owner, held):
    earlier = asyncio.create_task(owner._take(PoolRequest(pool="live", nodes=1)))
    await held.asked.wait()
    assert await owner._take(PoolRequest(pool="live", nodes=0)) == "Pool live ends: its jobs are given back."
    held.let.set()
    assert "The later one holds" in await earlier
    assert owner._pools["live"].ledger.wanted == 0


async def test_two_requests_for_a_new_pool_begin_one(owner, held):
    first = asyncio.create_task(owner._take(PoolRequest(pool="mine", urgency="soon", nodes=1)))
    await held.asked.wait()
    second = asyncio.create_task(owner._take(PoolRequest(pool="mine", urgency="soon", nodes=2)))
    await asyncio.sleep(0)
    held.let.set()
    assert "The later one holds" in await first
    await second
    assert owner._pools["mine"].request.nodes == 2


async def test_a_pool_that_is_ended_while_it_looks_for_another_queue_goes_to_none(owner):
    owner._batch = Held(RefusedError("qsub: Unauthorized Request"), "2.pbs")
    pool = owner._pools["live"]
    step = asyncio.create_task(owner._step())
    await owner._batch.asked.wait()
    pool.end()
    owner._batch.let.set()
    await step
    assert pool.ledger.wanted == 0
    await owner._step()
    assert "live" not in owner._pools
    assert owner._batch._answers == ["2.pbs"], "a job was submitted for a pool that had been ended"
