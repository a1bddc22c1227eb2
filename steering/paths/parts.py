"""What a plan asks of detectors that take a burst in parts: the burst can be ended in its middle."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Ended:
    """How far a burst had come that was ended.

    Attributes:
        parts: Parts that are written, the last one with frames that were taken afterwards.
        kept: Frames of the last part that were taken before the end; all of them if it was whole then.
    """

    parts: int
    kept: int


class Parted(Protocol):
    """One burst of all detectors of a scan, in parts of equally many frames. Each part becomes an event."""

    def begin(self) -> Awaitable[None]:
        """Begin to take frames."""
        ...

    def whole(self, parts: int) -> Awaitable[None]:
        """Wait until so many parts are written.

        Raises:
            TimeoutError: If a detector writes nothing any more.
        """
        ...

    def idle(self) -> Awaitable[None]:
        """Wait until the detectors have ended by themselves."""
        ...

    def end(self) -> Awaitable[Ended]:
        """Stop the detectors where they are, and let them take at once what the last part lacks.

        An event has a fixed number of frames, in the documents and in every reader of them; so a part is filled.
        """
        ...

    def tell(self, parts: int) -> None:
        """Let the detectors tell of so many parts and no more, as one is told of with each event; waits for nothing."""
        ...

    def release(self) -> None:
        """Let the detectors tell of all frames again; waits for nothing."""
        ...
