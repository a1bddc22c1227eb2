"""Blocks from recorded runs, at their own speed, faster, or as fast as they are taken."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from steering.core.errors import SteeringError
from steering.core.source import SourceItem, SourceStatus
from steering.documents.open_runs import OpenRuns
from steering.documents.recording import Document, read_recording, recordings
from steering.readers.paths import absolute
from steering.sources.documents import DocumentSource

# So many documents whose time has come are taken in before their blocks are handed on, joined.
_DOCUMENTS_AT_ONCE = 1024
_LONGEST_WAIT = 0.2


class ReplaySource:
    """Replays a recording, or all recordings of a folder, one after another; then ends."""

    def __init__(
        self,
        path: str | Path,
        *,
        speed: float = 1.0,
        stream: str = "primary",
        detector: str = "",
        mask: "str | Path | NDArray[Any] | None" = None,
        saturated: float = math.inf,
        run: str = "",
    ) -> None:
        """Open a recording.

        Args:
            path: A journal of ours, Bluesky documents as JSON (see :mod:`steering.documents.recording`), or a folder.
            speed: How many recorded seconds pass in one; ``math.inf`` does not wait at all.
            stream: Which stream's frames and events.
            detector: Whose frames are taken where there are several: a data key, or the name of a device. The first
                one of the stream's descriptor if left out.
            mask: Bad pixels: an array of the frames' shape that is not zero where they are bad, or a file with one.
            saturated: Counts from which on a pixel is saturated, and so no count.
            run: Uid of the run that alone is replayed, where a recording holds several; all if left out.

        Raises:
            SteeringError: If there is no recording, the speed is not above 0, or the mask is none.
        """
        if not speed > 0:
            message = f"The speed is {speed!r}; it must be above 0 (1 is real time, math.inf does not wait)."
            raise SteeringError(message)
        self._paths = recordings(Path(absolute(path)))
        self._speed, self._run = speed, run
        self._open = OpenRuns()
        self._documents = DocumentSource(stream, detector=detector, mask=mask, saturated=saturated)
        self._unread = 0
        self._unread_sentence = ""
        self._closed = False
        self._closing: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    @property
    def rejected(self) -> int:
        """How many documents were malformed."""
        return self._documents.rejected + self._unread

    @property
    def last_rejection(self) -> str:
        """A sentence about the newest of them."""
        return self._documents.last_rejection or self._unread_sentence

    @property
    def status(self) -> SourceStatus:
        """How it is."""
        told = self._documents.status
        state = "ended" if self._closed else told.state
        return SourceStatus(state, told.detail, told.frames, told.missed, self.rejected, told.repeated, told.later)

    async def items(self) -> AsyncIterator[SourceItem]:
        """Yield what the recorded source yielded, or would have."""
        news = asyncio.Event()
        self._closing = asyncio.get_running_loop(), news
        for path in self._paths:
            clock = _Clock(self._speed)
            waiting = _read(path)
            upcoming = next(waiting, None)
            while upcoming is not None:
                fed = 0
                while upcoming is not None and fed < _DOCUMENTS_AT_ONCE and clock.due(upcoming):
                    self._feed(path, upcoming)
                    fed += 1
                    upcoming = next(waiting, None)
                for item in self._documents.taken():
                    if self._closed:
                        return
                    yield item
                await _pause(news, clock.left(upcoming))
                if self._closed:
                    return
            # A run does not go on in the next recording.
            self._documents.end_open()
        self._documents.close()
        for item in self._documents.taken():
            yield item
        self._closed = True

    def stored(self, run: str, start: int, stop: int) -> None:
        """Do nothing: the frames are in the recorded run's own files."""

    def close(self) -> None:
        """End ``items``."""
        self._closed = True
        if self._closing is not None and not self._closing[0].is_closed():
            self._closing[0].call_soon_threadsafe(self._closing[1].set)

    def _feed(self, path: Path, entry: Document | ValueError) -> None:
        if isinstance(entry, ValueError):
            self._unread += 1
            self._unread_sentence = f"A line of {path} is no document ({entry})."
        elif not self._run or self._open.take(*entry) == self._run:
            self._documents.feed(*entry)


def _read(path: Path) -> Iterator[Document | ValueError]:
    try:
        yield from read_recording(path)
    except (OSError, EOFError, ValueError) as error:
        yield ValueError(f"the file cannot be read on: {error}")


class _Clock:
    """Says when a document is due, by the times in the documents."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._began: tuple[float, float] | None = None
        self._latest = 0.0
        self._start: Document | None = None

    def due(self, entry: Document | ValueError) -> bool:
        """Say whether it is its time."""
        return self.left(entry) <= 0

    def left(self, entry: Document | ValueError | None) -> float:
        """Say how many seconds are left until a document is due."""
        if entry is None or isinstance(entry, ValueError) or math.isinf(self._speed):
            return 0.0
        if entry[0] == "start" and entry is not self._start:
            # Recordings need not be in the order of time; the next run follows at once.
            self._start, self._began, self._latest = entry, None, 0.0
        stamp = entry[1].get("time") if hasattr(entry[1], "get") else None
        if isinstance(stamp, int | float) and math.isfinite(stamp):
            # A descriptor may bear a time before that of the start.
            self._latest = max(self._latest, float(stamp))
        if self._began is None:
            if not self._latest:
                # The first time that is told is the begin: what comes before it waits for nothing.
                return 0.0
            self._began = self._latest, time.monotonic()
        recorded, begun = self._began
        return begun + (self._latest - recorded) / self._speed - time.monotonic()


async def _pause(closing: asyncio.Event, seconds: float) -> None:
    if seconds <= 0:
        # Others on this event loop get their turn.
        await asyncio.sleep(0)
        return
    try:
        async with asyncio.timeout(min(seconds, _LONGEST_WAIT)):
            await closing.wait()
    except TimeoutError:
        return
