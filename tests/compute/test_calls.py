"""Calls past Dask's graph, on a real scheduler and real workers of this process."""

import asyncio
import threading
import time

import pytest

from steering.cluster.calls import Slot, unpack
from steering.cluster.mailbox import SEND_SECONDS
from steering.testing.waiting import until
from tests.compute.cluster import Cluster, Held


@pytest.fixture
async def cluster():
    async with Cluster() as made:
        yield made


async def test_the_scheduler_sends_to_workers_and_clients_at_once(cluster):
    scheduler = cluster.scheduler
    comms = [*scheduler.stream_comms.values(), scheduler.client_comms[cluster.client.id]]
    assert [comm.interval for comm in comms] == 3 * [SEND_SECONDS]


async def test_a_value_is_taken_from_where_it_lies(cluster):
    key = await cluster.submit("two", 5)
    end = await cluster.busy("two")
    try:
        assert unpack(await cluster.call(pow, Slot(key), 2)) == 25
    finally:
        end.set()
    # The next call finds it there, whoever holds it; what no call needs any more is dropped.
    assert cluster.exchange._last == cluster.workers["one"].address
    await until(lambda: cluster.holders(key) == {"one", "two"}, lambda: f"{cluster.holders(key)}")
    assert unpack(await cluster.call(pow, Slot(key), 3)) == 125
    assert cluster.workers["one"].callee._taken == {}


async def test_a_value_that_is_nothing_is_a_value(cluster):
    key = await cluster.submit("one", None)
    assert unpack(await cluster.call(str, Slot(key))) == "None"


async def test_a_value_that_comes_soon_is_waited_for_and_one_that_does_not_is_not(cluster):
    late = asyncio.ensure_future(cluster.call(abs, Slot("soon")))
    await asyncio.sleep(0)
    future = cluster.client.submit(abs, -3, key="soon")
    assert unpack(await late) == 3
    assert await cluster.call(abs, Slot("never")) == {"passed": "a value is not there yet"}
    del future


class TwoWords(Exception):  # noqa: N818  (as people name them)
    """An error that cannot be copied."""

    def __init__(self, first, second):
        super().__init__(f"{first} {second}")


def raise_value_error():
    raise ValueError("on purpose")


def raise_two_words():
    raise TwoWords("quite", "wrong")


async def test_an_error_comes_back_as_it_is_or_at_least_its_words(cluster):
    with pytest.raises(ValueError, match="on purpose"):
        unpack(await cluster.call(raise_value_error))
    with pytest.raises(RuntimeError, match="TwoWords: quite wrong"):
        unpack(await cluster.call(raise_two_words))


async def test_without_workers_nothing_is_done(cluster):
    for worker in cluster.workers.values():
        await worker.close()
    assert await cluster.call(abs, 1) == {"passed": "no worker is free"}


async def test_while_all_workers_are_busy_nothing_is_called(cluster):
    ends = [await cluster.busy("one"), await cluster.busy("two")]
    assert await cluster.call(abs, 1) == {"passed": "no worker is free"}
    for end in ends:
        end.set()


async def test_a_worker_that_has_just_joined_is_called_only_if_there_is_no_other(cluster):
    one, two = (cluster.workers[name].address for name in ("one", "two"))
    for old in (one, two):
        cluster.liveness._joined = {one: time.monotonic(), two: time.monotonic()} | {old: 0.0}
        cluster.exchange._last = ""
        assert unpack(await cluster.call(abs, -1)) == 1
        assert cluster.exchange._last == old
    await cluster.workers["two"].close()
    assert two not in cluster.liveness._joined
    cluster.liveness._joined[one] = time.monotonic()
    assert unpack(await cluster.call(abs, -2)) == 2


async def test_a_worker_that_is_lost_meanwhile_is_passed_over(cluster):
    began, end = threading.Event(), threading.Event()
    waiting = asyncio.ensure_future(cluster.call(Held(began, end), patience=1000))
    await asyncio.to_thread(began.wait, 10)
    (address,) = cluster.exchange._calling
    lost = next(worker for worker in cluster.workers.values() if worker.address == address)
    await lost.close(executor_wait=False)
    assert (await waiting)["passed"].startswith("the worker was lost")
    assert cluster.exchange._calling == {}
    end.set()


async def test_a_call_that_takes_long_is_waited_for_as_long_as_its_worker_answers(cluster):
    cluster.settle()
    began, end = threading.Event(), threading.Event()
    waiting = asyncio.ensure_future(cluster.call(Held(began, end), patience=0.01))
    await asyncio.to_thread(began.wait, 10)
    probed = []
    plain = cluster.liveness._probe

    async def probe(address, patience):
        heard = await plain(address, patience)
        probed.append((address, heard))
        return heard

    cluster.liveness._probe = probe
    await until(lambda: len(probed) >= 3, lambda: "nobody is probed")
    end.set()
    assert unpack(await waiting) is None
    assert all(heard for _, heard in probed)


async def test_a_worker_that_hangs_is_given_up_and_no_call_is_tried_on_it_again(cluster):
    cluster.settle()
    cluster.exchange._last = cluster.workers["one"].address
    with cluster.stopped("one"):
        answer = await cluster.call(abs, -1, patience=0.01)
        assert "lost" in answer["passed"] or answer["passed"] == "the worker one does not answer"
        assert unpack(await cluster.call(abs, -2)) == 2


async def test_a_call_does_not_wait_for_a_value_of_a_worker_that_hangs(cluster):
    cluster.settle()
    key = await cluster.submit("one", 5)
    with cluster.stopped("one"):
        cluster.exchange._last = cluster.workers["two"].address
        answer = await cluster.call(pow, Slot(key), 2, patience=0.01)
        assert answer == {"passed": "the worker one does not answer"}
        # Dask makes it again, with the same key.
        await until(lambda: cluster.holders(key) == {"two"}, lambda: f"{cluster.holders(key)}")
        assert unpack(await cluster.call(pow, Slot(key), 2)) == 25


async def test_while_a_worker_is_suspected_others_are_called_and_their_copies_taken(cluster):
    cluster.settle()
    key = await cluster.submit("one", 5)
    one, two = (cluster.workers[name] for name in ("one", "two"))
    cluster.exchange._last = one.address
    assert unpack(await cluster.call(pow, Slot(key), 1)) == 5
    await until(lambda: cluster.holders(key) == {"one", "two"}, lambda: f"{cluster.holders(key)}")
    with cluster.stopped("one"):
        suspecting = asyncio.ensure_future(cluster.liveness.give_up([cluster.scheduler.workers[one.address]], 1000.0))
        await until(lambda: cluster.liveness.suspects(one.address), lambda: "nobody is suspected")
        assert unpack(await cluster.call(pow, Slot(key), 2, patience=1000.0)) == 25
        assert cluster.exchange._last == two.address
    assert await suspecting == []
    assert not cluster.liveness.suspects(one.address)


async def test_each_value_is_copied_to_a_second_worker_and_forgotten_everywhere(cluster):
    keys = [await cluster.submit(name, name) for name in ("one", "two")]
    kept = cluster.kept
    assert unpack(await cluster.call(max, Slot(keys[1]), "a")) == "two"
    await until(lambda: cluster.holders(keys[1]) == {"one", "two"}, lambda: f"{cluster.holders(keys[1])}")
    # What is asked for once is not asked for again while it is on its way.
    assert cluster.exchange._copied == {keys[1]}
    await cluster.workers["two"].close()
    assert unpack(await cluster.call(max, Slot(keys[1]), "a")) == "two"
    del kept, cluster.kept
    await until(lambda: not cluster.holders(keys[1]), lambda: f"{cluster.holders(keys[1])}")
    await until(lambda: keys[1] not in cluster.workers["one"].data, lambda: "the copy is kept")
    assert cluster.exchange._copied == set()
