"""Liveness: probes workers that may hang, and gives up those that do not answer, so that others take over their tasks.

A worker that is stopped or cut off keeps its connection for minutes, and Dask waits for it that long. When it is given
up, its tasks and values go to other workers at once, under the same keys. So nothing that waits for it is lost or done
twice.

A probe costs almost nothing, so one is sent as soon as something takes longer than usual. Only silence is evidence. The
length of silence that is allowed depends on the patience of the caller: a reader or a function that holds Python's
global interpreter lock for half a second keeps its worker silent for that long.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from distributed.diagnostics.plugin import SchedulerPlugin

# A live worker answers within milliseconds, on a busy machine within tenths of a second.
_SILENT_SECONDS = 0.4
# The wait is split into this many parts, so that a pause of the whole machine uses up only one of them.
_PARTS = 4
# A worker that joined less than ``_SETTLING_SECONDS`` ago may still be loading what it needs, and is not probed. If
# workers were given up in the last ``_CALM_SECONDS``, the machine may only be slow, so each of them multiplies the time
# for the next one by ``_MORE_TIME``.
_SETTLING_SECONDS, _CALM_SECONDS, _MORE_TIME = 10.0, 30.0, 3
_MOST_TIMES, _LONGEST_SECONDS = 10, 30.0
_AGAIN_SECONDS = 0.02


class Liveness(SchedulerPlugin):
    """Probes workers and gives up those that are silent. Runs in the scheduler's process, on its event loop."""

    def __init__(self, scheduler: Any) -> None:
        """Add the handler to a scheduler that has not been started."""
        self._scheduler = scheduler
        self._joined: dict[str, float] = {}
        self._given_up: list[float] = []
        self._probed: dict[str, asyncio.Future[bool]] = {}
        scheduler.handlers["steering_overdue"] = self.overdue
        scheduler.add_plugin(self)

    def add_worker(self, scheduler: Any, worker: str) -> None:
        """Note when a worker joined."""
        del scheduler
        self._joined[worker] = time.monotonic()

    def remove_worker(self, scheduler: Any, worker: str, **_: object) -> None:
        """Forget a worker."""
        del scheduler
        self._joined.pop(worker, None)

    def age(self, address: str) -> float:
        """Return how many seconds ago a worker joined."""
        return time.monotonic() - self._joined.get(address, 0.0)

    def suspects(self, address: str) -> bool:
        """Return whether a worker was probed and has not answered yet."""
        return address in self._probed

    async def overdue(self, key: str, patience: float) -> list[str]:
        """Give up each silent worker that a task waits for; see :meth:`give_up`."""
        return await self.give_up(self._holders(key), patience)

    async def give_up(self, workers: Iterable[Any], patience: float) -> list[str]:
        """Probe workers and give up those that do not answer.

        Args:
            workers: The scheduler's states of the workers.
            patience: Seconds that the caller waited before it asked. A worker may be silent for at least this long.

        Returns:
            Names of the workers that were given up.
        """
        settled = [worker for worker in workers if self.age(worker.address) > _SETTLING_SECONDS]
        heard = await asyncio.gather(*(self._heard(worker.address, patience) for worker in settled))
        return [str(worker.name) for worker, answered in zip(settled, heard, strict=True) if not answered]

    async def _heard(self, address: str, patience: float) -> bool:
        """Probe a worker, once for all callers that ask at the same time; return whether it answered."""
        probed = self._probed.get(address)
        if probed is None:
            probed = self._probed[address] = asyncio.ensure_future(self._probe(address, patience))
            probed.add_done_callback(lambda _: self._probed.pop(address))
        # A caller may be cancelled while other callers still wait for the probe.
        return await asyncio.shield(probed)

    async def _probe(self, address: str, patience: float) -> bool:
        now = time.monotonic()
        self._given_up = [at for at in self._given_up if now - at < _CALM_SECONDS]
        more = _MORE_TIME ** min(len(self._given_up), _MOST_TIMES)
        # After so long Dask gives it up by itself: many that were lost at once make no wait of days.
        usual = max(_SILENT_SECONDS, patience)
        part = max(usual, min(usual * more, _LONGEST_SECONDS)) / _PARTS
        answering = asyncio.ensure_future(self._answer(address))
        try:
            for _ in range(_PARTS):
                if (await asyncio.wait([answering], timeout=part))[0]:
                    return True
        finally:
            answering.cancel()
        # By now the worker may have left, or another process may have taken its place.
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
                # A pooled connection may be broken. Try again with a new one.
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return

    def _holders(self, key: str) -> set[Any]:
        """Find the workers that run or hold a task or its dependencies."""
        waiting, seen, holders = [self._scheduler.tasks.get(key)], set[str](), set[Any]()
        while waiting:
            state = waiting.pop()
            if state is None or state.key in seen:
                continue
            seen.add(state.key)
            if state.processing_on:
                holders.add(state.processing_on)
            holders |= set(state.who_has or ())
            # A value in memory does not need its dependencies any more.
            waiting += [] if state.who_has else list(state.dependencies)
        return holders
