"""Asks something that takes a while in a thread of its own: one question at a time, and of several the newest."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Asker(Generic[Question, Answer]):
    """Asks the newest question, and tells its answer unless a newer one has come meanwhile."""

    def __init__(self, ask: Callable[[Question], Answer], tell: Callable[[Question, Answer], object]) -> None:
        """Ask nothing yet.

        Args:
            ask: Answers a question; in a thread of its own, and raises nothing.
            tell: Takes a question and its answer, in that thread.
        """
        self._ask, self._tell = ask, tell
        self._lock = threading.Lock()
        self._waiting: list[Question] = []
        self._asking = self._closed = False

    def ask(self, question: Question) -> None:
        """Ask a question, in place of one that waits; from any thread."""
        with self._lock:
            self._waiting = [question]
            if self._asking or self._closed:
                return
            self._asking = True
        threading.Thread(target=self._run, name="steering-asker", daemon=True).start()

    def close(self) -> None:
        """Ask nothing any more."""
        with self._lock:
            self._closed, self._waiting = True, []

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._asking = False
                    return
                question, self._waiting = self._waiting[0], []
            answer = self._ask(question)
            with self._lock:
                newer = bool(self._waiting) or self._closed
            if not newer:
                self._tell(question, answer)
