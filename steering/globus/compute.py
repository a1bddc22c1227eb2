"""Functions run by Globus Compute: sent as text, submitted once, answered in JSON."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import globus_sdk
from globus_sdk.scopes import ComputeScopes

from steering.core.json import Json
from steering.globus.errors import GlobusError, cleaned
from steering.globus.login import Login
from steering.globus.patience import Patience
from steering.globus.payload import Source, checked, read_data, write_arguments, write_code

State = Literal["waiting", "running", "done", "failed"]
_STATES: dict[str, State] = {"success": "done", "failed": "failed", "running": "running", "exec-end": "running"}
_PLAIN = "globus_compute_sdk.serialize.JSONData"
# What is in the traceback of a run that lost its node, and of one whose job was refused.
LOST_WORDS = ("ManagerLost", "WorkerLost")
REFUSED_WORDS = ("queue is denied", "Unauthorized Request", "access to the queue", "QueueRefused")


class PreemptedError(GlobusError):
    """The node went away while the function ran: submit it again."""


class RunFailedError(GlobusError):
    """The function raised, or returned what is no JSON: this run is over."""


class QueueRefusedError(GlobusError):
    """The batch system does not let this account use the queue: choose another."""


@dataclass(frozen=True)
class ComputeOrder:
    """A run of a function to be submitted.

    Attributes:
        group: From :func:`new_group`. Write it down before you submit: with it the run is found again.
        endpoint: Id of the endpoint.
        function: Id from :meth:`Compute.register`.
        arguments: JSON.
        keywords: JSON.
        config: The ``user_endpoint_config``: queue, account, walltime, nodes_per_block.
    """

    group: str
    endpoint: str
    function: str
    arguments: tuple[Json, ...] = ()
    keywords: Mapping[str, Json] = field(default_factory=dict[str, Json])
    config: Mapping[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True)
class ComputeStatus:
    """How far a run is.

    Attributes:
        task: Its id.
        state: Whether it waits, runs, or has ended how.
        result: What the function returned, where it is done.
        reason: Why it waits or failed; the end of the traceback where the function raised.
    """

    task: str
    state: State
    result: Json = None
    reason: str = ""


def new_group() -> str:
    """Name a run before it is submitted."""
    return str(uuid.uuid4())


class Compute:
    """Globus Compute for one login. Only one thread uses it."""

    def __init__(self, login: Login, patience: Patience | None = None) -> None:
        """Log in to Compute.

        Args:
            login: Whose.
            patience: Waits for Globus; the login's if none.

        Raises:
            GlobusError: If a person has to log in first.
        """
        self._patience = patience or login.patience
        self._old = login.client(globus_sdk.ComputeClientV2, ComputeScopes.resource_server)
        self._new = login.client(globus_sdk.ComputeClientV3, ComputeScopes.resource_server)

    def register(self, source: Source) -> str:
        """Register a function; return its id.

        Keep the id beside the function's checksum: each call makes a new one.

        Raises:
            GlobusError: If its text does not define it.
        """
        data = {"function_name": source.name, "function_code": write_code(checked(source))}
        doing = f"register {source.name}"
        return self._patience.ask(doing, lambda: str(self._new.register_function(data)["function_uuid"]))

    def named(self, name: str) -> tuple[str, ...]:
        """Return the ids of the endpoints that are called so, and that this login may use.

        Raises:
            GlobusError: If Globus refuses.
        """

        def ask() -> tuple[str, ...]:
            found = cast("Sequence[dict[str, Any]]", self._old.get_endpoints("any").data)
            return tuple(str(one["uuid"]) for one in found if name in (one.get("name"), one.get("display_name")))

        return self._patience.ask(f"find the endpoint {name}", ask)

    def online(self, endpoint: str) -> bool:
        """Say whether an endpoint can be reached.

        Raises:
            GlobusError: If there is none.
        """
        doing = f"look at the endpoint {endpoint}"
        return self._patience.ask(doing, lambda: str(self._old.get_endpoint_status(endpoint)["status"])) == "online"

    def submit(self, order: ComputeOrder) -> str:
        """Submit a run; one group is one run, however often this is called.

        Returns:
            The task's id.

        Raises:
            GlobusError: If the arguments are no JSON or too large, or Globus refuses.
        """
        data: dict[str, Any] = {
            "task_group_id": order.group,
            "result_serializers": [_PLAIN],
            "user_endpoint_config": dict(order.config),
            "tasks": {order.function: [write_arguments(order.arguments, order.keywords)]},
        }
        return self._patience.submit(
            f"run the function {order.function} on {order.endpoint}",
            lambda: str(self._new.submit(order.endpoint, data)["tasks"][order.function][0]),
            lambda: self._task_of(order.group),
        )

    def find(self, group: str) -> str | None:
        """Find the task of a group that was written down; nothing if it was never submitted.

        Raises:
            GlobusError: If Globus refuses.
        """
        return self._patience.look(f"find the run {group}", lambda: self._task_of(group))

    def status(self, tasks: Sequence[str]) -> dict[str, ComputeStatus]:
        """Say how far runs are, by task, asked for at once.

        Raises:
            GlobusError: If there is no such task.
        """

        def ask() -> dict[str, ComputeStatus]:
            found = cast("dict[str, dict[str, Any]]", self._old.get_task_batch(list(tasks))["results"])
            return {task: _status(task, found.get(task, {})) for task in tasks}

        return self._patience.ask(f"look at {len(tasks)} runs", ask)

    def wait(self, task: str, told: Callable[[ComputeStatus], None] | None = None) -> Json:
        """Wait for what a function returns.

        Args:
            task: Its id.
            told: Is told how far it is, each time that this changes.

        Raises:
            PreemptedError: If the node went away.
            QueueRefusedError: If the batch system refused the job.
            GlobusError: If the function raised, or the wait was cancelled. The run goes on then.
        """
        for status in self._patience.changes(f"end the run {task}", lambda: self.status([task])[task]):
            if told is not None:
                told(status)
            if status.state in ("done", "failed"):
                return outcome(status)
        raise AssertionError

    def _task_of(self, group: str) -> str | None:
        tasks = cast("Sequence[dict[str, Any]]", self._old.get_task_group(group)["tasks"])
        return str(tasks[0]["id"]) if tasks else None


def outcome(status: ComputeStatus) -> Json:
    """Return what a run that has ended returned.

    Raises:
        PreemptedError: If the node went away.
        QueueRefusedError: If the batch system refused the job.
        RunFailedError: If the function raised.
    """
    if status.state == "done":
        return status.result
    if any(word in status.reason for word in LOST_WORDS):
        raise PreemptedError(
            f"The node of the run {status.task} went away (pre-empted, or its walltime was over). Run it again."
        )
    if any(word in status.reason for word in REFUSED_WORDS):
        raise QueueRefusedError(f"The job of the run {status.task} was refused: {status.reason}. Choose another queue.")
    raise RunFailedError(f"The function of the run {status.task} failed: {status.reason}. Mend it and run it again.")


def _status(task: str, given: Mapping[str, Any]) -> ComputeStatus:
    words = str(given.get("status") or "waiting")
    state = _STATES.get(words, "waiting")
    if given.get("exception"):
        lines = str(given["exception"]).strip().splitlines()
        return ComputeStatus(task, "failed", reason=cleaned(lines[-1] if lines else ""))
    if state == "done":
        try:
            return ComputeStatus(task, "done", read_data(str(given.get("result") or "")))
        except GlobusError as error:
            return ComputeStatus(task, "failed", reason=str(error).rstrip("."))
    return ComputeStatus(task, state, reason=words if state == "waiting" else "")
