"""A value with one writer and any number of readers."""

from collections.abc import Callable
from threading import Condition, Event, Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Bells:
    """Rung whenever any cell of this process is set, so that whoever shows cells need not look again and again.

    A bell says only that there may be news; which, the cells themselves tell.
    """

    def __init__(self) -> None:
        """Begin without listeners."""
        self._lock = Lock()
        self._bells: tuple[Event, ...] = ()

    def add(self, bell: Event) -> None:
        """Ring this one too."""
        with self._lock:
            self._bells = (*self._bells, bell)

    def remove(self, bell: Event) -> None:
        """Do not ring this one any more."""
        with self._lock:
            self._bells = tuple(one for one in self._bells if one is not bell)

    def ring(self) -> None:
        """Ring all."""
        for bell in self._bells:
            bell.set()


BELLS = Bells()


class Cell(Generic[Value]):
    """A versioned value: the writer sets, readers poll and pull.

    No callback carries data to a reader, so no reader runs on the writer's thread, a slow reader costs the writer
    nothing, and a late one misses nothing that still matters.
    """

    def __init__(self, value: Value) -> None:
        """Begin at version 0 with ``value``."""
        self._changed = Condition()
        self._value = value
        self._version = 0

    @property
    def version(self) -> int:
        """How often the value was set."""
        return self._version

    @property
    def value(self) -> Value:
        """The newest value."""
        return self._value

    def set(self, value: Value) -> int:
        """Set the value and return its version."""
        with self._changed:
            self._value = value
            self._version += 1
            self._changed.notify_all()
            version = self._version
        BELLS.ring()
        return version

    def read(self) -> tuple[int, Value]:
        """Return version and value that belong together."""
        with self._changed:
            return self._version, self._value

    def newer(self, version: int, timeout: float = 0.0) -> tuple[int, Value] | None:
        """Return version and value if newer than ``version``, else ``None``.

        Args:
            version: The newest that is known.
            timeout: Wait so many seconds for a newer one; a loop need not spin.
        """
        with self._changed:
            if timeout > 0:
                self._changed.wait_for(lambda: self._version > version, timeout)
            return None if self._version <= version else (self._version, self._value)

    def wait(self, condition: Callable[[Value], bool], timeout: float) -> Value:
        """Block the calling thread until the value meets a condition.

        Args:
            condition: Called with each value that is seen; must not block.
            timeout: Longest wait in seconds.

        Raises:
            TimeoutError: If the condition did not hold in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self._value), timeout):
                message = f"the value did not meet the condition within {timeout:g} s"
                raise TimeoutError(message)
            return self._value
