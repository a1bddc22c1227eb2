"""What the kit feeds a source with: a bench, registered under the source's name in ``steering.benches``."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from steering.core.source import Source

FRAMES = 24
SHAPE = (8, 10)


class SourceBench(Protocol):
    """Brings a known run to a source, by the source's own transport.

    A bench is made with an empty folder of its own. Frame ``i`` of the run has :data:`SHAPE`, and each of its pixels
    the value that :func:`value` gives for ``i``, or is NaN.

    Attributes:
        live: Whether the source is opened before its frames come; if not, all is fed first.
        loses: Whether the transport can lose a frame and the source can tell.
    """

    live: bool
    loses: bool

    async def open(self) -> Source:
        """Open a fresh source on what the bench feeds. Called once."""
        ...

    async def feed(self, indices: Sequence[int]) -> None:
        """Bring frames, in this order; return when they are where the source will find them."""
        ...

    async def disturb(self, *, begun: bool) -> Mapping[str, int]:
        """Bring whatever is malformed that the transport can bring: cut short, of a wrong size, again, out of order.

        Called before the first frame and in the middle of the run. What it spoils comes whole by a later :meth:`feed`,
        and what it brings of the run may come again by that.

        Args:
            begun: Whether frames of the run have come.

        Returns:
            How much each counter of the source's status must have grown when the run has ended, by its name.
        """
        ...

    async def end(self) -> None:
        """End the run."""
        ...

    def held(self) -> int:
        """Say how many bytes are still held for frames, after each of them was stored; 0 if files hold them."""
        ...

    async def close(self) -> None:
        """End all that the bench started."""
        ...


def value(index: int) -> int:
    """Say what each pixel of a frame is."""
    return 3 * index + 1
