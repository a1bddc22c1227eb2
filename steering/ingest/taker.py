"""What one session has yet to take of a ring."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from steering.ingest.span import Span

Policy: TypeAlias = Literal["hold", "newest"]
POLICIES: tuple[Policy, ...] = ("hold", "newest")


@dataclass
class Chapter:
    """One run, as far as it waits for this session."""

    run: str
    told: bool = False
    spans: deque[Span] = field(default_factory=deque[Span])
    ended: dict[str, Any] | None = None


class Taker:
    """Hands a session the runs one after another, and the frames of each by the policy.

    Attributes:
        later: How many frames were handed on after newer ones.
        missed: How many frames were freed, because another session stored them, before this one took them.
    """

    def __init__(self, policy: Policy, have: Mapping[str, list[tuple[int, int]]]) -> None:
        """Take all but the frames that the session has already."""
        self.later = 0
        self.missed = 0
        self._policy = policy
        self._have = have
        self._newest: dict[str, int] = {}
        self._chapters: dict[str, Chapter] = {}

    def begin(self, run: str) -> None:
        """A run began."""
        self._chapters[run] = Chapter(run)

    def add(self, span: Span) -> None:
        """Frames came."""
        self._chapters[span.run].spans.extend(span.without(self._have.get(span.run, [])))

    def end(self, run: str, content: dict[str, Any]) -> None:
        """A run ended."""
        self._chapters[run].ended = content

    def take(self) -> dict[str, Any] | None:
        """Take the next item; nothing if nothing waits."""
        chapter = next(iter(self._chapters.values()), None)
        if chapter is None:
            return None
        if not chapter.told:
            chapter.told = True
            return {"kind": "started", "run": chapter.run}
        while chapter.spans:
            span = chapter.spans.pop() if self._policy == "newest" else chapter.spans.popleft()
            if not span.kept:
                self.missed += span.stop - span.start
                continue
            newest = self._newest.get(span.run, -1)
            if self._policy == "newest" and span.stop <= newest:
                self.later += span.stop - span.start
            self._newest[span.run] = max(newest, span.stop)
            return span.describe()
        if chapter.ended is None:
            return None
        del self._chapters[chapter.run]
        self._newest.pop(chapter.run, None)
        return chapter.ended
