"""This machine: a Dask cluster in a process of its own."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from steering.core.daemon import Daemon
from steering.core.facility import FacilityStatus
from steering.core.workspace import Workspace, default_workspace
from steering.facilities.dask import DaskConnection, DaskRemote

Value = TypeVar("Value")


class LocalFacility:
    """Workers on this machine. Their owner outlives the kernel; a session attaches to it or starts it."""

    name = "local"

    def __init__(self, workspace: Workspace | None = None, workers: int = 2, linger: float = 600.0) -> None:
        """Describe it; nothing is started yet.

        Args:
            workspace: Where its connection file lies.
            workers: How many worker processes, if it has to be started.
            linger: It ends by itself after so many seconds without a client.
        """
        file = (workspace or default_workspace()).run / "compute-local.json"
        arguments = ["--file", str(file), "--workers", str(workers), "--linger", str(linger)]
        self._owner = Daemon(file, "steering.facilities.local_owner", arguments, "The local compute owner")
        self._connection = DaskConnection(self.name)

    async def launch(self) -> bool:
        """Start the owner if need be; return whether it had to be started."""
        runs = self._owner.connection() is not None
        await asyncio.to_thread(self._owner.ensure)
        return not runs

    async def start(self) -> None:
        """Attach to the owner, starting it if need be."""
        await self._connection.attach(await asyncio.to_thread(self._owner.ensure))

    async def rehearse(self, function: Callable[..., Value], *arguments: Any) -> None:
        """Run a function once on every worker."""
        await self._connection.rehearse(function, *arguments)

    async def attach(self) -> bool:
        """Attach to the owner if it runs; start nothing."""
        connection = await asyncio.to_thread(self._owner.connection)
        if connection is not None:
            await self._connection.attach(connection)
        return connection is not None

    def submit(self, key: str, function: Callable[..., Value], *arguments: Any, priority: int = 0) -> DaskRemote[Value]:
        """Run a function on a worker."""
        return self._connection.submit(key, function, *arguments, priority=priority)

    async def status(self) -> FacilityStatus:
        """Ask the scheduler how it is."""
        return await self._connection.status()

    async def detach(self) -> None:
        """Let go and leave it running."""
        await self._connection.detach()

    async def close(self) -> None:
        """End the owner and its workers."""
        await self._connection.detach()
        await asyncio.to_thread(self._owner.stop)
