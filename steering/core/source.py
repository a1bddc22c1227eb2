"""Where blocks come from."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from steering.core.block import FrameBlock

# A block that is made of what waited is at most this large, so that it is one task's work and fits a worker's memory.
BLOCK_FRAMES = 512
BLOCK_BYTES = 64_000_000


@dataclass(frozen=True)
class RunStarted:
    """A run began.

    Attributes:
        run: Run uid.
        plan: Its plan's name, or empty.
        started: Unix time in seconds of its start, NaN if the source does not know.
        geometry: Where its detector stands, as its start document says it; empty if nobody has said it.
    """

    run: str
    plan: str
    started: float = field(default=float("nan"), compare=False)
    geometry: Mapping[str, Any] = field(default_factory=dict[str, Any], compare=False, repr=False)


@dataclass(frozen=True)
class RunEnded:
    """A run ended: no more blocks of it will come.

    Attributes:
        run: Run uid.
        frames: How many frames it had.
        status: ``"success"``, ``"abort"`` or ``"fail"``.
        events: How many events it had in all its streams; 0 where the source knows of none.
    """

    run: str
    frames: int
    status: str
    events: int = 0


SourceItem: TypeAlias = RunStarted | FrameBlock | RunEnded
SourceState: TypeAlias = Literal["waiting", "live", "ended", "lost"]


@dataclass(frozen=True)
class SourceStatus:
    """How a source is.

    Attributes:
        state: ``"waiting"`` for a run, ``"live"`` in one, ``"ended"`` after the last, ``"lost"`` while what it reads
            from cannot be reached.
        detail: A sentence on that, or empty.
        frames: How many frames came, over all runs.
        missed: How many frames the transport is known to have lost, or could not deliver while there was no room.
        rejected: How many frames or documents were malformed.
        repeated: How many frames came again and were left out.
        later: How many frames were handed on after newer ones: out of order when they came, or left for later
            by the policy ``"newest"``.
    """

    state: SourceState
    detail: str = ""
    frames: int = 0
    missed: int = 0
    rejected: int = 0
    repeated: int = 0
    later: int = 0


@dataclass(frozen=True)
class FollowedSource:
    """A source that a session follows.

    Attributes:
        name: Entry-point name, or the class of a source that was handed over.
        status: How it is.
        last_rejection: A sentence about the newest thing in it that was malformed, or empty.
        failure: Why it is not followed any more although it has not ended, or empty.
    """

    name: str = ""
    status: SourceStatus = SourceStatus("waiting")
    last_rejection: str = ""
    failure: str = ""


@runtime_checkable
class Source(Protocol):
    """A stream of blocks, each frame exactly once, in order within a run but for those that ``status.later`` counts.

    Anything malformed that reaches the source is counted in ``rejected`` with a sentence in ``last_rejection``, and
    never stops the stream. A frame keeps the index that its transport gives it, so a lost frame leaves a gap.

    Items are pulled. What comes while nobody pulls waits where it is (a file, a server, the ingest ring), and blocks
    of it are joined up to :data:`BLOCK_FRAMES` frames or :data:`BLOCK_BYTES` bytes: a frame that comes alone is handed
    on at once, a thousand that wait become a few blocks.
    """

    @property
    def rejected(self) -> int:
        """How many frames or documents were malformed."""
        ...

    @property
    def last_rejection(self) -> str:
        """A sentence about the newest of them, or empty."""
        ...

    @property
    def status(self) -> SourceStatus:
        """How it is now. May be asked from any thread."""
        ...

    def items(self) -> AsyncIterator[SourceItem]:
        """Yield run starts, blocks and run ends as they happen; ends after :meth:`close`."""
        ...

    def stored(self, run: str, start: int, stop: int) -> None:
        """Say that frames ``start`` to ``stop - 1`` have a stored result: what held them may be freed.

        May be called from any thread, in any order, and more than once for a frame.
        """
        ...

    def close(self) -> None:
        """End ``items`` and let go of every thread, file and connection. May be called from any thread, and again."""
        ...
