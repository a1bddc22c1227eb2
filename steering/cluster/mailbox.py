"""A mailbox in the scheduler: sessions leave requests, the owner takes them and leaves its status.

It uses the scheduler's own TLS connection, so it needs no port and no token of its own.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from distributed.diagnostics.plugin import SchedulerPlugin

from steering.machine.steady import steady

_ANSWERS_KEPT = 100
SEND_SECONDS = 0.001


class _Prompt(SchedulerPlugin):
    """Sends messages almost at once. Dask batches them for some milliseconds, which is too long for a live frame."""

    def add_worker(self, scheduler: Any, worker: str) -> None:
        scheduler.stream_comms[worker].interval = SEND_SECONDS

    def add_client(self, scheduler: Any, client: str) -> None:
        # The scheduler adds the client's connection right after this call.
        asyncio.get_running_loop().call_soon(self._hurry, scheduler, client)

    @staticmethod
    def _hurry(scheduler: Any, client: str) -> None:
        if client in scheduler.client_comms:
            scheduler.client_comms[client].interval = SEND_SECONDS


class Mailbox:
    """Handlers of the scheduler process. All of them run on its event loop."""

    def __init__(self, scheduler: Any) -> None:
        """Add the handlers to a scheduler that has not been started."""
        self._scheduler = scheduler
        self._status: dict[str, Any] = {}
        # By their tickets, until they are answered: who takes them may not hear what they are.
        self._orders: dict[str, dict[str, Any]] = {}
        self._answers: dict[str, dict[str, Any]] = {}
        self._used = steady()
        scheduler.handlers["steering_status"] = self.status
        scheduler.handlers["steering_ask"] = self.ask
        scheduler.handlers["steering_answer"] = self.answer
        scheduler.handlers["steering_exchange"] = self.exchange
        scheduler.add_plugin(_Prompt())

    def status(self) -> dict[str, Any]:
        """Return the owner's last status."""
        return self._status

    def ask(self, request: Mapping[str, Any]) -> str:
        """Leave a request for the owner; return its ticket, which no scheduler before or after this one has given."""
        ticket = secrets.token_hex(8)
        self._orders[ticket] = dict(request)
        return ticket

    def answer(self, ticket: str) -> dict[str, Any] | None:
        """Return the owner's answer to a ticket, or ``None`` if there is none yet."""
        return self._answers.get(ticket)

    def exchange(self, status: Mapping[str, Any], answers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Store the owner's status and answers; return the unanswered requests, the workers' names and the load."""
        self._status = dict(status)
        self._answers |= {ticket: dict(answer) for ticket, answer in answers.items()}
        for ticket in list(self._answers)[:-_ANSWERS_KEPT]:
            del self._answers[ticket]
        for ticket in answers:
            self._orders.pop(ticket, None)
        known = self._scheduler
        tasks = [state for state in known.tasks.values() if state.state in ("processing", "queued", "no-worker")]
        clients = [name for name in known.clients if name != "fire-and-forget"]
        if clients or tasks:
            self._used = steady()
        return {
            "orders": [{"ticket": ticket, "request": request} for ticket, request in self._orders.items()],
            "workers": [str(state.name) for state in known.workers.values()],
            "threads": sum(state.nthreads for state in known.workers.values()),
            "seconds": _seconds_of_work(tasks),
            "tasks": len(tasks),
            "clients": len(clients),
            "unused": steady() - self._used,
        }


def _seconds_of_work(tasks: Sequence[Any]) -> float:
    """Expected time in seconds to run all tasks one after another, from Dask's average duration of each kind."""
    return sum(max(float(task.prefix.duration_average), 0.0) for task in tasks)
