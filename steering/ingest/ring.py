"""The ring: frames in raw segments, kept until their results are stored.

Segments lie on tmpfs and go to disk, oldest first, when memory is short. Both are bounded; when both are full there is
no room, and whoever appends waits, so that the transport holds the frames or loses them and tells so by their numbers.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from typing import Any

import numpy as np

from steering.core.errors import cause
from steering.core.source import BLOCK_BYTES, BLOCK_FRAMES
from steering.ingest.image import Image
from steering.ingest.journal import SUFFIX, FrameJournal, read_lines
from steering.ingest.left import Left, left_of
from steering.ingest.segment import Segment
from steering.ingest.span import Span
from steering.ingest.taker import Taker
from steering.machine.noting import note
from steering.machine.secret_file import make_private

SEGMENT_BYTES = 16 << 20


@dataclass(frozen=True)
class Room:
    """How large a ring may grow.

    Attributes:
        memory: Folder on tmpfs.
        disk: Folder on disk; the journals of frames lie there too.
        memory_bytes: Bound of what lies in memory.
        disk_bytes: Bound of what was spilled to disk.
        segment_bytes: Size of a segment.
    """

    memory: Path
    disk: Path
    memory_bytes: int
    disk_bytes: int
    segment_bytes: int = SEGMENT_BYTES


@dataclass
class _Run:
    """One run in the ring."""

    run: str
    journal: FrameJournal
    frames: int = 0
    spans: dict[int, Span] = field(default_factory=dict[int, Span])
    where: dict[int, Span] = field(default_factory=dict[int, Span])
    ended: dict[str, Any] | None = None


class Ring:
    """Frames by run. Appended to by one thread, taken and freed by any.

    Attributes:
        news: Notified when frames come and when room becomes free.
        last_number: The detector's number of the newest frame that a former process left.
        left: The run that it died in; it is not ended yet, as it may go on.
    """

    def __init__(self, room: Room, block_frames: int = BLOCK_FRAMES, block_bytes: int = BLOCK_BYTES) -> None:
        """Take over what a former process left in the folders of the room."""
        self.news = Condition()
        self.last_number: int | None = None
        self.left: Left | None = None
        self._room = room
        self._cap = block_frames, block_bytes
        self._runs: dict[str, _Run] = {}
        self._segments: dict[str, Segment] = {}
        self._current: Segment | None = None
        self._span: Span | None = None
        self._takers: dict[Taker, Callable[[], None]] = {}
        self._number = time.time_ns()
        self._no_room = ""
        for folder in (room.memory, room.disk):
            make_private(folder)
        self._recover()

    @property
    def held(self) -> tuple[int, int]:
        """Bytes in memory and on disk."""
        with self.news:
            return self._bytes(spilled=False), self._bytes(spilled=True)

    @property
    def trouble(self) -> str:
        """Why something could not be written last, as a sentence; empty if all is."""
        with self.news:
            told = (held.journal.trouble for held in self._runs.values())
            return self._no_room or next(filter(None, told), "")

    def begin(self, run: str) -> None:
        """A run begins."""
        with self.news:
            self._runs[run] = _Run(run, FrameJournal(self._room.disk, run))
            for taker in self._takers:
                taker.begin(run)
            self._tell()

    def append(self, run: str, index: int, image: Image) -> bool:
        """Append a frame; return whether there was room for it, also on the filesystems themselves."""
        with self.news:
            try:
                segment = self._segment(image.pixels.nbytes)
                if segment is None:
                    return False
                held, offset = self._runs[run], segment.append(image.pixels)
            except OSError as error:
                # What others fill may become free, or results be stored: nobody has to lose the frame for it.
                self._no_room = f"The ring cannot be written: {cause(error)}."
                return False
            self._no_room = ""
            span = self._span
            if span is None or not span.continues(run, index, segment, offset, image.columns) or self._full(span):
                if span is not None:
                    self._drop_if_done(span)
                rows, columns = image.pixels.shape
                span = Span(run, index, segment, offset, (rows, columns), image.pixels.dtype.str, image.pixels.nbytes)
                self._span = span
            fresh = not span.times
            span.add(index, image.time, image.columns, time.time())
            held.where[index] = span
            held.frames += 1
            held.journal.write(
                frame=index,
                number=image.number,
                segment=segment.name,
                offset=offset,
                shape=span.shape,
                dtype=span.dtype,
                time=image.time,
                columns=image.columns,
            )
            if fresh:
                held.spans[id(span)] = span
                for taker in self._takers:
                    taker.add(span)
            self._tell()
            return True

    def end(self, run: str, status: str) -> None:
        """A run ended."""
        with self.news:
            held = self._runs[run]
            held.ended = {"kind": "ended", "run": run, "frames": held.frames, "status": status}
            held.journal.write(ended=status)
            if self._current is not None:
                self._close_current()
            for taker in self._takers:
                taker.end(run, held.ended)
            self._tell()
            self._forget_if_done(held)

    def stored(self, run: str, start: int, stop: int) -> None:
        """Frames have a stored result: a segment with none left but such is removed."""
        with self.news:
            held = self._runs.get(run)
            if held is None:
                return
            wanted = range(start, stop)
            found = wanted if len(wanted) <= len(held.where) else [i for i in held.where if i in wanted]
            freed = [(index, span) for index in found if (span := held.where.pop(index, None)) is not None]
            if freed:
                held.journal.write(stored=[start, stop])
            for index, span in freed:
                span.kept.discard(index)
                span.segment.live -= 1
                if span is not self._span:
                    self._drop_if_done(span)
                self._remove_if_done(span.segment)
            self._forget_if_done(held)
            self.news.notify_all()

    def attach(self, taker: Taker, wake: Callable[[], None]) -> None:
        """Let a session take what is here and what comes; ``wake`` is called, from any thread, when there is news."""
        with self.news:
            for held in self._runs.values():
                taker.begin(held.run)
                for span in held.spans.values():
                    if span.kept:
                        taker.add(span)
                if held.ended is not None:
                    taker.end(held.run, held.ended)
            self._takers[taker] = wake

    def detach(self, taker: Taker) -> None:
        """A session has gone; what it did not take stays."""
        with self.news:
            self._takers.pop(taker, None)

    def take(self, taker: Taker, most: int) -> list[dict[str, Any]]:
        """Take up to so many items."""
        with self.news:
            items: list[dict[str, Any]] = []
            while len(items) < most and (item := taker.take()) is not None:
                items.append(item)
            return items

    def path(self, segment: str) -> Path | None:
        """Say where a segment lies; nowhere if it was freed."""
        with self.news:
            found = self._segments.get(segment)
            return None if found is None else found.path

    def close(self) -> None:
        """Close all files; what is in them goes to disk for a next process, since memory is for those that run.

        A segment for which the disk has no room stays in memory: frames without a result are not thrown away.
        """
        with self.news:
            if self._current is not None:
                self._close_current()
            for segment in self._segments.values():
                if not segment.spilled and not _spilled(segment):
                    break
            for held in self._runs.values():
                held.journal.close()
            if self._room.memory != self._room.disk and not any(self._room.memory.iterdir()):
                self._room.memory.rmdir()

    def _tell(self) -> None:
        for wake in self._takers.values():
            wake()

    def _full(self, span: Span) -> bool:
        frames, size = self._cap
        return len(span.times) >= frames or (len(span.times) + 1) * span.frame_bytes > size

    def _bytes(self, *, spilled: bool) -> int:
        return sum(segment.size for segment in self._segments.values() if segment.spilled == spilled)

    def _segment(self, size: int) -> Segment | None:
        """Find a segment with room for so many bytes; make one, and room for it, if need be."""
        current = self._current
        if current is not None and current.size and current.size + size > self._room.segment_bytes:
            self._close_current()
        while self._bytes(spilled=False) + size > self._room.memory_bytes:
            oldest = next((one for one in self._segments.values() if not one.open and not one.spilled), None)
            fits = oldest is not None and self._bytes(spilled=True) + oldest.size <= self._room.disk_bytes
            if oldest is not None and fits:
                oldest.spill()
            elif self._current is not None and (oldest is None or self._current.live == 0):
                # A small ring: the segment that is written to is all it has.
                self._close_current()
            else:
                return None
        if self._current is None:
            self._number += 1
            self._current = Segment(f"{self._number:x}.raw", self._room.memory, self._room.disk)
            self._segments[self._current.name] = self._current
        return self._current

    def _close_current(self) -> None:
        current, self._current, span, self._span = self._current, None, self._span, None
        if span is not None:
            self._drop_if_done(span)
        if current is not None:
            current.close()
            self._remove_if_done(current)

    def _drop_if_done(self, span: Span) -> None:
        if not span.kept and span.run in self._runs:
            self._runs[span.run].spans.pop(id(span), None)

    def _remove_if_done(self, segment: Segment) -> None:
        if segment.live == 0 and not segment.open and segment.name in self._segments:
            del self._segments[segment.name]
            segment.remove()

    def _forget_if_done(self, held: _Run) -> None:
        if held.ended is not None and not held.where:
            held.journal.remove()
            del self._runs[held.run]

    def _recover(self) -> None:
        """Read the journals that a former process left, and remove segments that no journal names."""
        for path in sorted(self._room.disk.glob(f"*{SUFFIX}")):
            run = path.name.removesuffix(SUFFIX)
            self._runs[run] = held = _Run(run, FrameJournal(self._room.disk, run))
            lines = list(read_lines(path))
            stored = {index for line in lines if "stored" in line for index in range(*line["stored"])}
            for line in lines:
                self._recover_line(held, line, stored)
            if held.ended is not None:
                self._forget_if_done(held)
                continue
            # Its process died. Only the newest such run may go on.
            left = left_of(run, lines)
            if left is None or self.left is not None:
                self.end(run if left is None or self.left is None else self.left.run, "fail")
            self.left = left or self.left
        self._span = None
        for folder in (self._room.memory, self._room.disk):
            for left in [*folder.glob("*.raw"), *folder.glob("*.partial")]:
                if left.name not in self._segments or self._segments[left.name].path != left:
                    left.unlink()

    def _recover_line(self, held: _Run, line: dict[str, Any], stored: set[int]) -> None:
        if "ended" in line:
            held.ended = {"kind": "ended", "run": held.run, "frames": held.frames, "status": line["ended"]}
        if "frame" not in line:
            return
        held.frames += 1
        self.last_number = int(line["number"])
        index, name = int(line["frame"]), str(line["segment"])
        if index in stored:
            return
        segment = self._segments.get(name)
        if segment is None:
            try:
                segment = Segment(name, self._room.memory, self._room.disk, begin=False)
            except FileNotFoundError:
                # Memory does not outlive this machine's restart, and then these frames have gone.
                return
            self._segments[name] = segment
        segment.live += 1
        (rows, columns), offset = line["shape"], int(line["offset"])
        span = self._span
        if span is None or not span.continues(held.run, index, segment, offset, line["columns"]) or self._full(span):
            size = rows * columns * np.dtype(line["dtype"]).itemsize
            self._span = span = Span(held.run, index, segment, offset, (rows, columns), line["dtype"], size)
            held.spans[id(span)] = span
        span.add(index, line["time"], line["columns"], line["time"])
        held.where[index] = span


def _spilled(segment: Segment) -> bool:
    try:
        segment.spill()
    except OSError as error:
        note(f"{segment.path} stays in memory, as it cannot be moved to disk: {error}")
        return False
    return True
