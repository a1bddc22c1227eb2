"""What every facility with a Dask scheduler has in common: attach, submit, ask, let go."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import dask
from distributed import Client, Future
from distributed.security import Security

from steering.core.errors import SteeringError
from steering.core.facility import FacilityStatus, WorkerStatus
from steering.core.json import Json

Value = TypeVar("Value")

# Set wherever a scheduler or a client of ours starts. A worker that vanishes is no error (the default gives up after
# three); a hung one is found after half a minute instead of five.
CONFIG = {
    "distributed.scheduler.allowed-failures": 100,
    "distributed.scheduler.worker-ttl": "30s",
    "distributed.comm.timeouts.connect": "10s",
    "distributed.admin.log-length": 1000,
}

_ATTACH_SECONDS = 20.0


@dataclass(frozen=True)
class DaskRemote(Generic[Value]):
    """A Dask future as a :class:`steering.core.facility.Remote`."""

    future: "Future[Any]"

    @property
    def key(self) -> str:
        """Name of the task."""
        return str(self.future.key)

    async def result(self) -> Value:
        """Wait for the value and fetch it."""
        return await self.future


class DaskConnection:
    """A client of one scheduler, on one event loop."""

    def __init__(self, name: str) -> None:
        """Prepare; nothing is connected yet.

        Args:
            name: The facility's, for messages.
        """
        self._name = name
        self._client: Client | None = None
        self._submitted = 0
        self._done = 0
        self._processes: dict[str, int] = {}
        self._dashboard = ""

    async def attach(self, connection: Mapping[str, Json]) -> None:
        """Connect to the scheduler that a connection file names.

        Raises:
            SteeringError: If it does not answer.
        """
        security = Security(
            tls_ca_file=str(connection["tls_ca"]),
            tls_client_cert=str(connection["tls_certificate"]),
            tls_client_key=str(connection["tls_key"]),
            require_encryption=True,
        )
        self._dashboard = str(connection.get("dashboard") or "")
        with dask.config.set(CONFIG):
            try:
                self._client = await Client(
                    str(connection["address"]),
                    security=security,
                    asynchronous=True,
                    set_as_default=False,
                    timeout=_ATTACH_SECONDS,
                )
            except (OSError, TimeoutError) as error:
                message = f"The scheduler of {self._name} at {connection['address']} does not answer: {error}."
                raise SteeringError(message) from error

    def submit(self, key: str, function: Callable[..., Value], *arguments: Any, priority: int = 0) -> DaskRemote[Value]:
        """Run a function on a worker; see :meth:`steering.core.facility.Facility.submit`.

        Raises:
            SteeringError: If the facility has not been started.
        """
        client = self._client
        if client is None:
            message = f"The facility {self._name} has not been started. Start it before submitting."
            raise SteeringError(message)
        plain = [item.future if isinstance(item, DaskRemote) else item for item in arguments]
        future = client.submit(function, *plain, key=key, priority=priority)
        self._submitted += 1
        future.add_done_callback(self._count)
        return DaskRemote(future)

    async def rehearse(self, function: Callable[..., Value], *arguments: Any) -> None:
        """Run a function once on every worker and fetch what it gives."""
        client = self._client
        if client is None:
            return
        known = await client.scheduler.identity(n_workers=-1)
        futures = [client.submit(function, *arguments, workers=[address], pure=False) for address in known["workers"]]
        await client.gather(futures)

    async def status(self) -> FacilityStatus:
        """Ask the scheduler how it is."""
        client = self._client
        if client is None:
            return FacilityStatus(self._name, "stopped", "Not started.")
        try:
            known = await client.scheduler.identity(n_workers=-1)
            await self._learn_processes(client, set(known["workers"]))
        except (OSError, TimeoutError, AttributeError) as error:
            # Without a scheduler the client has no ``scheduler`` to ask.
            detail = f"The scheduler does not answer ({error or type(error).__name__}). Start the session again."
            return FacilityStatus(self._name, "lost", detail)
        workers = tuple(self._worker(address, entry) for address, entry in sorted(known["workers"].items()))
        state, detail = ("running", "") if workers else ("starting", "Waiting for workers.")
        return FacilityStatus(
            self._name, state, detail, workers, self._submitted - self._done, self._done, self._dashboard
        )

    async def detach(self) -> None:
        """Close the client; the scheduler runs on."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _count(self, _: object) -> None:
        self._done += 1

    async def _learn_processes(self, client: Client, addresses: set[str]) -> None:
        unknown = addresses - self._processes.keys()
        if unknown:
            self._processes |= await client.run(os.getpid, workers=list(unknown), on_error="ignore")

    def _worker(self, address: str, entry: Mapping[str, Any]) -> WorkerStatus:
        metrics = entry.get("metrics", {})
        return WorkerStatus(
            name=str(entry["name"]),
            threads=int(entry["nthreads"]),
            memory=int(metrics.get("memory", 0)),
            processing=int(metrics.get("executing", 0)),
            process_id=self._processes.get(address, 0),
        )
