"""A mailbox in the scheduler: sessions leave requests, the owner takes them and leaves its status.

It rides on the scheduler's own TLS connection, so it needs no port and no token of its own.
"""

import asyncio
import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from distributed.diagnostics.plugin import SchedulerPlugin

_ANSWERS_KEPT = 100
SEND_SECONDS = 0.001
# A worker is given up that answers none of so many greetings, each within so many seconds ...
_GREETINGS, _GREETING_SECONDS = 3, 0.2
# ... unless it has just joined and may still be loading what it needs; and if workers were given up in the last so many
# seconds the machine may only be slow, so that each next one gets more time.
_SETTLING_SECONDS, _CALM_SECONDS = 10.0, 30.0


class _Prompt(SchedulerPlugin):
    """Sends to workers at once: Dask gathers messages for some milliseconds, which a live frame has not.

    Attributes:
        joined: When each worker joined, by its address, in seconds of the monotonic clock.
    """

    def __init__(self) -> None:
        """Begin without workers."""
        self.joined: dict[str, float] = {}

    def add_worker(self, scheduler: Any, worker: str) -> None:
        self.joined[worker] = time.monotonic()
        scheduler.stream_comms[worker].interval = SEND_SECONDS

    def add_client(self, scheduler: Any, client: str) -> None:
        scheduler.client_comms[client].interval = SEND_SECONDS


class Mailbox:
    """Handlers of the scheduler process. All of them run on its event loop."""

    def __init__(self, scheduler: Any) -> None:
        """Add the handlers to a scheduler that has not been started."""
        self._scheduler = scheduler
        self._status: dict[str, Any] = {}
        self._orders: list[dict[str, Any]] = []
        self._answers: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)
        self._used = time.time()
        scheduler.handlers["steering_status"] = self.status
        scheduler.handlers["steering_ask"] = self.ask
        scheduler.handlers["steering_answer"] = self.answer
        scheduler.handlers["steering_exchange"] = self.exchange
        scheduler.handlers["steering_overdue"] = self.overdue
        self._prompt = _Prompt()
        self._given_up: list[float] = []
        scheduler.add_plugin(self._prompt)

    def status(self) -> dict[str, Any]:
        """Return what the owner last said."""
        return self._status

    def ask(self, request: Mapping[str, Any]) -> str:
        """Leave a request for the owner; return its ticket."""
        ticket = str(next(self._numbers))
        self._orders.append({"ticket": ticket, "request": dict(request)})
        return ticket

    def answer(self, ticket: str) -> dict[str, Any] | None:
        """Return the owner's answer to a ticket, or nothing yet."""
        return self._answers.get(ticket)

    def exchange(self, status: Mapping[str, Any], answers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Take the owner's status and answers; give it the requests, the workers' names and the load."""
        self._status = dict(status)
        self._answers |= {ticket: dict(answer) for ticket, answer in answers.items()}
        for ticket in list(self._answers)[:-_ANSWERS_KEPT]:
            del self._answers[ticket]
        orders, self._orders = self._orders, []
        known = self._scheduler
        tasks = [state for state in known.tasks.values() if state.state in ("processing", "queued", "no-worker")]
        clients = [name for name in known.clients if name != "fire-and-forget"]
        if clients or tasks:
            self._used = time.time()
        return {
            "orders": orders,
            "workers": [str(state.name) for state in known.workers.values()],
            "threads": sum(state.nthreads for state in known.workers.values()),
            "seconds": _seconds_of_work(tasks),
            "tasks": len(tasks),
            "clients": len(clients),
            "used": self._used,
        }

    async def overdue(self, key: str) -> list[str]:
        """Give up each worker that a task waits for and that answers no greeting; return their names.

        A worker that is stopped or cut off keeps its connection for minutes. What it does and holds goes to others at
        once, with the keys that it has, so that nothing that waits for it is lost or done twice.
        """
        return await self.give_up(self._holders(key))

    async def give_up(self, holders: Iterable[Any]) -> list[str]:
        """Give up each of some workers that answers no greeting; return their names."""
        now = time.monotonic()
        self._given_up = [at for at in self._given_up if now - at < _CALM_SECONDS]
        patience = _GREETING_SECONDS * 3 ** len(self._given_up)
        settled = [
            holder for holder in holders if now - self._prompt.joined.get(holder.address, 0.0) > _SETTLING_SECONDS
        ]
        silent = await asyncio.gather(*(self._silent(holder, patience) for holder in settled))
        names: list[str] = []
        for holder in silent:
            if holder is not None and holder.address in self._scheduler.workers:
                names.append(str(holder.name))
                self._given_up.append(now)
                await self._scheduler.remove_worker(holder.address, stimulus_id=f"overdue-{time.time()}", expected=True)
        return names

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

    async def _silent(self, holder: Any, patience: float) -> Any:
        for _ in range(_GREETINGS):
            try:
                async with asyncio.timeout(patience):
                    async with self._scheduler.rpc(holder.address) as worker:
                        await worker.echo(data=0)
            except (OSError, TimeoutError):
                continue
            return None
        return holder


def _seconds_of_work(tasks: Sequence[Any]) -> float:
    """Expected time in seconds to do all tasks one after another, by what Dask has learnt of each kind."""
    return sum(max(float(task.prefix.duration_average), 0.0) for task in tasks)
