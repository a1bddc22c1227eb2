"""A scheduler and two workers of this process, with steering's handlers."""

import asyncio
import threading
from contextlib import contextmanager
from typing import ClassVar

from distributed import Client, Scheduler, Worker

from steering.cluster.calls import Callee, Exchange, Slot, pack
from steering.cluster.liveness import Liveness
from steering.cluster.mailbox import Mailbox


class Cluster:
    """A scheduler, two workers with one thread each, and a client."""

    async def __aenter__(self):
        self.holding = []
        self.scheduler = Scheduler(protocol="tcp", host="127.0.0.1", port=0, dashboard=False)
        Mailbox(self.scheduler)
        self.liveness = Liveness(self.scheduler)
        self.exchange = Exchange(self.scheduler, self.liveness)
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

    def settle(self):
        """Have both workers joined long ago."""
        self.liveness._joined = {worker.address: 0.0 for worker in self.workers.values()}

    @contextmanager
    def stopped(self, name):
        """Have a worker answer nothing, as one that is stopped."""
        end = asyncio.Event()
        worker = self.workers[name]
        usual = dict(worker.handlers)

        async def nothing(*_, **__):
            await end.wait()

        worker.handlers |= dict.fromkeys(("echo", "get_data", "steering_call"), nothing)
        try:
            yield
        finally:
            end.set()
            worker.handlers |= usual

    def holders(self, key):
        """Names of the workers that hold a value."""
        state = self.scheduler.tasks.get(key)
        return {worker.name for worker in state.who_has or ()} if state is not None else set()

    async def submit(self, name, value):
        """Make a value on a worker; return its key."""
        future = self.client.submit(lambda: value, workers=[name], allow_other_workers=True, pure=False)
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
            self.client.submit(Held(began, end), workers=[self.workers[name].address], pure=False),
        ]
        await asyncio.to_thread(began.wait, 10)
        return end


class Held:
    """Holds a worker until it is released; in this process, so it need not be copied."""

    held: ClassVar[dict[int, tuple[threading.Event, threading.Event]]] = {}

    def __init__(self, began, end):
        self._number = len(self.held)
        self.held[self._number] = began, end

    def __call__(self):
        began, end = self.held[self._number]
        began.set()
        end.wait(10)
