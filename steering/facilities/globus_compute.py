"""Globus Compute: finished runs are analysed on an endpoint, without a login node and without a scheduler of ours.

Functions are named and arguments are JSON, since nothing that is pickled may come from the network. Its usual values
are in ``globus_compute.yaml`` beside this file.
"""

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast
from uuid import uuid4

from steering.core.errors import PassedOverError, SteeringError
from steering.core.facility import FacilityStatus, Remote
from steering.core.json import Json
from steering.core.pool import PoolRequest
from steering.core.waiting import end_tasks
from steering.core.workspace import Workspace, default_workspace
from steering.facilities.called import name_of, plain, value_of
from steering.facilities.endpoint import Endpoint, read_endpoint
from steering.machine.secret_file import make_private

if TYPE_CHECKING:
    from steering.facilities.globus_calls import Calls

Value = TypeVar("Value")
_SECTION = "globus_compute"
_IDLE = "It has none of its own: runs are analysed there as a whole, once they are finished."


@dataclass(frozen=True)
class GlobusRemote(Generic[Value]):
    """A value that an endpoint computes; it is fetched as soon as it is there."""

    key: str
    task: "asyncio.Task[Any]"

    async def done(self) -> None:
        """Wait until it is there; raise what the function raised."""
        await asyncio.shield(self.task)

    async def result(self) -> Value:
        """Return it, or raise what the function raised."""
        return cast("Value", await asyncio.shield(self.task))


class GlobusComputeFacility:
    """An endpoint of Globus Compute. It analyses finished runs as a whole (:class:`~steering.core.facility.WholeRuns`).

    Runs are written down in the workspace before they are submitted. So one key is one run, for each process that asks.
    """

    def __init__(self, workspace: Workspace | None = None, name: str = _SECTION, **settings: Any) -> None:
        """Set up the facility; nothing is asked of Globus yet.

        Args:
            workspace: Folder of what it writes down, and of ``steering.yaml``.
            name: Name of its section there.
            settings: Values that override the section, such as ``endpoint="..."``.
        """
        self.name = name
        self._workspace = workspace or default_workspace()
        self._settings = settings
        self._attached = False
        self._remotes: dict[str, GlobusRemote[Any]] = {}
        self._preferred: dict[str, tuple[Mapping[str, Json], ...]] = {}
        self._taken: dict[str, int] = {}
        self._waits = ""

    @property
    def endpoint(self) -> Endpoint:
        """Its values, with those that the site and the user override.

        Raises:
            SteeringError: If one is wrong.
        """
        defaults = Path(__file__).with_suffix(".yaml")
        return read_endpoint(self.name, defaults, _SECTION, self._workspace.directory, self._settings)

    @property
    def not_live(self) -> str:
        """Why no running scan can be followed on it, and what can."""
        return (
            f"The facility {self.name} cannot follow a running scan, because Globus Compute answers through a queue, "
            "after seconds to hours, and takes named functions with JSON only: open the session with facility='local', "
            "or with one that has workers of its own such as polaris, and have finished runs analysed on "
            f"{self.name} by session.flows.analyse(..., facility={self.name!r}), or by a flow's compute step."
        )

    @property
    def folder(self) -> str:
        """Folder there in which what is made of runs is kept."""
        return self.endpoint.directory

    @property
    def facility_there(self) -> str:
        """Facility that the analysis uses there."""
        return self.endpoint.facility

    @property
    def queues(self) -> tuple[str, str]:
        """Names of the facility whose policy chooses a run's queue, and of one that sees the queues; empty for none."""
        endpoint = self.endpoint
        return endpoint.queues, endpoint.queues_on

    def prefer(self, key: str, configs: Sequence[Mapping[str, Json]]) -> Callable[[], int]:
        """Say with what a run is asked for: queue, nodes and walltime, best first, beside what ``config`` says.

        Returns:
            What says which of them was taken, once the run is done.
        """
        common = self.endpoint.config[0]
        self._preferred[key] = tuple({**common, **one} for one in configs)
        return lambda: self._taken.get(key, 0)

    def seen(self, path: str) -> str:
        """Return the name that a folder or file of this machine has there."""
        return self.endpoint.seen(path)

    @property
    def shared(self) -> Path | None:
        """None: what it is given and gives travels by Globus."""
        return None

    async def launch(self, *, pool: bool = False) -> bool:
        """Begin to write runs down; return whether that was new. The endpoint is its owner's to start.

        Raises:
            SteeringError: If no endpoint is named.
        """
        del pool
        endpoint = self.endpoint
        if not endpoint.endpoint:
            file = self._workspace.directory / "steering.yaml"
            raise SteeringError(
                f"The facility {self.name} has no endpoint. Write its id into {file}: "
                f"steering: {{sites: {{{self.name}: {{kind: {_SECTION}, endpoint: ID}}}}}}."
            )
        new = not self._notes.is_dir()
        make_private(self._notes)
        return new

    async def start(self) -> None:
        """Attach, and see that the endpoint is known and may be used.

        Raises:
            SteeringError: If it is not, or nobody is logged in. One that is offline is waited for.
        """
        await self.launch()
        await asyncio.to_thread(self._calls().online)
        await self.attach()

    async def resume(self) -> None:
        """Attach again."""
        await self.start()

    async def rehearse(self, function: Callable[..., Value], *arguments: Any) -> None:
        """Do nothing: each run has a process of its own, and a run that only loads would wait in the queue."""

    async def attach(self) -> bool:
        """Take functions if it was started by any process of this workspace; return whether it was.

        Raises:
            SteeringError: If what is written of it is wrong.
        """
        self._attached = bool(self.endpoint.endpoint) and self._notes.is_dir()
        return self._attached

    def submit(
        self, key: str, function: Callable[..., Value], *arguments: Any, priority: int = 0, pool: str = ""
    ) -> Remote[Value]:
        """Have a function called there.

        Args:
            key: Names the run; the same one again is the same run, also after this process.
            function: Of a module that is installed there too.
            arguments: JSON, and values of this facility.
            priority: Has no effect: the batch system decides.
            pool: Has no effect: there is none.

        Raises:
            SteeringError: If it was not started, or function or arguments cannot be sent.
        """
        del priority, pool
        if not self._attached:
            raise SteeringError(f"The facility {self.name} has not been started. Start it before submitting.")
        known = self._remotes.get(key)
        if known is None or (known.task.done() and (known.task.cancelled() or known.task.exception())):
            known = self._begin(key, function, arguments)
            self._remotes[key] = known
        return cast("Remote[Value]", known)

    async def call(self, function: Callable[..., Value], *arguments: Any, patience: float) -> Value:
        """Have a function called there in a run of its own; see :meth:`steering.core.facility.Facility.call`.

        Raises:
            PassedOverError: If the endpoint cannot be reached now.
        """
        del patience
        if not await asyncio.to_thread(self._calls().online):
            raise PassedOverError(f"The endpoint of {self.name} is offline.")
        key = f"call-{uuid4()}"
        remote: Remote[Value] = self.submit(key, function, *arguments)
        task = self._remotes[key].task
        try:
            return await remote.result()
        finally:
            # Nobody can ask for it again.
            if task.done():
                self.forget(key)

    def forget(self, key: str) -> None:
        """Forget a run whose answer is of no use: asked for again, it is another one."""
        self._remotes.pop(key, None)
        calls = self._calls()
        for name in _names(key, len(self._configs(key))):
            calls.forget(name)

    async def ask(self, request: PoolRequest) -> str:
        """Refuse: nodes are the endpoint's to ask for."""
        raise SteeringError(
            f"The facility {self.name} has no pool of {request.nodes} nodes to ask for: its endpoint asks the batch "
            f"system itself. Say nodes, queue and walltime in config: of {self.name} in steering.yaml."
        )

    async def overdue(self, key: str, patience: float) -> None:
        """Nothing is given up: a run that has lost its node is submitted again."""

    async def status(self) -> FacilityStatus:
        """Say whether the endpoint can be reached, and how many runs are there."""
        if not self._attached:
            return FacilityStatus(self.name, "stopped", "Not started.")
        done = sum(one.task.done() for one in self._remotes.values())
        waiting = len(self._remotes) - done
        try:
            online = await asyncio.to_thread(self._calls().online)
        except SteeringError as error:
            return FacilityStatus(self.name, "lost", str(error), (), waiting, done)
        runs = f"{waiting} runs wait or work there. " if waiting else ""
        if not online:
            detail = (
                f"The endpoint is offline. {runs}What is submitted waits for it; its owner can say when it is back."
            )
            return FacilityStatus(self.name, "lost", detail, (), waiting, done)
        waits = f"{runs}{self._waits if waiting else ''}".strip()
        return FacilityStatus(self.name, "running", waits or _IDLE, (), waiting, done)

    async def detach(self) -> None:
        """Let go. What was submitted goes on, and is found again."""
        self._attached = False
        remotes, self._remotes = self._remotes, {}
        await end_tasks(*(one.task for one in remotes.values()))

    async def close(self) -> None:
        """Let go, and forget what was submitted. Globus Compute cannot take a run back: it ends by itself."""
        await self.detach()
        if self._notes.is_dir():
            shutil.rmtree(self._notes)

    @property
    def _notes(self) -> Path:
        return self._workspace.directory / "compute" / f"{self.name}-calls"

    def _calls(self) -> "Calls":
        # Its clients load slowly, and need an extra that is not there everywhere.
        from steering.facilities.globus_calls import Calls

        def tell(sentence: str) -> None:
            self._waits = sentence

        return Calls(self._workspace, self._notes, self.endpoint.endpoint, tell)

    def _configs(self, key: str) -> tuple[Mapping[str, Json], ...]:
        return self._preferred.get(key) or self.endpoint.config

    def _begin(self, key: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> GlobusRemote[Any]:
        try:
            named = name_of(function)
            plain([one for one in arguments if not isinstance(one, GlobusRemote)])
        except SteeringError as error:
            raise SteeringError(f"{error} {self.not_live}") from error
        task = asyncio.get_running_loop().create_task(self._done(key, named, arguments))
        # One that nobody waits for any more has failed for nobody.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return GlobusRemote(key, task)

    async def _done(self, key: str, named: tuple[str, str], arguments: tuple[Any, ...]) -> Any:
        from steering.globus.compute import QueueRefusedError
        from steering.globus.errors import cleaned

        given: list[Any] = [await one.result() if isinstance(one, GlobusRemote) else one for one in arguments]
        sent: list[Json] = [*named, plain(given)]
        refused, calls, configs = list[str](), self._calls(), self._configs(key)
        names = _names(key, len(configs))
        # A process before this one may have had it refused and submitted to a later queue, where it is found.
        first = next((number for number, name in enumerate(names) if calls.begun(name)), 0)
        for number in range(first, len(configs)):
            name = names[number]
            try:
                answer = await calls.run(name, configs[number], sent)
            except QueueRefusedError as error:
                refused.append(str(error))
                self._waits = f"{error} The next one of {self.name} is tried."
                continue
            self._taken[key] = number
            try:
                return value_of(answer, cleaned)
            except Exception:
                calls.forget(name)
                raise
        raise QueueRefusedError(" ".join(refused))


def _names(key: str, configs: int) -> list[str]:
    """Name a run as it is written down for each of so many configurations."""
    return [f"{key} {number}" if number else key for number in range(configs)]
