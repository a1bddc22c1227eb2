"""Blocks from a file of photon events, finished or still growing: a run of up to 16 million frames."""

import hashlib
import math
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import FrameBlock
from steering.core.errors import SteeringError, cause
from steering.core.pixels import Pixels
from steering.core.source import RunEnded, RunStarted, SourceItem, SourceState, SourceStatus
from steering.photons.rigaku import WORD, EventRange, frames_of, whole_events
from steering.places.events import EventFile
from steering.readers.paths import absolute
from steering.readers.pixels import make_mask
from steering.sources.polling import Poll

# So many events are looked at at once, and a block has at most so many frames: less than a second of a worker.
_EVENTS, _FRAMES = 2_000_000, 65_536


class EventsSource:
    """Follows one file of events of 64 bits, as Rigaku's detectors at APS 8-ID write them; it is one run.

    Attributes:
        rejected: How many times the file was not what it should be.
        last_rejection: A sentence about the newest of them.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        rows: int = 512,
        columns: int = 1024,
        period: float = math.nan,
        frames: int = 0,
        idle_seconds: float = 10.0,
        mask: "str | Path | NDArray[Any] | None" = None,
        saturated: float = math.inf,
    ) -> None:
        """Follow a file; it need not be there yet.

        Args:
            path: The file.
            rows: Of a frame.
            columns: Of a frame.
            period: Seconds from one frame to the next: a column ``exposure`` of the frames if it is given.
            frames: How many there will be: the last ones may hold no photon, so the file does not say it. If it is 0
                the run ends with the last frame that holds one.
            idle_seconds: A run ends after this time without a new event. The newest frame is whole once the next one
                has an event, or after half of this time.
            mask: Bad pixels: an array of the frames' shape that is not zero where they are bad, or a file with one.
            saturated: Counts from which on a pixel is saturated, and so no count.

        Raises:
            SteeringError: If the mask is none, or a number is not what it may be.
        """
        _check(rows=rows, columns=columns, period=period, idle_seconds=idle_seconds)
        if frames < 0:
            message = f"frames is {frames}; it must be 0, if their number is not known, or more."
            raise SteeringError(message)
        self.rejected = 0
        self.last_rejection = ""
        # What is read, and what a person calls it.
        self._path = self._shown = Path(absolute(path))
        self._shape = rows, columns
        self._period, self._frames, self._idle = period, frames, idle_seconds
        self._pixels = Pixels(make_mask(mask), saturated)
        self._run = ""
        self._size, self._touched = 0, time.monotonic()
        self._event = self._sent = self._highest = 0
        # The frames of the events from number ``_event`` on, as far as they were looked at.
        self._ahead: NDArray[np.int64] = np.empty(0, np.int64)
        self._state: SourceState = "waiting"
        self._detail = f"Waiting for {self._shown}."
        self._poll = Poll(self._look)

    @property
    def status(self) -> SourceStatus:
        """How it is."""
        return SourceStatus(self._poll.state(self._state), self._detail, self._sent, rejected=self.rejected)

    async def items(self) -> AsyncIterator[SourceItem]:
        """Yield the run's start, blocks as far as the file has grown, and its end."""
        async for item in self._poll.items():
            yield item

    def stored(self, run: str, start: int, stop: int) -> None:
        """Do nothing: the events are in the detector's own file."""

    def close(self) -> None:
        """End ``items``."""
        self._poll.close()
        self._state = "ended"

    def _look(self) -> Sequence[SourceItem] | None:
        if self._state == "ended":
            return None
        try:
            size = self._path.stat().st_size
            return self._read(size)
        except FileNotFoundError:
            if not self._run:
                return []
            self._state, self._detail = "lost", f"{self._shown} has gone."
            return self._end("fail") if self._quiet(self._idle) else []
        except OSError as error:
            self._detail = f"{self._shown} cannot be read ({cause(error)})."
            if self._run:
                self._state = "lost"
            return self._end("fail") if self._quiet(self._idle) and self._run else []

    def _read(self, size: int) -> Sequence[SourceItem]:
        if size < self._size:
            self._reject(f"{self._shown} was cut from {self._size} to {size} bytes while it was read.")
            return self._end("fail")
        if size != self._size:
            self._size, self._touched = size, time.monotonic()
        if not self._gather():
            return []
        items: list[SourceItem] = []
        if not self._run:
            self._run, self._state = self._name(), "live"
            items.append(RunStarted(self._run, ""))
        block = self._block(settled=self._quiet(self._idle / 2))
        if block is not None:
            return [*items, block]
        if self._quiet(self._idle):
            if size % WORD:
                self._reject(f"{self._shown} ends in the middle of an event: {size} bytes are no multiple of {WORD}.")
            return [*items, *self._end("success" if self._sent >= self._frames else "fail")]
        return items

    def _gather(self) -> int:
        """Look to which frames the new events belong; say how many events have come in all."""
        begin = self._event + len(self._ahead)
        end = min(whole_events(self._path), begin + _EVENTS)
        new = frames_of(self._path, begin, end)
        if late := int((new < self._sent).sum()):
            self._reject(f"{late} events of frames before {self._sent} came too late, and are left out.")
        if len(new):
            self._ahead = np.concatenate([self._ahead, new])
            self._highest = max(self._highest, int(new.max()))
        return end

    def _block(self, *, settled: bool) -> FrameBlock | None:
        """Take the frames that are whole: those before the newest event's, and that one once no more events come."""
        whole = self._highest + 1 if settled else self._highest
        if settled and self._frames:
            whole = max(whole, self._frames)
        start, stop = self._sent, min(whole, self._sent + _FRAMES, self._frames or whole)
        if stop <= start:
            return None
        of_these, of_later = np.flatnonzero(self._ahead < stop), np.flatnonzero(self._ahead >= stop)
        many = int(of_these[-1]) + 1 if len(of_these) else 0
        mine = self._ahead[:many]
        ordered = bool((np.diff(mine, prepend=start) >= 0).all()) and many <= (of_later[0] if len(of_later) else many)
        place = EventFile(str(self._path), self._shape, EventRange(self._event, self._event + many, ordered))
        kept = int(of_later[0]) if len(of_later) else len(self._ahead)
        self._event, self._ahead, self._sent = self._event + kept, self._ahead[kept:], stop
        self._detail = f"{stop} frames of {self._shown.name}."
        columns = {} if math.isnan(self._period) else {"exposure": np.full(stop - start, self._period)}
        units = dict.fromkeys(columns, "s")
        return FrameBlock(
            self._run, "primary", start, stop, place, columns, units, {"received": time.time()}, start, self._pixels
        )

    def _quiet(self, seconds: float) -> bool:
        """Say whether no event came for so long."""
        return time.monotonic() - self._touched >= seconds

    def _end(self, status: str) -> Sequence[SourceItem]:
        self._state = "ended"
        if status == "fail" and self._frames:
            self._detail += f" Only {self._sent} of {self._frames} frames came."
        return [RunEnded(self._run, self._sent, status)] if self._run else []

    def _reject(self, sentence: str) -> None:
        self.rejected += 1
        self.last_rejection = sentence

    def _name(self) -> str:
        # The same measurement has the same uid whenever its file is read; another one in a file of this name does not.
        known = self._shown.stat()
        first = np.fromfile(self._path, "<u8", 1).tolist()
        content = f"{self._shown.resolve()}|{known.st_ino}|{first}"
        return f"{self._shown.stem}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _check(**settings: float) -> None:
    for name, value in settings.items():
        if value <= 0:
            message = f"{name} is {value:g}; it must be above 0."
            raise SteeringError(message)
