"""What a session stands on: a thread with an event loop, on which its follower lives, and how that is ended."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, TypeVar

from steering.core.board import Board
from steering.core.errors import LateError, SteeringError
from steering.core.waiting import end_tasks
from steering.machine.endings import begin_ending
from steering.session.board_writer import BoardWriter

Value = TypeVar("Value")

CLOSED = "This session is closed. Open another: session = steering.open()."
ANSWER_SECONDS = 120.0
_REST_SECONDS = 5.0


class Works:
    """One thread, one event loop, one follower. Knows nothing of its session, which may be forgotten without a word."""

    def __init__(self, follower: BoardWriter, board: Board) -> None:
        """Start the thread; the follower is not started yet."""
        self._writer = follower
        self._board = board
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="steering-session", daemon=True)
        self._thread.start()
        self._lock = threading.Lock()
        self._ending: Ending | None = None

    @property
    def closed(self) -> bool:
        """Whether it has ended, or is ending."""
        return self._ending is not None

    def ask(self, coroutine: Coroutine[Any, Any, Value], timeout: float = ANSWER_SECONDS) -> Value:
        """Run something on the event loop, and wait for it in another thread.

        Raises:
            SteeringError: If it has ended.
            LateError: If nothing came of it in time.
        """
        if self._ending is not None:
            coroutine.close()
            raise SteeringError(CLOSED)
        return self._ask(coroutine, timeout)

    def end(self, why: str = CLOSED, *, facility: bool = False) -> "Ending":
        """Let go, and end the facility too if that is asked for; returns at once, and does nothing the second time."""
        with self._lock:
            if self._ending is None:
                self._ending = Ending("steering-close", lambda: self._end(why, facility=facility))
            return self._ending

    def wait_written(self, seconds: float) -> None:
        """Wait until the results are in the record, for so many seconds at most; not where nobody writes any more."""
        if self._thread.is_alive():
            # It is cancelled where the session is closed meanwhile, which has waited for the same.
            with suppress(SteeringError, CancelledError):
                self._ask(self._writer.until_written(), seconds)

    def _ask(self, coroutine: Coroutine[Any, Any, Value], timeout: float = ANSWER_SECONDS) -> Value:
        asked = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return asked.result(timeout)
        except TimeoutError as error:
            if asked.done():
                raise  # its own
            message = (
                f"The session did not answer within {timeout:g} s. What was asked for may still be done: look at the "
                "page before you ask again."
            )
            raise LateError(message) from error

    def _end(self, why: str, *, facility: bool) -> None:
        self._board.closed.set(why)
        try:
            if facility:
                self._ask(self._writer.end_facility())
            self._ask(self._writer.close())
        finally:
            # Who asked for something and was interrupted has left it behind.
            with suppress(Exception):
                self._ask(_end_rest(), _REST_SECONDS)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


async def _end_rest() -> None:
    """End whatever else runs on this event loop."""
    await end_tasks(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))


class Ending:
    """Something that is ended in a thread of its own, so that it is ended also if nobody waits for it any more."""

    def __init__(self, name: str, end: Callable[[], None]) -> None:
        """Begin."""
        self._error: BaseException | None = None
        self._end = end
        self._thread = threading.Thread(target=self._run, name=name)
        begin_ending(self._thread)

    def wait(self) -> None:
        """Wait until it has ended; raise what went wrong, to whoever waits first."""
        self._thread.join()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self) -> None:
        try:
            self._end()
        except BaseException as error:  # noqa: BLE001  (whatever it is, it is raised where it is waited for)
            self._error = error
