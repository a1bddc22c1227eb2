"""What a place to compute is."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, ParamSpec, Protocol, TypeAlias, TypeVar, runtime_checkable

from steering.core.json import Json
from steering.core.pool import PoolRequest, PoolStatus

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)

FacilityState: TypeAlias = Literal["stopped", "idle", "starting", "running", "lost"]


@dataclass(frozen=True)
class WorkerStatus:
    """One worker as its scheduler sees it. Memory is in bytes."""

    name: str
    threads: int
    memory: int
    processing: int
    process_id: int


@dataclass(frozen=True)
class FacilityStatus:
    """What a facility says of itself: asked, not assumed.

    Attributes:
        name: The facility's.
        state: ``"stopped"``, ``"idle"`` (started, but no workers are asked for), ``"starting"``, ``"running"`` or
            ``"lost"``.
        detail: A sentence: why it is in this state and what to do, if anything.
        workers: Its workers.
        tasks_waiting: Tasks not done yet.
        tasks_done: Tasks done since the facility started.
        dashboard: URL of Dask's own dashboard, or empty.
        pools: Its pools of jobs, as the batch system sees them.
        urgencies: What a pool may be asked for; empty where none can be asked for.
        node_hours: Node-hours used since its compute owner was first started.
        node_hours_allowed: Node-hours after which no more jobs are submitted; infinite for no limit.
    """

    name: str
    state: FacilityState
    detail: str = ""
    workers: tuple[WorkerStatus, ...] = ()
    tasks_waiting: int = 0
    tasks_done: int = 0
    dashboard: str = ""
    pools: tuple[PoolStatus, ...] = ()
    urgencies: tuple[str, ...] = ()
    node_hours: float = 0.0
    node_hours_allowed: float = math.inf


class Remote(Protocol[Value_co]):
    """A value that is being computed somewhere."""

    @property
    def key(self) -> str:
        """Name of the task; submitting the same name again is the same task."""
        ...

    async def done(self) -> None:
        """Wait until the value is there, and leave it there; raises what the task raised.

        Raises:
            LostError: If the facility lost it together with its scheduler.
        """
        ...

    async def result(self) -> Value_co:
        """Wait for the value and fetch it; raises what the task raised.

        Raises:
            LostError: If the facility lost it together with its scheduler.
        """
        ...


@runtime_checkable
class Facility(Protocol):
    """One place to compute. All methods are called from one event loop."""

    name: str

    @property
    def shared(self) -> Path | None:
        """A folder that this process and the workers see under the same path; nothing if there is none."""
        ...

    async def launch(self, *, pool: bool = False) -> bool:
        """Start its compute owner if there is none; return whether it had to be started. Does not attach.

        Args:
            pool: Have it begin its usual pool of workers at once.
        """
        ...

    async def start(self) -> None:
        """Attach to its compute owner, launching one if there is none."""
        ...

    async def resume(self) -> None:
        """Attach again after a loss, starting again what is gone; waits for no worker.

        Raises:
            SteeringError: If that is not possible yet.
        """
        ...

    async def rehearse(self, function: Callable[..., Value], *arguments: Any) -> None:
        """Run a function once on every worker and fetch what it gives, so that no live task has to load anything."""
        ...

    async def attach(self) -> bool:
        """Attach to its compute owner if there is one; return whether there was. Starts nothing."""
        ...

    def submit(
        self, key: str, function: Callable[..., Value], *arguments: Any, priority: int = 0, pool: str = ""
    ) -> "Remote[Value]":
        """Run a function on a worker.

        Args:
            key: Name of the task; submitting the same name again is the same task.
            function: What is run.
            arguments: ``Remote`` values among them stay on the workers.
            priority: Higher ones first.
            pool: On a worker of this pool only, also if there is none yet; on any worker if left out.
        """
        ...

    async def call(self, function: Callable[..., Value], *arguments: Any, patience: float) -> Value:
        """Run a function on a worker at once and fetch what it gives; quicker than a task, but nothing is kept.

        Args:
            function: What is run.
            arguments: ``Remote`` values among them stay on the workers.
            patience: After so many seconds without an answer the worker is asked whether it hangs, and those that hold
                the values; one that is silent for as long is given up.

        Raises:
            PassedOverError: If no worker can do it now, or the one that did was lost.
        """
        ...

    async def ask(self, request: PoolRequest) -> str:
        """Ask for a pool of workers, another size of one, or its end; return a sentence that says what will be done.

        Raises:
            SteeringError: If it cannot be done; with what is wrong, what is allowed and the next step.
        """
        ...

    async def overdue(self, key: str, patience: float) -> None:
        """Say that a task should have been done: a worker that it waits for and that does not answer is given up.

        Args:
            key: Name of the task.
            patience: How many seconds it was waited for; a worker that now is silent for as long is given up.
        """
        ...

    async def status(self) -> FacilityStatus:
        """Ask the facility how it is."""
        ...

    async def detach(self) -> None:
        """Let go and leave it running."""
        ...

    async def close(self) -> None:
        """End it: no process and no job of it stays."""
        ...


@runtime_checkable
class WholeRuns(Protocol):
    """What a facility says besides that analyses finished runs as a whole, and cannot follow one that goes on."""

    @property
    def not_live(self) -> str:
        """Why no running scan can be followed on it, and what can be done instead, in one sentence."""
        ...

    @property
    def folder(self) -> str:
        """Folder there in which what is made of runs is kept; that of its user if empty."""
        ...

    @property
    def facility_there(self) -> str:
        """Name of the facility that the analysis uses there."""
        ...

    @property
    def queues(self) -> tuple[str, str]:
        """Names of the facility whose policy chooses a run's queue, and of one that sees the queues; empty for none."""
        ...

    def seen(self, path: str) -> str:
        """Return the name that a folder or file of this machine has there."""
        ...

    def prefer(self, key: str, configs: Sequence[Mapping[str, Json]]) -> Callable[[], int]:
        """Say with what a run is asked for before it is submitted; return what says which was taken, once it is done.

        Args:
            key: Names the run.
            configs: Queue, nodes and walltime; the next one is taken where the batch system refuses a queue.
        """
        ...

    def forget(self, key: str) -> None:
        """Forget a run whose answer is of no use: asked for again, it is another one."""
        ...
