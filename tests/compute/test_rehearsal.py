"""A function that every worker runs before its first live task."""

import asyncio

import pytest

from steering.facilities.dask import DaskConnection
from tests.compute.cluster import Cluster


def note():
    return "ready"


def fail():
    message = "there is no such library here"
    raise ValueError(message)


@pytest.fixture
async def cluster():
    async with Cluster() as made:
        yield made


@pytest.fixture
def connection(cluster):
    made = DaskConnection("local")
    made._client = cluster.client
    return made


async def test_workers_that_leave_are_not_waited_for(cluster, connection):
    ends = [await cluster.busy(name) for name in ("one", "two")]
    rehearsing = asyncio.ensure_future(connection.rehearse(note))
    async with asyncio.timeout(30):
        while not any("note" in key for key in cluster.scheduler.tasks):  # noqa: ASYNC110  (Dask tells nobody)
            await asyncio.sleep(0.01)
        # For a moment there is no worker at all; then another one comes.
        for worker in list(cluster.scheduler.workers):
            await cluster.scheduler.remove_worker(worker, stimulus_id="test", expected=True)
        for end in ends:
            end.set()
        cluster.workers["three"] = await cluster._worker("three")
        await rehearsing
    assert len(cluster.workers["three"].plugins.keys() & {one.name for one in connection._rehearsals}) == 1


async def test_what_fails_keeps_no_later_worker_from_joining(cluster, connection):
    with pytest.raises(ValueError, match="no such library"):
        await connection.rehearse(fail)
    async with asyncio.timeout(30):
        cluster.workers["three"] = await cluster._worker("three")
    assert len(cluster.scheduler.workers) == 3
    assert connection._rehearsals == []


async def test_one_rehearsal_of_a_name_is_kept(cluster, connection):
    for _ in range(3):
        await connection.rehearse(note)
    assert len(connection._rehearsals) == 1
    names = {one.name for one in connection._rehearsals}
    assert all(len(worker.plugins.keys() & names) == 1 for worker in cluster.workers.values())
