"""A pool that goes on for days: its hours are counted once, and its failures have no end."""

import time

import pytest

from steering.compute.batch import Observation
from steering.pools.ledger import Ledger
from steering.pools.owner import Owner
from steering.pools.rules import Rules
from steering.pools.saved_pools import read_saved_pools
from tests.compute.test_pool import POLARIS, Batch, pool_of


class Running(Batch):
    """Its job began an hour ago."""

    began = time.time() - 3600.0

    async def look(self, ids):
        return {one: Observation("running", started=self.began, nodes=("n1",)) for one in ids}


async def test_hours_of_a_job_that_the_next_owner_takes_over_count_once(tmp_path):
    owner = Owner(POLARIS, tmp_path / "owner.json", tmp_path)
    owner._pools = {"live": pool_of(tmp_path)}
    owner._batch = Running("1.pbs")
    owner._past_hours = 10.0
    await owner._step()
    await owner._step()
    nodes = owner._pools["live"].choice.nodes
    assert owner._status()["node_hours"] == pytest.approx(10.0 + nodes, abs=0.1)
    after = Owner(POLARIS, tmp_path / "next.json", tmp_path)
    after._batch = Running()
    await after._take_over()
    # Also before anybody has asked for the job.
    assert after._status()["node_hours"] == pytest.approx(10.0 + nodes, abs=0.1)
    await after._step()
    assert after._status()["node_hours"] == pytest.approx(10.0 + nodes, abs=0.1)
    assert read_saved_pools(tmp_path).node_hours == pytest.approx(10.0, abs=0.1)


def test_a_job_that_fails_for_days_beside_one_that_works_is_tried_on():
    ledger = Ledger("p", 1, Rules())
    ledger.want(2)
    names = [order.name for order in ledger.orders(0.0)]
    for number, name in enumerate(names):
        ledger.submitted(name, str(number))
    ledger.connected({names[0]: 1}, 0.0)
    now, failing = 0.0, "1"
    for tries in range(1200):
        ledger.observed(failing, Observation("ended", end="failed"), now)
        assert ledger.next_try - now <= Rules().longest_delay
        now += Rules().longest_delay
        (order,) = ledger.orders(now)
        failing = f"again {tries}"
        ledger.submitted(order.name, failing)
    assert ledger.failure == ""
