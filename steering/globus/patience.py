"""Waiting for Globus: refusals that pass are waited out, with the reason shown, until whoever waits cancels."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event
from typing import TypeVar

import globus_sdk

from steering.globus.errors import CancelledError, MissingError, PassingError, explain, unexpected

Value = TypeVar("Value")


@dataclass(frozen=True)
class Pace:
    """How long is waited between questions, in seconds.

    Attributes:
        first: After the first.
        growth: By what each wait is longer than the one before.
        longest: At most.
        settle: For how long an answer that was lost may still take effect at Globus.
        give_up: After how long of refusals that pass to give up; never if none.
    """

    first: float = 0.5
    growth: float = 1.6
    longest: float = 20.0
    settle: float = 3.0
    give_up: float | None = None

    def waits(self) -> Iterator[float]:
        """Yield one wait after the other, without end."""
        wait = self.first
        while True:
            yield wait
            wait = min(wait * self.growth, self.longest)


class Patience:
    """Asks until there is an answer.

    Attributes:
        cancelled: Set it, from any thread, to end every wait at once.
        pace: How long is waited.
    """

    def __init__(
        self, *, pace: Pace | None = None, cancelled: Event | None = None, told: Callable[[str], None] | None = None
    ) -> None:
        """Begin.

        Args:
            pace: How long is waited.
            cancelled: Ends every wait.
            told: Is told why it waits, each time.
        """
        self.pace = pace or Pace()
        self.cancelled = cancelled or Event()
        self._told = told

    def rest(self, seconds: float, doing: str) -> None:
        """Wait.

        Args:
            seconds: For how long.
            doing: What waits, for the message.

        Raises:
            CancelledError: If it was cancelled meanwhile.
        """
        if self.cancelled.wait(seconds):
            raise CancelledError(
                f"Cancelled while it waited to {doing}. What Globus does goes on until it is cancelled there."
            )

    def changes(self, doing: str, look: Callable[[], Value]) -> Iterator[Value]:
        """Yield what is seen, each time that it has changed, without end. After a change the waits are short again.

        Args:
            doing: What is waited for, as a verb: ``end the transfer``.
            look: Looks.

        Raises:
            CancelledError: If it was cancelled meanwhile. What is looked at goes on.
        """
        waits = self.pace.waits()
        last: Value | None = None
        while True:
            seen = look()
            if seen != last:
                waits, last = self.pace.waits(), seen
                yield seen
            self.rest(next(waits), doing)

    def ask(self, doing: str, question: Callable[[], Value]) -> Value:
        """Ask what may be asked any number of times.

        Args:
            doing: What it is for, as a verb: ``list the collection raw``.
            question: Asks by the SDK, and reads the answer.

        Raises:
            GlobusError: If Globus refuses for good, the wait is cancelled, or it takes longer than the pace allows.
        """
        deadline = None if self.pace.give_up is None else time.monotonic() + self.pace.give_up
        for wait in self.pace.waits():
            self.rest(0.0, doing)
            try:
                return question()
            except globus_sdk.GlobusError as error:
                found = explain(error, doing)
            except _UNREADABLE as error:
                found = unexpected(error, doing)
            self._outlast(found, wait, deadline, doing)
        raise AssertionError

    def submit(self, doing: str, question: Callable[[], Value], look: Callable[[], Value | None]) -> Value:
        """Ask what must take effect once only.

        It is looked up before it is asked, and again after each answer that was lost, until it is certain.

        Args:
            doing: What it is for, as a verb.
            question: Submits by the SDK, under a name that was written down.
            look: Finds by that name what was submitted; nothing if there is none.

        Raises:
            GlobusError: As :meth:`ask` does.
        """
        deadline = None if self.pace.give_up is None else time.monotonic() + self.pace.give_up
        known = self.look(doing, look)
        for wait in self.pace.waits():
            if known is not None:
                return known
            self.rest(0.0, doing)
            try:
                return question()
            except globus_sdk.GlobusError as error:
                found = explain(error, doing)
            except _UNREADABLE as error:
                found = unexpected(error, doing)
            self._outlast(found, wait, deadline, doing)
            known = self._settled(doing, look, certain=found.code in _NOTHING_DONE)
        raise AssertionError

    def _outlast(self, error: Exception, wait: float, deadline: float | None, doing: str) -> None:
        """Wait for a refusal to pass, or raise it."""
        if not isinstance(error, PassingError) or (deadline is not None and time.monotonic() >= deadline):
            raise error from None
        seconds = wait if error.after is None else max(error.after, wait)
        if self._told is not None:
            self._told(f"{error} Trying again in {seconds:.2g} s.")
        self.rest(seconds, doing)

    def _settled(self, doing: str, look: Callable[[], Value | None], *, certain: bool) -> Value | None:
        """Look for what was submitted until it must be there if it ever is."""
        deadline = time.monotonic() + (0.0 if certain else self.pace.settle)
        for wait in self.pace.waits():
            known = self.look(doing, look)
            if known is not None or time.monotonic() >= deadline:
                return known
            self.rest(min(wait, self.pace.settle), doing)
        raise AssertionError

    def look(self, doing: str, look: Callable[[], Value | None]) -> Value | None:
        """Look for what may not be there; nothing if Globus does not know it.

        Raises:
            GlobusError: As :meth:`ask` does.
        """
        try:
            return self.ask(doing, look)
        except MissingError:
            return None


# What comes of reading an answer that is none.
_UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError, OverflowError)
# Codes of refusals after which Globus has done nothing for certain.
_NOTHING_DONE = ("TooManyRequests", "TOO_MANY_REQUESTS", "RATE_LIMITED")
