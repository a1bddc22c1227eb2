"""Liveness: workers that hang are found by asking them, and given up, so that what waits for them goes elsewhere.

A worker that is stopped or cut off keeps its connection for minutes, and Dask waits for it as long. What it does and
holds goes to others at once, with the keys that it has, so that nothing that waits for it is lost or done twice.

A probe costs nothing, so one is sent as soon as something takes longer than usual; only silence is evidence. Its
length follows what the caller is used to: a reader or a function that keeps Python's lock for half a second keeps its
worker silent for as long.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from distributed.diagnostics.plugin import SchedulerPlugin

# A worker that answers is heard within milliseconds, on a busy machine within tenths of a second.
_SILENT_SECONDS = 0.4
# Waited for in so many parts: a pause of the whole machine takes but one of them.
_PARTS = 4
# One that has just joined may still be loading what it needs; and if workers were given up in the last so many seconds
# the machine may only be slow, so that each next one gets more time.
_SETTLING_SECONDS, _CALM_SECONDS, _MORE_TIME = 10.0, 30.0, 3
_AGAIN_SECONDS = 0.02


class Liveness(SchedulerPlugin):
    """Probes workers and gives up those that are silent; in the scheduler's process, on its event loop."""

    def __init__(self, scheduler: Any) -> None:
        """Add the handler to a scheduler that has not been started."""
        self._scheduler = scheduler
        self._joined: dict[str, float] = {}
        self._given_up: list[float] = []
        self._probed: dict[str, asyncio.Future[bool]] = {}
        scheduler.handlers["steering_overdue"] = self.overdue
        scheduler.add_plugin(self)

    def add_worker(self, scheduler: Any, worker: str) -> None:
        """Learn that a worker is there."""
        del scheduler
        self._joined[worker] = time.monotonic()

    def remove_worker(self, scheduler: Any, worker: str, **_: object) -> None:
        """Forget a worker."""
        del scheduler
        self._joined.pop(worker, None)

    def age(self, address: str) -> float:
        """Say how many seconds ago a worker joined."""
        return time.monotonic() - self._joined.get(address, 0.0)

    def suspects(self, address: str) -> bool:
        """Say whether a worker was probed and has not answered yet."""
        return address in self._probed

    async def overdue(self, key: str, patience: float) -> list[str]:
        """Give up each worker that a task waits for and that is silent; see :meth:`give_up`."""
        return await self.give_up(self._holders(key), patience)

    async def give_up(self, workers: Iterable[Any], patience: float) -> list[str]:
        """Give up each of some workers that answers no probe.

        Args:
            workers: The scheduler's states of them.
            patience: Seconds that the caller had waited before it asked: so long, at least, a worker may be silent.

        Returns:
            Names of those that were given up.
        """
        settled = [worker for worker in workers if self.age(worker.address) > _SETTLING_SECONDS]
        heard = await asyncio.gather(*(self._heard(worker.address, patience) for worker in settled))
        return [str(worker.name) for worker, answered in zip(settled, heard, strict=True) if not answered]

    async def _heard(self, address: str, patience: float) -> bool:
        """Greet a worker once for all who ask at the same time; return whether it answered."""
        probed = self._probed.get(address)
        if probed is None:
            probed = self._probed[address] = asyncio.ensure_future(self._probe(address, patience))
            probed.add_done_callback(lambda _: self._probed.pop(address))
        # Who asked may go away; the others still wait for it.
        return await asyncio.shield(probed)

    async def _probe(self, address: str, patience: float) -> bool:
        now = time.monotonic()
        self._given_up = [at for at in self._given_up if now - at < _CALM_SECONDS]
        part = max(_SILENT_SECONDS, patience) * _MORE_TIME ** len(self._given_up) / _PARTS
        answering = asyncio.ensure_future(self._answer(address))
        try:
            for _ in range(_PARTS):
                if (await asyncio.wait([answering], timeout=part))[0]:
                    return True
        finally:
            answering.cancel()
        # Not if it has gone, or is another process, by now.
        if address in self._scheduler.workers:
            self._given_up.append(time.monotonic())
            await self._scheduler.remove_worker(address, stimulus_id=f"overdue-{time.time()}", expected=True)
        return False

    async def _answer(self, address: str) -> None:
        while True:
            try:
                async with self._scheduler.rpc(address) as worker:
                    await worker.echo(data=0)
            except OSError:
                # A connection that was used before may have gone; a new one tells.
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return

    def _holders(self, key: str) -> set[Any]:
        """Find the workers that do a task, or what it depends on, or that hold such."""
        waiting, seen, holders = [self._scheduler.tasks.get(key)], set[str](), set[Any]()
        while waiting:
            state = waiting.pop()
            if state is None or state.key in seen:
                continue
            seen.add(state.key)
            if state.processing_on:
                holders.add(state.processing_on)
            holders |= set(state.who_has or ())
            # What is in memory needs nothing of what it was made of.
            waiting += [] if state.who_has else list(state.dependencies)
        return holders
