"""Facilities that a process has attached to, kept for its next flow; on one event loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

from steering.core.errors import SteeringError
from steering.core.facility import Facility
from steering.core.workspace import Workspace
from steering.facilities.named import make_facility

Value = TypeVar("Value")
_CHECK_SECONDS = 0.5
_END_SECONDS = 30.0


class WarmFacilities:
    """Facilities by name, attached once."""

    def __init__(self, workspace: Workspace) -> None:
        """Prepare; nothing is started.

        Args:
            workspace: In which the facilities' compute owners live.
        """
        self._workspace = workspace
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="steering-flow-compute", daemon=True)
        self._thread.start()
        self._facilities: dict[str, Facility] = {}
        self._pooled = set[str]()
        self._attaching: dict[str, asyncio.Lock] = {}

    async def facility(self, name: str, *, pool: bool = True) -> Facility:
        """Return a facility that is attached and has workers, or waits for them.

        Args:
            name: Of the facility.
            pool: Whether one that has no workers is asked for its usual ones.

        Raises:
            SteeringError: If there is none of that name, or it cannot be reached.
        """
        # Two flows may ask at once: the second one waits, and has the same.
        async with self._attaching.setdefault(name, asyncio.Lock()):
            made = self._facilities.get(name)
            known = made is not None
            if made is None:
                made = make_facility(name, self._workspace)
            if pool and name not in self._pooled:
                await made.start()
                self._pooled.add(name)
            elif not known:
                await made.launch()
                await made.attach()
            self._facilities[name] = made
            return made

    def warm(self, name: str, *, pool: bool = True) -> None:
        """Attach to a facility in the background; what goes wrong is said when it is used.

        Args:
            name: Of the facility.
            pool: Whether one that has no workers is asked for its usual ones.
        """

        async def attach() -> None:
            try:
                await self.facility(name, pool=pool)
            except (SteeringError, OSError):
                return

        asyncio.run_coroutine_threadsafe(attach(), self._loop)

    def do(self, work: Coroutine[Any, Any, Value], check: Callable[[], None]) -> Value:
        """Do something on the event loop, and wait for it.

        Args:
            work: What is done; cancelled if ``check`` raises.
            check: Called now and then; raises to stop.
        """
        doing = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            while True:
                try:
                    return doing.result(_CHECK_SECONDS)
                except TimeoutError:
                    if doing.done():
                        raise
                    check()
        finally:
            doing.cancel()

    def close(self) -> None:
        """Let go of all; they run on for others, and end by themselves when nobody uses them."""

        async def detach() -> None:
            for one in self._facilities.values():
                await one.detach()

        try:
            asyncio.run_coroutine_threadsafe(detach(), self._loop).result(_END_SECONDS)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        """Use as a context: closed at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()
