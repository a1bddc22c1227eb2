"""Analyses in one task do not wait for each other: one that takes too long is left behind. Runs on workers.

Python ends no thread. So each analysis that shares a task works in a thread of its own, and the task goes on without
the one that does not answer in time. That one is *late*. Its frames are not lost, as the session then gives it lanes of
its own (see :class:`steering.loop.loop.Loop`), and whatever it still does in its thread is thrown away.
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

# An analysis may take so long (seconds) for one piece of frames, one merge or one result while others wait for it: what
# is only slow to begin, on a machine that is shared, is no hang ...
CALL_SECONDS = 2.0
# ... and so long in one task altogether.
TASK_SECONDS = 6.0


class LateError(SteeringError):
    """An analysis took longer than those that share its task can wait."""


class Company:
    """The analyses of one task, and how long each may still take in it. An analysis that is alone may take any time."""

    def __init__(self, analyses: Analyses) -> None:
        """Begin a task."""
        self._left = dict.fromkeys(analyses, TASK_SECONDS) if len(analyses) > 1 else {}

    @property
    def alone(self) -> bool:
        """Whether there is only one, or none."""
        return not self._left

    def call(self, label: str, function: Callable[..., Value], *arguments: Any) -> Value:
        """Run something of an analysis.

        Args:
            label: Of the analysis.
            function: What is run.
            arguments: Its arguments.

        Returns:
            What the function gives.

        Raises:
            LateError: If it takes too long. From then on the analysis is not asked again in this task.
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
    """A thread that does one thing after the other, until it is left behind with one."""

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        # A worker that is told to end must not wait for it.
        threading.Thread(target=self._work, name="steering-analysis", daemon=True).start()

    def do(self, function: Callable[..., Value], arguments: tuple[Any, ...], seconds: float) -> Value:
        self._asked.put((function, arguments))
        try:
            value, error = self._answers.get(timeout=seconds)
        except queue.Empty:
            # Ends when it is done with what it does now, if ever.
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
            # Frames must not be held until the next ones come.
            del asked, function, arguments, answer


# Hands that have nothing to do; appending and popping are safe between threads. Threads do not live on in a fork.
_IDLE: list[_Hand] = []
os.register_at_fork(after_in_child=_IDLE.clear)


def _hand() -> _Hand:
    try:
        return _IDLE.pop()
    except IndexError:
        return _Hand()
