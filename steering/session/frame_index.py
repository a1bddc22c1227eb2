"""Where the frames of the shown run lie, so that an older one can be looked at again. Memory is bounded."""

from collections import deque
from dataclasses import dataclass, replace
from threading import Lock

from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.core.frame import Frame
from steering.core.history import FrameSpan
from steering.readers.eye import for_the_eye
from steering.readers.pixels import with_bad
from steering.sources.frames import read_frames

# So many numbers (columns of frames, and what is kept of a frame that does not lie in a file of many) take about 16 MB.
LARGEST_WEIGHT = 2_000_000
# An object a reference: so many blocks may be kept, whatever they weigh.
LARGEST_COUNT = 20_000
_STACK = 3


@dataclass
class _Held:
    """A block with what it weighs."""

    block: FrameBlock
    weight: int


class FrameIndex:
    """References to the frames of one run, oldest first.

    While there are too many, the oldest lose what was recorded with them, and are then joined, since a file of many
    frames needs one reference; where each frame needs its own, the oldest are forgotten. One thread adds, any reads.
    """

    def __init__(self, weight: int = LARGEST_WEIGHT, count: int = LARGEST_COUNT) -> None:
        """Hold nothing yet.

        Args:
            weight: Most numbers to keep.
            count: Most blocks to keep.
        """
        self._most_weight = weight
        self._most_count = count
        self._lock = Lock()
        self._run = ""
        self._plain: deque[FrameBlock] = deque()
        self._held: deque[_Held] = deque()
        self._weight = 0

    @property
    def span(self) -> FrameSpan:
        """Which frames are referred to, from the oldest to the newest."""
        with self._lock:
            blocks = [*list(self._plain)[:1], *[held.block for held in list(self._held)[:1]]]
            if not blocks:
                return FrameSpan(self._run)
            return FrameSpan(self._run, blocks[0].start, self._newest().stop)

    @property
    def newest(self) -> FrameBlock | None:
        """The newest frame, as a block of one; nothing before the first."""
        with self._lock:
            if not self._plain and not self._held:
                return None
            block = self._newest()
        return block.part(block.stop - 1, block.stop)

    def begin(self, run: str) -> None:
        """Forget everything: a run began."""
        with self._lock:
            self._run, self._weight = run, 0
            self._plain.clear()
            self._held.clear()

    def add(self, block: FrameBlock) -> None:
        """Refer to a block's frames; blocks of scalars alone have none."""
        if block.place is None:
            return
        with self._lock:
            self._held.append(_Held(block, _weight(block)))
            self._weight += self._held[-1].weight
            while len(self._held) > 1 and (self._weight > self._most_weight or len(self._held) > self._most_count):
                self._lighten()

    def blocks(self) -> list[FrameBlock]:
        """List all frames so far, with what was recorded with them.

        Raises:
            SteeringError: If there are none, or some are not referred to any more, or not with what was recorded.
        """
        with self._lock:
            held, forgotten = [one.block for one in self._held], bool(self._plain)
        if not held:
            message = "No frame of a run has come yet, so there is nothing to analyse again. Start a scan first."
            raise SteeringError(message)
        if forgotten or held[0].start > 0:
            message = (
                f"The first frames of run {self._run[:8]} are not remembered any more: it has {held[-1].stop}. "
                "Analyse it from its file or from the record: session.follow."
            )
            raise SteeringError(message)
        return held

    def read(self, index: int) -> Frame:
        """Read a frame, every pixel of it, with what was recorded with it.

        Args:
            index: Of the frame in its run, from 0.

        Raises:
            SteeringError: If nothing refers to it, or it cannot be read.
        """
        block = self._find(index)
        pixels, times = read_frames(block)
        if pixels.ndim != _STACK:
            message = f"Frame {index} has shape {pixels.shape[1:]}; an image has rows and columns."
            raise SteeringError(message)
        frame = Frame(
            pixels[0],
            index,
            float(times[0]) if times[0] == times[0] else block.seen.get("document", float("nan")),
            columns={name: float(column[0]) for name, column in block.columns.items()},
            units=dict(block.units),
        )
        # It stays in this process, so it need not be binned: whoever zooms in sees what was measured.
        return for_the_eye(frame, with_bad(block, pixels.shape[1:]).bad, largest=max(1, *pixels.shape[1:]))

    def _find(self, index: int) -> FrameBlock:
        with self._lock:
            blocks = [*self._plain, *(held.block for held in self._held)]
        # Newest first: that is where people look, and a frame that came twice is the same in both.
        for block in reversed(blocks):
            if block.start <= index < block.stop:
                return block.part(index, index + 1)
        if not blocks:
            message = f"There is no frame {index}: no frame of a run has come yet. Start a scan, or follow a source."
        else:
            first, last = min(block.start for block in blocks), max(block.stop for block in blocks) - 1
            message = (
                f"Frame {index} cannot be looked at: frames {first} to {last} of run {self._run[:8]} can be, "
                "but for those that were lost. Choose one of them, or open the file."
            )
        raise SteeringError(message)

    def _newest(self) -> FrameBlock:
        return self._held[-1].block if self._held else self._plain[-1]

    def _lighten(self) -> None:
        oldest = self._held.popleft()
        self._weight -= oldest.weight
        if oldest.block.place is None or oldest.block.place.weight(1):
            # A reference to each frame: joined they are no lighter.
            return
        bare = replace(oldest.block, columns={}, units={}, seen={})
        last = self._plain[-1] if self._plain else None
        if last is not None and last.goes_on_in(bare):
            self._plain[-1] = last.joined([bare])
            return
        self._plain.append(bare)
        if len(self._plain) > self._most_count:
            self._plain.popleft()


def _weight(block: FrameBlock) -> int:
    place = 0 if block.place is None else block.place.weight(len(block))
    return place + len(block) * len(block.columns)
