from collections.abc import Callable, Generator, Sequence
from typing import Any, Generic, Self, TypeVar

from distributed.diagnostics.plugin import WorkerPlugin
from distributed.security import Security

Value = TypeVar("Value")

class Future(Generic[Value]):
    key: str
    status: str
    def add_done_callback(self, function: Callable[[Any], None]) -> None: ...
    def __await__(self) -> Generator[Any, Any, Value]: ...

class Scheduler:
    address: str
    services: dict[str, Any]
    handlers: dict[str, Callable[..., Any]]
    def __init__(
        self,
        *,
        protocol: str,
        port: int,
        security: Security,
        dashboard: bool,
        dashboard_address: str,
        interface: str = ...,
        host: str = ...,
    ) -> None: ...
    def __await__(self) -> Generator[Any, Any, Self]: ...
    async def close(self) -> None: ...

class Worker:
    def __init__(
        self,
        address: str,
        *,
        name: str,
        nthreads: int,
        memory_limit: int | None,
        resources: dict[str, float],
        interface: str | None,
        host: str | None,
        local_directory: str | None,
        security: Security,
        dashboard: bool,
        dashboard_address: str,
    ) -> None: ...
    def __await__(self) -> Generator[Any, Any, Self]: ...
    async def finished(self) -> None: ...
    async def close_gracefully(self, *, reason: str) -> None: ...

class Client:
    scheduler: Any
    scheduler_comm: Any
    status: str
    def __init__(
        self, address: str, *, security: Security, asynchronous: bool, set_as_default: bool, timeout: float
    ) -> None: ...
    def __await__(self) -> Generator[Any, Any, Self]: ...
    def submit(self, function: Callable[..., Value], *arguments: Any, **options: Any) -> Future[Value]: ...
    async def gather(self, futures: Sequence[Future[Value]]) -> list[Value]: ...
    async def run(self, function: Callable[..., Value], *, workers: list[str], on_error: str) -> dict[str, Value]: ...
    async def register_plugin(self, plugin: WorkerPlugin) -> None: ...
    async def close(self, **options: float) -> None: ...
