"""Workers that do not answer, on a real scheduler and real workers of this process."""

import asyncio
import time

import pytest

from steering.cluster import liveness
from steering.testing.waiting import until
from tests.compute.cluster import Cluster


@pytest.fixture
async def cluster(monkeypatch):
    monkeypatch.setattr(liveness, "_SILENT_SECONDS", 0.05)
    async with Cluster() as made:
        made.settle()
        yield made


async def test_only_who_is_silent_is_given_up(cluster):
    with cluster.stopped("one"):
        assert await cluster.liveness.give_up(cluster.scheduler.workers.values(), 0.01) == ["one"]
    assert [worker.name for worker in cluster.scheduler.workers.values()] == ["two"]


async def test_one_that_answers_in_time_stays(cluster):
    with cluster.stopped("one"):
        asking = asyncio.ensure_future(cluster.liveness.give_up(cluster.scheduler.workers.values(), 1000.0))
        await until(lambda: len(cluster.liveness._probed) == 1, lambda: "two does not answer")
        assert cluster.liveness.suspects(cluster.workers["one"].address)
        # It must be silent for as long as the caller is used to wait.
        assert not asking.done()
    assert await asking == []
    assert len(cluster.scheduler.workers) == 2


async def test_one_that_has_just_joined_is_not_even_probed(cluster):
    address = cluster.workers["one"].address
    cluster.liveness.add_worker(cluster.scheduler, address)
    with cluster.stopped("one"):
        assert await cluster.liveness.give_up([cluster.scheduler.workers[address]], 0.01) == []
    assert len(cluster.scheduler.workers) == 2


async def test_all_who_ask_at_the_same_time_share_one_probe(cluster):
    (one,) = [worker for worker in cluster.scheduler.workers.values() if worker.name == "one"]
    with cluster.stopped("one"):
        asked = [asyncio.ensure_future(cluster.liveness.give_up([one], 0.01)) for _ in range(3)]
        await asyncio.sleep(0)
        asked[0].cancel()
        assert await asyncio.gather(*asked[1:]) == [["one"], ["one"]]
    assert len(cluster.liveness._given_up) == 1
    assert cluster.liveness._probed == {}


async def test_after_one_was_given_up_the_next_gets_more_time(cluster, monkeypatch):
    given = []
    plain = asyncio.wait

    def wait(waited, *, timeout):
        given.append(timeout * liveness._PARTS)
        return plain(waited, timeout=timeout)

    monkeypatch.setattr(liveness.asyncio, "wait", wait)
    for name in ("one", "two"):
        (state,) = [worker for worker in cluster.scheduler.workers.values() if worker.name == name]
        with cluster.stopped(name):
            assert await cluster.liveness.give_up([state], 0.01) == [name]
    monkeypatch.undo()
    assert given == pytest.approx(liveness._PARTS * [0.05] + liveness._PARTS * [0.05 * liveness._MORE_TIME])


async def test_a_pause_of_the_whole_machine_is_no_silence(cluster, monkeypatch):
    monkeypatch.setattr(liveness, "_SILENT_SECONDS", 0.5)
    asking = asyncio.ensure_future(cluster.liveness.give_up(cluster.scheduler.workers.values(), 0.01))
    while len(cluster.liveness._probed) < 2:  # noqa: ASYNC110  (it is so within a turn of this loop)
        await asyncio.sleep(0)
    # Scheduler and workers, which here share a loop, are all held up at once, for longer than a worker may be silent.
    asyncio.get_running_loop().call_soon(time.sleep, 0.6)
    assert await asking == []


async def test_a_task_that_waits_for_a_worker_that_hangs_goes_elsewhere(cluster):
    key = await cluster.submit("one", 5)
    with cluster.stopped("one"):
        waiting = cluster.client.submit(pow, cluster.kept, 2, workers=["two"], key="square")
        await until(lambda: "square" in cluster.scheduler.tasks, lambda: "it was not submitted")
        assert await cluster.client.scheduler.steering_overdue(key="square", patience=0.01) == ("one",)
        assert await waiting == 25
    assert cluster.holders(key) == {"two"}


async def test_of_an_unknown_task_nothing_is_overdue(cluster):
    assert await cluster.client.scheduler.steering_overdue(key="never", patience=0.01) == ()


class Unheard:
    """A scheduler with a worker that says nothing."""

    def __init__(self):
        self.workers, self.handlers, self.removed = {"tls://1": object()}, {}, []

    def add_plugin(self, plugin):
        pass

    def rpc(self, address):
        return self

    async def __aenter__(self):
        await asyncio.Event().wait()

    async def __aexit__(self, *_):
        pass

    async def remove_worker(self, address, **_):
        self.removed.append(address)


async def test_many_workers_that_were_lost_at_once_make_no_wait_of_days_for_the_next(monkeypatch):
    monkeypatch.setattr(liveness, "_LONGEST_SECONDS", 0.2)
    scheduler = Unheard()
    made = liveness.Liveness(scheduler)
    made._given_up = [time.monotonic()] * 1000
    async with asyncio.timeout(30):
        assert not await made._heard("tls://1", 0.5)
    assert scheduler.removed == ["tls://1"]
