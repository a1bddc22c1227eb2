"""Calls past Dask's graph, on a real scheduler and real workers of this process."""

import asyncio
import threading
import time
from typing import ClassVar

import pytest
from distributed import Client, Scheduler, Worker

from steering.compute.calls import Callee, Exchange, Slot, pack, unpack


class Cluster:
    """A scheduler, two workers with one thread each, and a client."""

    async def __aenter__(self):
        self.given_up, self.holding = [], []
        self.scheduler = Scheduler(protocol="tcp", host="127.0.0.1", port=0, dashboard=False)
        self.exchange = Exchange(self.scheduler, self._give_up)
        await self.scheduler
        self.workers = {name: await self._worker(name) for name in ("one", "two")}
        self.client = await Client(self.scheduler.address, asynchronous=True, set_as_default=False)
        return self

    async def __aexit__(self, *_):
        await self.client.close()
        for worker in self.workers.values():
            await worker.close()
        await self.scheduler.close()

    async def _worker(self, name):
        worker = Worker(self.scheduler.address, name=name, nthreads=1, host="127.0.0.1", dashboard=False)
        worker.callee = Callee(worker)
        return await worker

    async def _give_up(self, holders):
        self.given_up += [holder.name for holder in holders]
        return self.given_up

    async def submit(self, name, value):
        """Make a value on a worker; return its key."""
        future = self.client.submit(lambda: value, workers=[name], pure=False)
        await future
        self.kept = future
        return future.key

    async def call(self, function, *arguments, patience=10.0):
        keys = [item.key for item in arguments if isinstance(item, Slot)]
        return await self.client.scheduler.steering_call(work=pack(function, arguments), keys=keys, patience=patience)

    async def busy(self, name):
        """Give a worker something to do until what is returned is set."""
        began, end = threading.Event(), threading.Event()
        self.holding = [
            *self.holding,
            self.client.submit(_Held(began, end), workers=[self.workers[name].address], pure=False),
        ]
        await asyncio.to_thread(began.wait, 10)
        return end


class _Held:
    """Holds a worker until it is released; in this process, so it need not be copied."""

    held: ClassVar[dict[int, tuple[threading.Event, threading.Event]]] = {}

    def __init__(self, began, end):
        self._number = len(self.held)
        self.held[self._number] = began, end

    def __call__(self):
        began, end = self.held[self._number]
        began.set()
        end.wait(10)


@pytest.fixture
async def cluster():
    async with Cluster() as made:
        yield made


async def test_a_value_is_taken_from_where_it_lies(cluster):
    key = await cluster.submit("two", 5)
    end = await cluster.busy("two")
    try:
        assert unpack(await cluster.call(pow, Slot(key), 2)) == 25
    finally:
        end.set()
    # The next call finds it there; what no call needs any more is dropped.
    assert cluster.workers["one"].callee._taken == {key: 5}
    assert cluster.exchange._last == cluster.workers["one"].address
    assert unpack(await cluster.call(pow, 2, 3)) == 8
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
        cluster.exchange._joined = {one: time.monotonic(), two: time.monotonic()} | {old: 0.0}
        cluster.exchange._last = ""
        assert unpack(await cluster.call(abs, -1)) == 1
        assert cluster.exchange._last == old
    await cluster.workers["two"].close()
    assert two not in cluster.exchange._joined
    cluster.exchange._joined[one] = time.monotonic()
    assert unpack(await cluster.call(abs, -2)) == 2


async def test_a_worker_that_is_lost_meanwhile_and_one_that_hangs_are_passed_over(cluster):
    began, end = threading.Event(), threading.Event()
    answer = await cluster.call(_Held(began, end), patience=0.01)
    assert answer["passed"] in ("the worker one does not answer", "the worker two does not answer")
    assert len(cluster.given_up) == 1
    end.set()
    began, end = threading.Event(), threading.Event()
    waiting = asyncio.ensure_future(cluster.call(_Held(began, end), patience=1000))
    await asyncio.to_thread(began.wait, 10)
    (address,) = cluster.exchange._calling
    lost = next(worker for worker in cluster.workers.values() if worker.address == address)
    await lost.close(executor_wait=False)
    assert (await waiting)["passed"].startswith("the worker was lost")
    assert cluster.exchange._calling == {}
    end.set()
