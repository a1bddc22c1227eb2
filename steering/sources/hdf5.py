"""Blocks from an HDF5 file, finished or still growing (SWMR): areaDetector, Eiger, NeXus, BLISS, DataExchange, CXI.

Each entry of the file is one run, in the order of their names: positions and times are those of the same entry.
"""

import hashlib
import math
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from steering.core.errors import SteeringError
from steering.core.pixels import Pixels
from steering.core.source import RunEnded, RunStarted, SourceItem, SourceState, SourceStatus
from steering.readers.hdf5_layout import Layout, find_layouts
from steering.readers.hdf5_nodes import UNREADABLE
from steering.readers.hdf5_written import is_being_written
from steering.readers.open_files import OpenFiles
from steering.readers.paths import absolute
from steering.readers.pixels import make_mask
from steering.sources.hdf5_entry import Entry
from steering.sources.polling import Poll

_UNREADABLE_SECONDS = 10.0


class Hdf5Source:
    """The images of one file, or of the files that a master file links to; one run an entry.

    Attributes:
        rejected: How many times the file was not what it should be.
        last_rejection: A sentence about the newest of them.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        dataset: str = "",
        entry: str = "",
        frames: int = 0,
        stalled_seconds: float = 60.0,
        mask: "str | Path | NDArray[Any] | None" = None,
        saturated: float = float("inf"),
    ) -> None:
        """Follow a file; it need not be there yet.

        Args:
            path: The file, or the master file.
            dataset: Path of the images in it; found if left out.
            entry: Name of the only entry to take; all that hold images if left out.
            frames: How many there will be; 0 if that is not known: the run then ends when the writer closes the file.
            stalled_seconds: What is linked to and not there is waited for so long. A run ends as failed when its writer
                adds nothing for this long and never closes the file.
            mask: Bad pixels, besides those that the file names: an array of the frames' shape that is not zero where
                they are bad, or a file with one (``mask.npy``, ``mask.tif``, ``master.h5::PATH``).
            saturated: Counts from which on a pixel is saturated, and so no count.

        Raises:
            SteeringError: If the mask is none.
        """
        self.rejected = 0
        self.last_rejection = ""
        self._path = Path(absolute(path))
        self._dataset, self._only = dataset, entry
        self._frames = frames
        self._stalled = stalled_seconds
        self._pixels = Pixels(make_mask(mask), saturated)
        self._files = OpenFiles()
        self._entry: Entry | None = None
        self._done: set[str] = set()
        self._sent = self._missed = self._missed_before = 0
        # Since when something is waited for: since the file can be read, or since the run before ended.
        self._touched = math.nan
        self._told: set[str] = set()
        self._state: SourceState = "waiting"
        self._detail = f"Waiting for {self._path}."
        self._blamed: tuple[int, int] | None = None
        self._poll = Poll(self.look)

    @property
    def status(self) -> SourceStatus:
        """How it is; missed are frames of files that never came."""
        return SourceStatus(
            self._poll.state(self._state), self._detail, self._sent, self._missed, rejected=self.rejected
        )

    async def items(self) -> AsyncIterator[SourceItem]:
        """Yield each run's start, blocks as far as the file has grown, and its end; then nothing more comes."""
        try:
            async for item in self._poll.items():
                yield item
        finally:
            self._files.close()

    def stored(self, run: str, start: int, stop: int) -> None:
        """Do nothing: the frames are in the detector's own file."""

    def close(self) -> None:
        """End ``items``."""
        self._poll.close()
        self._state = "ended"

    def look(self) -> Sequence[SourceItem] | None:
        """Return what is new, for who does not iterate over ``items``; nothing when no more will come."""
        if self._state == "ended":
            return None
        try:
            return self._read()
        except (*UNREADABLE, SteeringError) as error:
            self._files.forget(str(self._path))
            return self._unreadable(error)

    def _read(self) -> Sequence[SourceItem]:
        with self._files.use(str(self._path)) as file:
            if math.isnan(self._touched):
                self._touched = time.monotonic()
            if self._entry is None:
                return self._begin(file)
            entry = self._entry
            there = entry.look(file, self._dataset)
            block = entry.block(file)
            if block is not None:
                self._sent += len(block)
                self._say_unread(entry)
                self._detail = _told(entry, there)
                return [block]
            later = self._later(file)
        return self._end_if_over(entry, later=later)

    def _begin(self, file: Any) -> Sequence[SourceItem]:
        """Begin with the next entry that has images."""
        for layout in find_layouts(file, self._dataset):
            if layout.entry in self._done or (self._only and layout.entry != self._only):
                continue
            if layout.refused:
                self._reject(layout.refused)
                self._done.add(layout.entry)
                continue
            if layout.waits:
                self._detail = layout.waits
                if self._still_waited_for():
                    return []
                self._reject(layout.waits)
                self._done.add(layout.entry)
                continue
            self._entry = Entry(self._name(layout), layout, self._pixels, self._files)
            self._state = "live"
            self._detail = _told(self._entry, 0)
            return [RunStarted(self._entry.run, layout.entry)]
        return self._nothing_more()

    def _nothing_more(self) -> Sequence[SourceItem]:
        if is_being_written(self._path) or self._looks_again():
            if not self._done:
                self._detail = f"{self._path} holds no images yet."
            if time.monotonic() - self._touched < self._stalled:
                return []
        if not self._done:
            self._reject(f"{self._path} holds no images.")
        self._state = "ended"
        return []

    def _later(self, file: Any) -> bool:
        """Say whether the file has an entry after this one: then this one is over."""
        if self._dataset or self._only or self._entry is None:
            return False
        entry = self._entry.layout.entry
        return any(layout.entry not in self._done | {entry} and layout.stacks for layout in find_layouts(file))

    def _end_if_over(self, entry: Entry, *, later: bool) -> Sequence[SourceItem]:
        expected = self._frames or entry.layout.expected
        whole = bool(expected) and entry.sent >= expected
        quiet = time.monotonic() - entry.touched
        if not whole and entry.short and quiet < self._stalled:
            self._detail = f"{_told(entry, entry.sent)} Waiting for {entry.short[0]}."
            return []
        if not whole and (lost := entry.leave_out()):
            self._missed = self._missed_before + entry.missed
            self._reject(lost)
            return []
        if not whole and not later and is_being_written(self._path):
            if quiet < self._stalled:
                return []
            self._detail = f"The writer of {self._path} added nothing for {self._stalled:g} s and never closed it."
            return self._end(entry, "fail")
        if not whole and not later and expected and quiet < self._stalled:
            # The master file is whole, but its data files are still to come.
            return []
        if not whole and not later and self._looks_again():
            return []
        complete = (whole or not expected) and not entry.missed
        kept = entry.sent - entry.missed
        self._detail = f"{kept} frames." if complete else f"Only {kept} of {max(expected, entry.sent)} frames came."
        return self._end(entry, "success" if complete else "fail")

    def _end(self, entry: Entry, status: str) -> Sequence[SourceItem]:
        self._done.add(entry.layout.entry)
        self._entry, self._blamed = None, None
        self._missed_before = self._missed
        self._touched = time.monotonic()
        self._state = "ended" if self._dataset or self._only or self._frames else "waiting"
        return [RunEnded(entry.run, entry.sent - entry.missed, status)]

    def _still_waited_for(self) -> bool:
        """Say whether what a link leads to may still come: not for a file that was written long ago."""
        age = time.time() - self._path.stat().st_mtime
        return age < self._stalled and time.monotonic() - self._touched < self._stalled

    def _looks_again(self) -> bool:
        """Open the file anew, once it is closed, so that its last frames are seen."""
        seen = (-1, self._entry.sent if self._entry is not None else -1)
        if self._blamed == seen:
            return False
        self._blamed = seen
        self._files.forget(str(self._path))
        return True

    def _unreadable(self, error: Exception) -> Sequence[SourceItem]:
        try:
            known = self._path.stat()
        except FileNotFoundError:
            if self._entry is not None:
                self._state, self._detail = "lost", f"{self._path} has gone."
            return self._give_up()
        as_it_is = known.st_size, known.st_mtime_ns
        self._detail = f"{self._path} cannot be read yet ({error})."
        if self._blamed != as_it_is and time.time() - known.st_mtime > _UNREADABLE_SECONDS:
            self._blamed = as_it_is
            self._reject(f"{self._path} cannot be read ({error}).")
        return self._give_up()

    def _give_up(self) -> Sequence[SourceItem]:
        entry = self._entry
        if entry is not None and time.monotonic() - entry.touched > self._stalled:
            items = self._end(entry, "fail")
            self._state = "ended"
            return items
        return []

    def _say_unread(self, entry: Entry) -> None:
        """Say once of each column that it cannot be read."""
        for name, why in entry.unread.items():
            if (told := f"{entry.run} {name}") not in self._told:
                self._told.add(told)
                self._reject(f"The column {name} of {self._path} cannot be read ({why}): its frames come without it.")

    def _reject(self, sentence: str) -> None:
        self.rejected += 1
        self.last_rejection = sentence

    def _name(self, layout: Layout) -> str:
        # The same measurement has the same uid whenever its file is read; another one in a file of this name does not.
        content = f"{self._path.resolve()}|{self._path.stat().st_ino}|{layout.identity}"
        return f"{self._path.stem}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _told(entry: Entry, there: int) -> str:
    others = entry.layout.others
    more = f" Others are there, to be named with dataset=: {', '.join(others[:3])}." if others else ""
    return f"{entry.sent} of {there} frames of {entry.layout.stacks[0].file.dataset}.{more}"
