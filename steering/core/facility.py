"""What a place to compute is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, Protocol, TypeAlias, TypeVar, runtime_checkable

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)

FacilityState: TypeAlias = Literal["stopped", "starting", "running", "lost"]


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
        state: ``"stopped"``, ``"starting"``, ``"running"`` or ``"lost"``.
        detail: A sentence: why it is in this state and what to do, if anything.
        workers: Its workers.
        tasks_waiting: Tasks not done yet.
        tasks_done: Tasks done since the facility started.
        dashboard: URL of Dask's own dashboard, or empty.
    """

    name: str
    state: FacilityState
    detail: str = ""
    workers: tuple[WorkerStatus, ...] = ()
    tasks_waiting: int = 0
    tasks_done: int = 0
    dashboard: str = ""


class Remote(Protocol[Value_co]):
    """A value that is being computed somewhere."""

    @property
    def key(self) -> str:
        """Name of the task; submitting the same name again is the same task."""
        ...

    async def result(self) -> Value_co:
        """Wait for the value and fetch it; raises what the task raised."""
        ...


@runtime_checkable
class Facility(Protocol):
    """One place to compute. All methods are called from one event loop."""

    name: str

    async def launch(self) -> bool:
        """Start its compute owner if there is none; return whether it had to be started. Does not attach."""
        ...

    async def start(self) -> None:
        """Attach to its compute owner, launching one if there is none."""
        ...

    async def rehearse(self, function: Callable[..., Value], *arguments: Any) -> None:
        """Run a function once on every worker and fetch what it gives, so that no live task has to load anything."""
        ...

    async def attach(self) -> bool:
        """Attach to its compute owner if there is one; return whether there was. Starts nothing."""
        ...

    def submit(self, key: str, function: Callable[..., Value], *arguments: Any, priority: int = 0) -> "Remote[Value]":
        """Run a function on a worker; arguments may be ``Remote`` values, which then stay on the workers."""
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
