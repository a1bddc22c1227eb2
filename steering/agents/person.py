"""A person: says what to do, and is heard in turn."""

from collections import deque
from collections.abc import Sequence

from steering.core.action import Action
from steering.core.agent import Suggestion
from steering.core.parameter import Parameter
from steering.core.result import Result


class Person:
    """Somebody whose suggestions come from outside.

    ``say`` may be called from any thread, also while another one asks for suggestions.
    """

    name = "person"

    def __init__(self) -> None:
        """Begin with nothing to say."""
        self._said: deque[Suggestion] = deque()
        self._basis = ""

    def say(self, action: Action, reason: str = "") -> None:
        """Ask for an action; it rests on the newest result that was taken in."""
        self._said.append(Suggestion(action, reason, self._basis))

    def ingest(self, result: Result, parameters: Sequence[Parameter]) -> None:
        """Take in a newer result."""
        del parameters
        self._basis = result.basis

    def suggest(self) -> Sequence[Suggestion]:
        """Return what was said since, in that order; each suggestion once."""
        # One by one: between a copy and a clear, another thread's word would be lost. What comes meanwhile has its turn
        # next time, so this ends.
        return tuple(self._said.popleft() for _ in range(len(self._said)))
