"""The one file that touches Bluesky's RunEngine.

The RunEngine's own event loop runs in its own thread; plan generators and document subscribers run there, so
nothing in them may block. A plan is started from a second thread of ours, because ``RunEngine.__call__`` blocks until
the plan has ended.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from bluesky import RunEngine
from bluesky.utils import DuringTask, Msg, RunEngineInterrupted

Value = TypeVar("Value")


class Engine:
    """Runs one plan at a time and survives whatever the plan does."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        """Start the RunEngine with metadata that goes into each run."""
        # Without context managers and with this during-task it may be called from any thread.
        self._engine = RunEngine(dict(metadata), context_managers=[], during_task=DuringTask())
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="steering-engine")

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The RunEngine's event loop, on which devices must be connected."""
        return self._engine.loop

    @property
    def idle(self) -> bool:
        """Whether no plan is running."""
        return str(self._engine.state) == "idle"

    def subscribe(self, function: Callable[[str, dict[str, Any]], None]) -> None:
        """Have each document handed to ``function(name, document)`` on the engine's thread; it must not block."""
        self._engine.subscribe(function)

    def call(self, coroutine: Coroutine[Any, Any, Value], timeout: float = 10.0) -> Value:
        """Run a coroutine on the engine's loop and wait for it, from any other thread.

        Raises:
            TimeoutError: If it took longer than ``timeout`` seconds.
        """
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def run(self, plan: Generator[Msg, Any, Any]) -> "Future[None]":
        """Run a plan; the future ends when it has, with the exception that ended it, if any."""
        return self._starter.submit(self._run, plan)

    def abort(self, reason: str) -> None:
        """Stop the running plan now; the run is marked as aborted. Does nothing when idle."""
        if not self.idle:
            self._engine.abort(reason)

    def close(self) -> None:
        """Abort what runs and end both threads."""
        self.abort("the beamline service is closing")
        self._starter.shutdown(wait=True)
        self.loop.call_soon_threadsafe(self.loop.stop)

    def _run(self, plan: Generator[Msg, Any, Any]) -> None:
        try:
            self._engine(plan)
        except RunEngineInterrupted:
            # An abort from another thread ends the call this way once the plan has been cleaned up.
            return
