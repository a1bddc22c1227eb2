"""The one file that touches Bluesky's RunEngine.

The RunEngine's own event loop runs in its own thread; plan generators and document subscribers run there, so
nothing in them may block. A plan is started from a second thread of ours, because ``RunEngine.__call__`` blocks until
the plan has ended.

The RunEngine aborts by cancelling its task. Whatever the task waits for may swallow that: Python 3.11's
``asyncio.wait_for`` does so when the answer comes in the same moment. So an abort here is asked for again until the
plan has noticed it, and a plan of ours looks for itself as well (:mod:`steering.plans.ending`).

After the plan's last message the RunEngine stops what moved, and closes what is open. A cancellation that came then
would end this half way, and the RunEngine would be "aborting" for ever. So a plan does not end while an abort is on its
way, and an abort that comes later is not passed on.
"""

import asyncio
import importlib.metadata
import sys
import threading
from collections.abc import Callable, Coroutine, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from contextlib import suppress
from typing import Any, TypeVar

from bluesky import RunEngine
from bluesky.utils import DuringTask, Msg, RequestAbort, RunEngineInterrupted, TransitionError

from steering.core.errors import SteeringError
from steering.machine.loading import not_found

Value = TypeVar("Value")

# An abort that the plan has not noticed is asked for again after so many seconds.
_AGAIN_SECONDS = 0.5
# When the service closes, a plan has so many seconds to let go of its devices; then it is halted.
_CLOSE_SECONDS = 30.0
_HALT_SECONDS = 5.0
# An abort that is on its way arrives within this time.
_SOON_SECONDS = 0.005


class Engine:
    """Runs one plan at a time and survives whatever the plan does."""

    def __init__(self, metadata: Mapping[str, Any], engine: RunEngine | None = None) -> None:
        """Start the RunEngine with metadata that goes into each run, or take over one that is there."""
        self._engine = engine or _engine(metadata)
        self._engine.context_managers = []
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="steering-engine")
        self._running: Future[None] | None = None
        # The engine's task, once it has come to the plan.
        self._task: asyncio.Task[Any] | None = None
        # Whether no plan runs, or its messages have come; the lock is held while an abort is on its way.
        self._left = True
        self._asking = threading.Lock()

    @classmethod
    def found(cls, names: Mapping[str, Any]) -> "Engine | None":
        """Take over the RunEngine that is among some variables: the one called ``RE``, or the first."""
        engines = [value for value in (names.get("RE"), *names.values()) if isinstance(value, RunEngine)]
        if not engines:
            return None
        matplotlib = sys.modules.get("matplotlib")
        if matplotlib is not None and "qt" in str(matplotlib.get_backend()).lower():
            # While a plan runs it would serve windows, which only the main thread may.
            matplotlib.use("agg", force=True)
        return cls({}, engines[0])

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What goes into each run."""
        return self._engine.md

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The RunEngine's event loop, on which devices must be connected."""
        return self._engine.loop

    @property
    def idle(self) -> bool:
        """Whether no plan is running."""
        return self._running is None or self._running.done()

    def subscribe(self, function: Callable[[str, dict[str, Any]], None]) -> None:
        """Have each document handed to ``function(name, document)`` on the engine's thread; it must not block."""
        self._engine.subscribe(function)

    def call(self, coroutine: Coroutine[Any, Any, Value], timeout: float = 10.0) -> Value:
        """Run a coroutine on the engine's loop and wait for it, from any other thread.

        Raises:
            TimeoutError: If it took longer than ``timeout`` seconds; the coroutine is cancelled then.
        """
        asked = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return asked.result(timeout)
        except StillRunning:
            asked.cancel()
            raise

    def run(self, plan: Generator[Msg, Any, Any]) -> "Future[None]":
        """Run a plan; the future ends when it has, with the exception that ended it, if any."""
        self._running = self._starter.submit(self._run, plan)
        return self._running

    def abort(self, reason: str) -> None:
        """Interrupt whatever the running plan waits for, and mark its run as aborted. Does nothing when idle."""
        with self._asking:
            if self._left:
                return
            try:
                self._engine.abort(reason)
            except TransitionError:
                # It is being aborted already, and what it waits for has swallowed that. One that is about to begin is
                # left alone: it is asked again.
                if self._task is not None and self._engine.state == "aborting":
                    asyncio.run_coroutine_threadsafe(_cancel(self._task), self.loop).result()

    def insist(self, reason: str, noticed: Callable[[], bool]) -> threading.Thread:
        """Abort, again and again, until the plan has noticed or has ended.

        Args:
            reason: For the run.
            noticed: Says whether the plan knows that it has to end.

        Returns:
            The thread that does so; it ends by itself.
        """
        # Of the plan that runs now, whenever the thread comes to it: the next one is not meant.
        running = self._running

        def ask() -> None:
            while running is not None and running is self._running and not running.done() and not noticed():
                self.abort(reason)
                try:
                    running.exception(_AGAIN_SECONDS)
                except StillRunning:
                    continue

        asking = threading.Thread(target=ask, name="steering-abort", daemon=True)
        asking.start()
        return asking

    def close(self) -> None:
        """Abort what runs and end both threads; a plan that does not end in time is halted."""
        running = self._running
        if running is not None and not running.done():
            self.abort("the beamline service is closing")
            try:
                running.exception(_CLOSE_SECONDS)
            except StillRunning:
                self._halt(running)
        self._starter.shutdown(wait=running is None or running.done())
        self.loop.call_soon_threadsafe(self.loop.stop)

    def _halt(self, running: "Future[None]") -> None:
        try:
            self._engine.halt()
            running.exception(_HALT_SECONDS)
        except (TransitionError, StillRunning):
            return

    def _run(self, plan: Generator[Msg, Any, Any]) -> None:
        attended = self._attended(plan)
        # Begun here, so that an abort that comes before its first message ends it as any other does.
        next(attended)
        self._left = False
        try:
            self._engine(attended)
        except RunEngineInterrupted as error:
            # An abort from another thread ends the call this way once the plan has been cleaned up.
            if self._engine.state == "paused":
                self._unpause(error)
        finally:
            self._task, self._left = None, True

    def _unpause(self, error: RunEngineInterrupted) -> None:
        """End a plan whose engine was paused past us: nobody could resume it, and nothing else could run.

        Raises:
            SteeringError: Always.
        """
        self._engine.abort("the RunEngine was paused")
        message = (
            "Something of the beamline paused the RunEngine itself, so the scan was aborted. "
            "Let it pause by a suspender instead, or use Pause."
        )
        raise SteeringError(message) from error

    def _attended(self, plan: Generator[Msg, Any, Any]) -> Generator[Msg, Any, Any]:
        try:
            yield Msg("null")
            # A plan runs inside of the engine's task: from here it is known without looking into the engine.
            self._task = asyncio.current_task()
            result = yield from plan
        except GeneratorExit:
            raise
        except BaseException:
            yield from self._leave()
            raise
        yield from self._leave()
        return result

    def _leave(self) -> Generator[Msg, Any, None]:
        while not self._asking.acquire(blocking=False):
            try:
                yield Msg("sleep", None, _SOON_SECONDS)
            except (RequestAbort, asyncio.CancelledError):
                # What it was sent for has ended by itself.
                continue
        self._left = True
        self._asking.release()


def _engine(metadata: Mapping[str, Any]) -> RunEngine:
    """Make a RunEngine that may be called from any thread, since it has no context managers, and this during-task.

    It would load classic ophyd, a second of a core, to note its version. A beamline that has classic devices loads it
    with them.
    """
    with not_found("ophyd"):
        engine = RunEngine(dict(metadata), context_managers=[], during_task=DuringTask())
    with suppress(importlib.metadata.PackageNotFoundError):
        engine.md["versions"].setdefault("ophyd", importlib.metadata.version("ophyd"))
    return engine


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
