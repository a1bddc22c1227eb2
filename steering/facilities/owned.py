"""A facility with a compute owner: a daemon of this user that outlives the kernel."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from steering.compute.batch import NoAnswerError
from steering.compute.checks import check_before_start
from steering.compute.site import Site, read_site
from steering.compute.systems import batch_system
from steering.core.errors import SteeringError
from steering.core.facility import FacilityStatus
from steering.core.pool import PoolRequest, PoolStatus
from steering.core.workspace import Workspace, default_workspace
from steering.facilities.dask import DaskConnection, DaskRemote
from steering.machine.daemon import Daemon
from steering.machine.identity import host_of
from steering.machine.threads import in_thread
from steering.pools.saved_pools import read_saved_pools, write_saved_pools

Value = TypeVar("Value")

# Time to wait for trouble after a request. A mistake usually shows within seconds: the submission is refused, or the
# first job ends at once. On a busy machine it may take longer.
_TROUBLE_SECONDS = 20.0
_LOOK_SECONDS = 0.2
_ATTACH_SECONDS = 20.0


class OwnedFacility:
    """A place to compute, described by a section of YAML. Each subclass has a file of its own and names its section."""

    def __init__(self, name: str, defaults: Path, workspace: Workspace | None, settings: Mapping[str, Any]) -> None:
        """Set up the facility; nothing is started yet.

        Args:
            name: Name of the facility.
            defaults: YAML file with its section.
            workspace: Folder of its connection file, and of ``steering.yaml`` if there is one.
            settings: Values that override the section, such as ``account="..."``.
        """
        self.name = name
        self._defaults = defaults
        self._workspace = workspace or default_workspace()
        self._settings = dict(settings)
        self._connection = DaskConnection(name)
        self._attaching = asyncio.Lock()
        self._begun = False

    @property
    def site(self) -> Site:
        """Its description, with the values that the site and the user override."""
        return read_site(self.name, self._defaults, self._workspace.directory, self._settings)

    @property
    def directory(self) -> Path:
        """The owner's folder. The nodes must see it too."""
        return self._directory(self.site)

    @property
    def shared(self) -> Path | None:
        """The owner's folder, which the nodes see under the same path."""
        return self.directory

    @property
    def runs(self) -> bool:
        """Whether its owner runs. This includes an owner that is ending."""
        return self._owner().present() is not None

    async def launch(self, *, pool: bool = False) -> bool:
        """Start the owner if needed, with the site's usual pool if ``pool``; return whether it had to be started."""
        site = self.site
        owner = self._owner(site, site.nodes if pool else 0)
        runs = owner.connection() is not None
        if not runs:
            check_before_start(site, self.directory)
        try:
            _, started = await owner.launch()
        except asyncio.CancelledError:
            if not runs:
                # The owner may already have submitted jobs.
                await asyncio.shield(self.close())
            raise
        # Another session may have started it meanwhile.
        self._begun = self._begun or (pool and started)
        return started

    async def start(self) -> None:
        """Attach to the owner and start it if needed. An owner without a pool is asked for the site's usual pool.

        Raises:
            SteeringError: If the owner cannot be started, or its first job cannot run.
        """
        await self.launch(pool=True)
        await self._attach()
        pools = (await self._connection.status()).pools
        if not pools:
            await self.ask(PoolRequest(nodes=self.site.nodes))
        elif self._begun:
            await self._settle(pools[0].name, pools[0].choice)
        self._begun = False

    async def resume(self) -> None:
        """Attach again after a loss and start the owner again if it is gone. Does not wait for workers."""
        await self.launch(pool=True)
        await self._attach()
        if not (await self._connection.status()).pools:
            await self._connection.ask(PoolRequest(nodes=self.site.nodes))

    async def rehearse(self, function: Callable[..., Value], *arguments: Any) -> None:
        """Run a function once on every worker, now or when the worker joins."""
        await self._connection.rehearse(function, *arguments)

    async def attach(self) -> bool:
        """Attach to the owner if it runs; return whether it does. Starts nothing."""
        connection = await asyncio.to_thread(self._owner().connection)
        if connection is not None:
            await self._attach()
        return connection is not None

    async def ask(self, request: PoolRequest) -> str:
        """Ask for a pool. Wait until its workers join, its job waits in the queue, or it fails, but not for long."""
        said = await self._connection.ask(request)
        if request.nodes > 0:
            await self._settle(request.pool or request.urgency, said)
        return said

    async def _settle(self, name: str, said: str) -> None:
        """Wait, for a limited time, until a pool runs, waits in the queue, or has failed."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _TROUBLE_SECONDS
        while loop.time() < deadline:
            pool = next((one for one in (await self._connection.status()).pools if one.name == name), None)
            if pool is not None and _settled(pool, said):
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def overdue(self, key: str, patience: float) -> None:
        """Have workers given up that a task waits for but that do not answer."""
        await self._connection.overdue(key, patience)

    def submit(
        self, key: str, function: Callable[..., Value], *arguments: Any, priority: int = 0, pool: str = ""
    ) -> DaskRemote[Value]:
        """Run a function on a worker of one pool, or on any worker."""
        return self._connection.submit(key, function, *arguments, priority=priority, pool=pool)

    async def call(self, function: Callable[..., Value], *arguments: Any, patience: float) -> Value:
        """Run a function on a worker at once, without a Dask task."""
        return await self._connection.call(function, *arguments, patience=patience)

    async def status(self) -> FacilityStatus:
        """Return the status that the scheduler and the owner report."""
        return await self._connection.status()

    async def detach(self) -> None:
        """Close the connection and leave the facility running."""
        await self._connection.detach()

    async def close(self) -> None:
        """End the owner, its scheduler and all its jobs, including jobs of an owner that was killed.

        Raises:
            SteeringError: If the owner runs on another host, or jobs of one that was killed cannot be looked for.
        """
        await self._connection.detach()
        # Whatever is written of the facility by now, what runs can be ended.
        await in_thread(self._owner().stop)
        try:
            site = self.site
        except SteeringError as error:
            message = (
                f"No compute owner of {self.name} runs any more. Whether one that was killed has left jobs cannot be "
                f"looked up: {error} Mend that, and stop {self.name} again."
            )
            raise SteeringError(message) from error
        saved = read_saved_pools(self._directory(site))
        batch = batch_system(site)
        try:
            for pool in saved.pools if site.batch != "process" else ():
                for job in pool.jobs:
                    for one in [job.id] if job.id else await batch.find(job.name):
                        await batch.cancel(one)
        except NoAnswerError as error:
            message = f"Jobs of an owner that was killed could not be ended: {error} Stop {self.name} again later."
            raise SteeringError(message) from error
        if saved.pools:
            write_saved_pools(self._directory(site), type(saved)((), saved.node_hours_in_all))

    async def _attach(self) -> None:
        """Attach. If the scheduler does not answer, read its address again: the owner may be starting another one."""
        deadline = time.monotonic() + _ATTACH_SECONDS
        while True:
            connection = await asyncio.to_thread(self._owner().connection)
            if connection is None:
                message = (
                    f"The compute owner of {self.name} has ended. Start it again: steering compute start {self.name}."
                )
                raise SteeringError(message)
            async with self._attaching:
                if self._connection.attached_to(connection):
                    return
                try:
                    await self._connection.attach(connection)
                except SteeringError as error:
                    host = host_of(connection)
                    if host:
                        message = (
                            f"The compute owner of {self.name} runs on {host} and cannot be reached from here: {error} "
                            f"Work on {host}, or end it there: steering compute stop {self.name}."
                        )
                        raise SteeringError(message) from error
                    if time.monotonic() > deadline:
                        raise
                    await asyncio.sleep(_LOOK_SECONDS)

    def _owner(self, site: Site | None = None, nodes: int = 0) -> Daemon:
        """Give the owner; with a site it can be launched, without one only found and ended."""
        file = self._workspace.run / f"compute-{self.name}.json"
        arguments: list[str] = []
        if site is not None:
            arguments += ["--site", self.name, "--defaults", str(self._defaults), "--file", str(file)]
            arguments += ["--workspace", str(self._workspace.directory), "--directory", str(self._directory(site))]
            arguments += ["--settings", json.dumps(self._settings), "--nodes", str(nodes)]
        return Daemon(file, "steering.pools.owner", arguments, f"The compute owner of {self.name}", abroad=True)

    def _directory(self, site: Site) -> Path:
        shared = Path(site.directory) if site.directory else self._workspace.directory / "compute"
        return shared / self.name


def _settled(pool: PoolStatus, said: str) -> bool:
    """Return whether a pool runs or waits in the queue. Raise a ``SteeringError`` if it has failed."""
    if pool.state == "failed" or pool.refused or any(job.state == "failed" for job in pool.jobs):
        message = f"{said} But: {pool.detail}"
        raise SteeringError(message)
    # A queued job counts only once the batch system says why it waits.
    return pool.state == "running" or any(job.state == "queued" and job.reason for job in pool.jobs)
