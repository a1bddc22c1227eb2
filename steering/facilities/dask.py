"""The connection to a Dask scheduler that all facilities share: attach, submit, ask, detach."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar
from uuid import uuid4

import dask
from distributed import Client, Future
from distributed.comm.core import CommClosedError

from steering.cluster.calls import Slot, pack, unpack
from steering.cluster.connection import security_of
from steering.cluster.reach import probe
from steering.cluster.report import pools_of
from steering.cluster.scheduler import CONFIG
from steering.cluster.tasks import as_task
from steering.compute.versions import differences
from steering.core.errors import LostError, PassedOverError, SteeringError
from steering.core.facility import FacilityStatus, WorkerStatus
from steering.core.json import Json
from steering.core.pool import PoolRequest
from steering.facilities.rehearsal import Rehearsal

Value = TypeVar("Value")
_LOG = logging.getLogger(__name__)
_CLIENT_LOG = logging.getLogger("distributed.client")
# That a connection has ended is said here in a sentence; a person's terminal or cell is no place for its traces.
logging.getLogger("distributed.batched").setLevel(logging.WARNING)
_CLIENT_LOG.setLevel(logging.ERROR)

# Short, because the scheduler runs before its file is written. If it is gone again, the file will soon name another.
_ATTACH_SECONDS = 5.0
_ANSWER_SECONDS = 30.0
_REGISTRATIONS = 3
_CLOSE_SECONDS = 1.0
_POLL_SECONDS = 0.05
_LOOK_SECONDS = 1.0
# By default Dask's client batches messages for 10 ms, most of the round trip of a small task (17 ms; 7 ms with this
# value).
_SEND_SECONDS = 0.001


class _GivenUp(logging.Filter):
    """Filters out the traceback that Dask logs when we cancel its attempt to reconnect to a lost scheduler."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record may pass."""
        kind = record.exc_info[0] if record.exc_info else None
        return kind is None or not issubclass(kind, asyncio.CancelledError)


async def _connected(address: str, security: Any) -> Client:
    client = Client(address, security=security, asynchronous=True, set_as_default=False, timeout=_ATTACH_SECONDS)
    try:
        return await client
    except BaseException:
        # Otherwise the half-open client would close itself when it is garbage-collected, and Python would warn that
        # this was never awaited.
        with suppress(OSError, ValueError, RuntimeError):
            await client.close(timeout=_CLOSE_SECONDS)
        raise


@dataclass(frozen=True)
class DaskRemote(Generic[Value]):
    """A Dask future as a :class:`steering.core.facility.Remote`."""

    future: "Future[Any]"

    @property
    def key(self) -> str:
        """Name of the task."""
        return str(self.future.key)

    async def done(self) -> None:
        """Wait until the value is computed. It stays on its worker.

        Raises:
            LostError: If the scheduler is gone, and the value with it.
        """
        loop = asyncio.get_running_loop()
        there = loop.create_future()

        def tell(_: object) -> None:
            loop.call_soon_threadsafe(lambda: there.done() or there.set_result(None))

        self.future.add_done_callback(tell)
        await there
        if self.future.status != "finished":
            # There is no value, so this raises the error.
            await self.result()

    async def result(self) -> Value:
        """Wait for the value and fetch it.

        Raises:
            LostError: If the scheduler is gone, and the value with it.
        """
        try:
            return await self.future
        except (CancelledError, CommClosedError) as error:
            message = f"The scheduler is gone, and with it the task {self.key}."
            raise LostError(message) from error


class DaskConnection:
    """A client of one scheduler, on one event loop."""

    def __init__(self, name: str) -> None:
        """Prepare; nothing is connected yet.

        Args:
            name: Name of the facility, for messages.
        """
        self._name = name
        self._client: Client | None = None
        self._address = ""
        self._submitted = 0
        self._done = 0
        self._processes: dict[str, int] = {}
        self._versions: dict[str, Mapping[str, str]] = {}
        self._differences = ""
        self._dashboard = ""
        self._rehearsals: list[Rehearsal] = []

    async def attach(self, connection: Mapping[str, Json]) -> None:
        """Connect to the scheduler that a connection file names.

        Raises:
            SteeringError: If it does not answer.
        """
        await self.detach()
        self._dashboard = str(connection.get("dashboard") or "")
        self._address = str(connection["address"])
        with dask.config.set(CONFIG):
            try:
                await probe(self._address, _ATTACH_SECONDS)
                self._client = await _connected(self._address, security_of(connection))
            except (OSError, ValueError) as error:
                # Tornado raises a ValueError if the peer goes away before TLS begins.
                message = f"The scheduler of {self._name} at {self._address} does not answer: {error}."
                raise SteeringError(message) from error
        self._client.scheduler_comm.interval = _SEND_SECONDS
        for rehearsal in self._rehearsals:
            await self._register(self._client, rehearsal)

    def attached_to(self, connection: Mapping[str, Json]) -> bool:
        """Return whether this is a live connection to the scheduler that a connection file names."""
        client = self._client
        return client is not None and client.status == "running" and self._address == connection["address"]

    def submit(
        self, key: str, function: Callable[..., Value], *arguments: Any, priority: int = 0, pool: str = ""
    ) -> DaskRemote[Value]:
        """Run a function on a worker; see :meth:`steering.core.facility.Facility.submit`.

        Raises:
            SteeringError: If the facility has not been started.
            LostError: If its scheduler is gone.
        """
        client = self._present()
        if client.status != "running":
            message = f"The scheduler of {self._name} is gone."
            raise LostError(message)
        plain = [item.future if isinstance(item, DaskRemote) else item for item in arguments]
        # Each worker has plenty of a resource with the name of its pool (see steering.compute.script).
        task = as_task(function, plain)
        future = client.submit(*task, key=key, priority=priority, resources={pool: 1} if pool else None)
        self._submitted += 1
        future.add_done_callback(self._count)
        return DaskRemote(future)

    async def call(self, function: Callable[..., Value], *arguments: Any, patience: float) -> Value:
        """Run a function on a worker at once; see :meth:`steering.core.facility.Facility.call`.

        Raises:
            PassedOverError: If no worker can do it now.
        """
        client = self._present()
        keys = [item.key for item in arguments if isinstance(item, DaskRemote)]
        work = pack(function, [Slot(item.key) if isinstance(item, DaskRemote) else item for item in arguments])
        try:
            answer = await self._asked(client, "steering_call", work=work, keys=keys, patience=patience)
        except LostError as error:
            # The next task will show whether the scheduler is lost for good.
            raise PassedOverError(str(error)) from error
        if "passed" in answer:
            message = f"No worker of {self._name} can do it now: {answer['passed']}."
            raise PassedOverError(message)
        return unpack(answer)

    async def rehearse(self, function: Callable[..., Value], *arguments: Any) -> None:
        """Run a function on every current worker and wait for the results. Later workers also run it when they join."""
        client = self._present()
        known = await self._asked(client, "identity", n_workers=-1)
        rehearsal, task = Rehearsal(function, arguments), as_task(function, arguments)
        remotes = {
            address: DaskRemote[Any](client.submit(*task, key=f"{rehearsal.name}-{uuid4()}", workers=[address]))
            for address in known["workers"]
        }
        # What fails here would keep later workers from joining.
        await self._everywhere(client, remotes)
        self._rehearsals = [one for one in self._rehearsals if one.name != rehearsal.name] + [rehearsal]
        await self._register(client, rehearsal)

    async def _everywhere(self, client: Client, remotes: Mapping[str, DaskRemote[Any]]) -> None:
        """Wait for tasks that belong to one worker each; not for those of workers that leave meanwhile.

        To let another worker run them would not help: while no worker is there, even for a moment, Dask puts such a
        task away for the one that has left, and gives it to no later one.
        """
        waiting = {address: asyncio.ensure_future(remote.result()) for address, remote in remotes.items()}
        try:
            while waiting:
                await asyncio.wait(waiting.values(), timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                for address in [address for address, one in waiting.items() if one.done()]:
                    waiting.pop(address).result()
                there: set[str] = set((await self._asked(client, "identity", n_workers=-1))["workers"])
                for address in waiting.keys() - there:
                    waiting.pop(address).cancel()
        finally:
            for one in waiting.values():
                one.cancel()

    async def _register(self, client: Client, rehearsal: Rehearsal) -> None:
        """Have all workers rehearse. If a worker is lost meanwhile, try again with the others."""
        for _ in range(_REGISTRATIONS):
            try:
                await client.register_plugin(rehearsal)
            except OSError:
                continue
            return
        message = f"The workers of {self._name} are lost one after another while they load what they need."
        raise SteeringError(message)

    async def ask(self, request: PoolRequest) -> str:
        """Leave a request in the scheduler's mailbox and wait for the owner's answer.

        Raises:
            SteeringError: If the owner says that it cannot be done, or does not answer.
        """
        client = self._present()
        ticket = await self._asked(client, "steering_ask", request=asdict(request))
        deadline = time.monotonic() + _ANSWER_SECONDS
        while time.monotonic() < deadline:
            answer = await self._asked(client, "steering_answer", ticket=ticket)
            if answer is not None and "error" in answer:
                raise SteeringError(answer["error"])
            if answer is not None:
                return str(answer["said"])
            await asyncio.sleep(_POLL_SECONDS)
        message = f"The compute owner of {self._name} did not answer within {_ANSWER_SECONDS:g} s. Look at its log."
        raise SteeringError(message)

    async def overdue(self, key: str, patience: float) -> list[str]:
        """Have workers given up that a task waits for but that do not answer; return their names.

        Raises:
            LostError: If the scheduler does not answer.
        """
        return list(await self._asked(self._present(), "steering_overdue", key=key, patience=patience))

    async def status(self) -> FacilityStatus:
        """Return the status of the facility, from the scheduler and from the owner's report in its mailbox."""
        client = self._client
        if client is None:
            return FacilityStatus(self._name, "stopped", "Not started.")
        try:
            known = await self._asked(client, "identity", n_workers=-1)
            report = await self._asked(client, "steering_status")
            await self._learn(client, set(known["workers"]))
        except (LostError, OSError, RuntimeError, AttributeError) as error:
            # While the client looks for another scheduler, its connections are closed or missing.
            detail = f"{error or type(error).__name__} Its owner starts another."
            return FacilityStatus(self._name, "lost", detail)
        workers = tuple(self._worker(address, entry) for address, entry in sorted(known["workers"].items()))
        pools = pools_of(report)
        said = " ".join(
            f"{pool.name}: {pool.detail}" if len(pools) > 1 else pool.detail for pool in pools if pool.detail
        )
        nothing = "It has no pool. Ask for one: steering compute start, or Start below." if not pools else ""
        return FacilityStatus(
            name=self._name,
            state="running" if workers else "starting" if pools else "idle",
            detail=self._differences or said or nothing or ("" if workers else "Waiting for workers."),
            workers=workers,
            tasks_waiting=self._submitted - self._done,
            tasks_done=self._done,
            dashboard=self._dashboard,
            pools=pools,
            urgencies=tuple(report.get("urgencies", ())),
            node_hours=float(report.get("node_hours", 0.0)),
            node_hours_allowed=float(report.get("node_hours_allowed", float("inf"))),
        )

    async def detach(self) -> None:
        """Close the client. The scheduler keeps running."""
        client, self._client = self._client, None
        if client is not None:
            given_up = _GivenUp()
            _CLIENT_LOG.addFilter(given_up)
            try:
                await client.close(timeout=_CLOSE_SECONDS)
            except (OSError, ValueError, RuntimeError) as error:
                # If the client failed to reconnect to a dead scheduler, it raises that error again when it is closed.
                _LOG.info("the client of %s was closed with: %s", self._name, error)
            finally:
                _CLIENT_LOG.removeFilter(given_up)

    async def _asked(self, client: Client, name: str, **arguments: Any) -> Any:
        """Call a handler of the scheduler by its name.

        Raises:
            LostError: If the scheduler does not answer.
        """
        try:
            if client.scheduler is None:
                message = "the connection to it is closed"
                raise ConnectionError(message)
            return await getattr(client.scheduler, name)(**arguments)
        except (OSError, RuntimeError) as error:
            message = f"The scheduler of {self._name} does not answer ({error or type(error).__name__})."
            raise LostError(message) from error

    def _present(self) -> Client:
        if self._client is None:
            message = f"The facility {self._name} has not been started. Start it before submitting."
            raise SteeringError(message)
        return self._client

    def _count(self, _: object) -> None:
        self._done += 1

    async def _learn(self, client: Client, addresses: set[str]) -> None:
        """Ask new workers for their process ids and for the versions of their libraries."""
        unknown = addresses - (self._processes.keys() & self._versions.keys())
        if unknown:
            self._processes |= await client.run(os.getpid, workers=list(unknown), on_error="ignore")
            self._versions |= await client.run(_versions, workers=list(unknown), on_error="ignore")
        gone = (self._processes.keys() | self._versions.keys()) - addresses
        for address in gone:
            self._processes.pop(address, None)
            self._versions.pop(address, None)
        if unknown or gone:
            # Of all that are here: those that join later do not make up for those before.
            self._differences = differences(self._name, self._versions)

    def _worker(self, address: str, entry: Mapping[str, Any]) -> WorkerStatus:
        metrics = entry.get("metrics", {})
        return WorkerStatus(
            name=str(entry["name"]),
            threads=int(entry["nthreads"]),
            memory=int(metrics.get("memory", 0)),
            processing=int(metrics.get("executing", 0)),
            process_id=self._processes.get(address, 0),
        )


def _versions() -> dict[str, str]:
    from steering.compute.versions import versions

    return versions()
