"""What is written no more often than a person reads it."""

import math
import re
import time
from collections.abc import Callable
from typing import Generic, TypeVar

# Numbers move with each result; nobody reads them more often (seconds).
_SECONDS = 0.5
_NUMBERS = re.compile(r"[0-9]+")

Value = TypeVar("Value")


class Calm(Generic[Value]):
    """Writes other words at once; where only numbers have moved, a little later."""

    def __init__(self, write: Callable[[Value], object], first: Value) -> None:
        """Begin with what stands there already.

        Args:
            write: Puts a value onto the page.
            first: What is there.
        """
        self._write = write
        self._wanted = self._written = first
        self._words = ""
        self._written_at = -math.inf

    def put(self, value: Value, words: str) -> None:
        """Have a value written: now, or when :meth:`settle` finds it due.

        Args:
            value: What is to stand there.
            words: What a person reads of it.
        """
        self._wanted, words = value, _NUMBERS.sub("", words)
        if words != self._words:
            self._words = words
            self.write()
        else:
            self.settle()

    def settle(self) -> None:
        """Write what was put off, once it is due."""
        if self._wanted != self._written and time.monotonic() - self._written_at >= _SECONDS:
            self.write()

    def write(self) -> None:
        """Write it now."""
        self._written, self._written_at = self._wanted, time.monotonic()
        self._write(self._written)
