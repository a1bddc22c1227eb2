"""A facility that computes in this process, for tests."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from steering.core.errors import SteeringError
from steering.core.facility import FacilityStatus, Remote, WorkerStatus
from steering.core.pool import PoolRequest

Value = TypeVar("Value")


@dataclass(frozen=True)
class InlineRemote(Generic[Value]):
    """A value that is known already, or the error that computing it gave."""

    key: str
    value: Value | None
    error: Exception | None

    async def done(self) -> None:
        """Raise the error, if there is one."""
        if self.error is not None:
            raise self.error

    async def result(self) -> Value:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return cast("Value", self.value)


class InlineFacility:
    """Computes at once, in the caller's thread; counts what it computes.

    Attributes:
        computed: How often each key was computed.
    """

    name = "inline"

    def __init__(self) -> None:
        """Begin stopped."""
        self.computed: dict[str, int] = {}
        self._known: dict[str, InlineRemote[Any]] = {}
        self._running = False

    @property
    def shared(self) -> Path | None:
        """None is needed: values never leave this process."""
        return None

    async def launch(self, *, pool: bool = False) -> bool:
        """There is nothing to launch."""
        del pool
        return False

    async def start(self) -> None:
        """Take tasks from now on."""
        self._running = True

    async def resume(self) -> None:
        """Nothing can be lost."""

    async def attach(self) -> bool:
        """Take tasks if it was started."""
        return self._running

    async def rehearse(self, function: Callable[..., Value], *arguments: Any) -> None:
        """Run a function once."""
        function(*arguments)

    def submit(
        self, key: str, function: Callable[..., Value], *arguments: Any, priority: int = 0, pool: str = ""
    ) -> Remote[Value]:
        """Compute now; the same key again is the same task."""
        del priority, pool
        if key not in self._known:
            self.computed[key] = self.computed.get(key, 0) + 1
            self._known[key] = self._compute(key, function, arguments)
        return self._known[key]

    async def call(self, function: Callable[..., Value], *arguments: Any, patience: float) -> Value:
        """Compute now; it is not counted."""
        del patience
        return await self._compute("call", function, arguments).result()

    async def ask(self, request: PoolRequest) -> str:
        """Refuse: there is nothing to ask for."""
        message = f"The facility {self.name} computes in this process: {request.nodes} nodes are not to be had."
        raise SteeringError(message)

    async def overdue(self, key: str, patience: float) -> None:
        """Nothing can be overdue: every value is known at once."""

    async def status(self) -> FacilityStatus:
        """Say how it is."""
        if not self._running:
            return FacilityStatus(self.name, "stopped", "Not started.")
        worker = WorkerStatus("inline", 1, 0, 0, 0)
        return FacilityStatus(self.name, "running", "", (worker,), 0, len(self._known))

    async def detach(self) -> None:
        """Let go."""

    async def close(self) -> None:
        """Stop."""
        self._running = False

    @staticmethod
    def _compute(key: str, function: Callable[..., Value], arguments: tuple[Any, ...]) -> InlineRemote[Value]:
        plain: list[Any] = []
        for item in arguments:
            if isinstance(item, InlineRemote):
                given = cast("InlineRemote[Any]", item)
                if given.error is not None:
                    return InlineRemote(key, None, given.error)
                plain.append(given.value)
            else:
                plain.append(item)
        try:
            return InlineRemote(key, function(*plain), None)
        except Exception as error:  # noqa: BLE001  (kept, and raised where the value is asked for, as a cluster does)
            return InlineRemote(key, None, error)
