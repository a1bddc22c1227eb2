"""What an owner does in which order."""

import asyncio

import pytest

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
