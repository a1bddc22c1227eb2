"""Keeps the analyses of one task from waiting for each other: a slow analysis is left behind. Runs on workers.

Python cannot end a thread. So each analysis that shares a task works in a thread of its own. If it does not answer in
time, it is *late* and the task continues without it. Its frames are not lost: the session then gives the analysis
lanes of its own (see :class:`steering.loop.loop.Loop`). Whatever it still does in its thread is thrown away.
"""

import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from steering.core.analysis import Analyses
from steering.core.errors import SteeringError

Value = TypeVar("Value")

# Seconds that an analysis may take for one piece of frames, one merge or one result while others wait for it. The limit
# is generous, because an analysis that only starts slowly on a shared machine does not hang.
CALL_SECONDS = 2.0
# Seconds that an analysis may take in one task altogether.
TASK_SECONDS = 6.0


class LateError(SteeringError):
    """An analysis took longer than the other analyses of its task can wait."""


class Company:
    """The analyses of one task and the time that each has left. A single analysis has no time limit."""

    def __init__(self, analyses: Analyses) -> None:
        """Start the time budgets of a task."""
        self._left = dict.fromkeys(analyses, TASK_SECONDS) if len(analyses) > 1 else {}

    @property
    def alone(self) -> bool:
        """Whether there is only one analysis, or none."""
        return not self._left

    def call(self, label: str, function: Callable[..., Value], *arguments: Any) -> Value:
        """Run a function of an analysis.

        Args:
            label: Label of the analysis.
            function: Function to run.
            arguments: Its arguments.

        Returns:
            The function's return value.

        Raises:
            LateError: If it takes too long. The analysis is then not called again in this task.
            Exception: Whatever the function raises.
        """
        if label not in self._left:
            return function(*arguments)
        left = min(CALL_SECONDS, self._left[label])
        if left <= 0:
            message = f"{label} took too long before"
            raise LateError(message)
        began = time.monotonic()
        try:
            return _hand().do(function, arguments, left)
        except LateError:
            self._left[label] = 0.0
            raise
        finally:
            self._left[label] -= time.monotonic() - began


class _Hand:
    """A thread that runs one function after another, until one of them takes too long and the thread is abandoned."""

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        # A daemon thread: a worker that is told to end must not wait for it.
        threading.Thread(target=self._work, name="steering-analysis", daemon=True).start()

    def do(self, function: Callable[..., Value], arguments: tuple[Any, ...], seconds: float) -> Value:
        self._asked.put((function, arguments))
        try:
            value, error = self._answers.get(timeout=seconds)
        except queue.Empty:
            # The thread ends when its current function returns, if it ever does.
            self._asked.put(None)
            message = f"no answer within {seconds:g} s"
            raise LateError(message) from None
        _IDLE.append(self)
        if error is not None:
            raise error
        return value

    def _work(self) -> None:
        while (asked := self._asked.get()) is not None:
            function, arguments = asked
            try:
                answer: tuple[Any, BaseException | None] = function(*arguments), None
            except BaseException as error:  # noqa: BLE001  (raised where it was asked for)
                answer = None, error
            self._answers.put(answer)
            # Do not keep the frames in memory until the next ones arrive.
            del asked, function, arguments, answer


# Idle threads. Appending and popping are thread-safe. The list is cleared after a fork, because threads do not survive
# one.
_IDLE: list[_Hand] = []
os.register_at_fork(after_in_child=_IDLE.clear)


def _hand() -> _Hand:
    try:
        return _IDLE.pop()
    except IndexError:
        return _Hand()
