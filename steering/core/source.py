"""Where blocks come from."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from steering.core.block import FrameBlock


@dataclass(frozen=True)
class RunStarted:
    """A run began. ``plan`` is its plan's name."""

    run: str
    plan: str


@dataclass(frozen=True)
class RunEnded:
    """A run ended: no more blocks of it will come.

    Attributes:
        run: Run uid.
        frames: How many frames it had.
        status: ``"success"``, ``"abort"`` or ``"fail"``.
    """

    run: str
    frames: int
    status: str


SourceItem: TypeAlias = RunStarted | FrameBlock | RunEnded


@runtime_checkable
class Source(Protocol):
    """A stream of blocks, each frame exactly once, in order within a run.

    Anything malformed that reaches the source is counted in ``rejected`` with a sentence in ``last_rejection``, and
    never stops the stream.
    """

    rejected: int
    last_rejection: str

    def items(self) -> AsyncIterator[SourceItem]:
        """Yield run starts, blocks and run ends as they happen."""
        ...
