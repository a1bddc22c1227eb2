"""Blocks from an HDF5 file, finished or still growing (SWMR): areaDetector, Eiger, NeXus, DataExchange, CXI."""

import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from steering.core.block import Floats, FrameBlock
from steering.core.errors import SteeringError
from steering.core.source import RunEnded, RunStarted, SourceItem, SourceState, SourceStatus
from steering.sources.hdf5_frames import count_frames
from steering.sources.hdf5_layout import Layout, find_layout, is_being_written
from steering.sources.joining import frames_per_block
from steering.sources.open_files import OpenFiles
from steering.sources.polling import Poll

_UNREADABLE_SECONDS = 10.0


class Hdf5Source:
    """One run: the images of one file, or of the files that a master file links to.

    Attributes:
        rejected: How many times the file was not what it should be.
        last_rejection: A sentence about the newest of them.
    """

    def __init__(self, path: str | Path, *, dataset: str = "", frames: int = 0, stalled_seconds: float = 60.0) -> None:
        """Follow a file; it need not be there yet.

        Args:
            path: The file, or the master file.
            dataset: Path of the images in it; found if left out.
            frames: How many there will be; 0 if that is not known: the run then ends when the writer closes the file.
            stalled_seconds: A run ends as failed when its writer adds nothing for this long and never closes the file.
        """
        self.rejected = 0
        self.last_rejection = ""
        self._path = Path(path)
        self._dataset = dataset
        self._frames = frames
        self._stalled = stalled_seconds
        self._files = OpenFiles()
        self._layout: Layout | None = None
        self._run = ""
        self._sent = 0
        self._counts: list[int] = []
        self._touched = time.monotonic()
        self._state: SourceState = "waiting"
        self._detail = f"Waiting for {self._path}."
        self._blamed: tuple[int, int] | None = None
        self._poll = Poll(self._look)

    @property
    def status(self) -> SourceStatus:
        """How it is."""
        return SourceStatus(self._poll.state(self._state), self._detail, self._sent, rejected=self.rejected)

    async def items(self) -> AsyncIterator[SourceItem]:
        """Yield the run's start, blocks as far as the file has grown, and its end; then nothing more comes."""
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

    def _look(self) -> Sequence[SourceItem] | None:
        if self._state == "ended":
            return None
        try:
            return self._read()
        except (OSError, KeyError, RuntimeError, ValueError, SteeringError) as error:
            self._files.forget(str(self._path))
            return self._unreadable(error)

    def _read(self) -> Sequence[SourceItem]:
        with self._files.use(str(self._path)) as file:
            if self._layout is None:
                self._layout = find_layout(file, self._dataset)
                if self._layout is None:
                    self._detail = f"{self._path} holds no images yet."
                    return self._end_if_over([])
                self._run = self._name(self._layout)
                self._state, self._touched = "live", time.monotonic()
                return [RunStarted(self._run, "")]
            before = self._count(file)
            block = self._block(file, self._layout)
            if block is not None:
                self._touched = time.monotonic()
                self._detail = f"{self._sent} of {before} frames."
                return [block]
        return self._end_if_over([])

    def _count(self, file: Any) -> int:
        """Count the frames in each stack, and look for new stacks once all have been read."""
        layout = self._layout
        if layout is None:
            return 0
        self._counts = []
        for place in layout.stacks:
            with self._files.use(place.path) as holder:
                dataset = holder[place.dataset]
                dataset.id.refresh()
                self._counts.append(count_frames(dataset))
        if self._sent >= sum(self._counts) and (len(layout.stacks) > 1 or layout.expected > sum(self._counts)):
            found = find_layout(file, self._dataset)
            if found is not None and len(found.stacks) > len(layout.stacks):
                self._layout = found
                return self._count(file)
        return sum(self._counts)

    def _block(self, file: Any, layout: Layout) -> FrameBlock | None:
        begin = 0
        for place, count in zip(self._layout.stacks if self._layout else (), self._counts, strict=True):
            if begin <= self._sent < begin + count:
                first = self._sent - begin
                stop = min(count, first + frames_per_block(layout.frame_bytes))
                start, self._sent = self._sent, self._sent + stop - first
                columns = {
                    name: _numbers(file, column.dataset, start, self._sent) for name, column in layout.columns.items()
                }
                return FrameBlock(
                    self._run,
                    "primary",
                    start,
                    self._sent,
                    place,
                    columns,
                    {name: column.units for name, column in layout.columns.items()},
                    {"received": time.time()},
                    first,
                )
            begin += count
        return None

    def _end_if_over(self, items: list[SourceItem]) -> list[SourceItem]:
        expected = self._frames or (self._layout.expected if self._layout else 0)
        whole = bool(expected) and self._sent >= expected
        if not whole and is_being_written(self._path):
            if time.monotonic() - self._touched < self._stalled:
                return items
            self._detail = f"The writer of {self._path} added nothing for {self._stalled:g} s and never closed it."
            return self._end("fail", items)
        if not whole and expected and time.monotonic() - self._touched < self._stalled:
            # The master file is whole, but its data files are still to come.
            return items
        if not whole and self._look_again():
            return items
        complete = whole or not expected
        self._detail = f"{self._sent} frames." if complete else f"Only {self._sent} of {expected} frames came."
        return self._end("success" if complete else "fail", items)

    def _look_again(self) -> bool:
        """Open the file anew, once it is closed, so that its last frames are seen."""
        if self._blamed == (-1, self._sent):
            return False
        self._blamed = (-1, self._sent)
        self._files.forget(str(self._path))
        return True

    def _end(self, status: str, items: list[SourceItem]) -> list[SourceItem]:
        self._state = "ended"
        if not self._run:
            self._reject(self._detail if status == "fail" else f"{self._path} holds no images.")
            return items
        return [*items, RunEnded(self._run, self._sent, status)]

    def _unreadable(self, error: Exception) -> list[SourceItem]:
        try:
            known = self._path.stat()
        except FileNotFoundError:
            if self._run:
                self._state, self._detail = "lost", f"{self._path} has gone."
            return self._give_up()
        as_it_is = known.st_size, known.st_mtime_ns
        self._detail = f"{self._path} cannot be read yet ({error})."
        if self._blamed != as_it_is and time.time() - known.st_mtime > _UNREADABLE_SECONDS:
            self._blamed = as_it_is
            self._reject(f"{self._path} cannot be read ({error}).")
        return self._give_up()

    def _give_up(self) -> list[SourceItem]:
        if self._run and time.monotonic() - self._touched > self._stalled:
            return self._end("fail", [])
        return []

    def _reject(self, sentence: str) -> None:
        self.rejected += 1
        self.last_rejection = sentence

    def _name(self, layout: Layout) -> str:
        # The same measurement has the same uid whenever its file is read; another one in a file of this name does not.
        content = f"{self._path.resolve()}|{self._path.stat().st_ino}|{layout.identity}"
        return f"{self._path.stem}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _numbers(file: Any, dataset: str, start: int, stop: int) -> Floats:
    """Read one number a frame; NaN where the file has none yet."""
    numbers = np.full(stop - start, np.nan)
    found = file[dataset]
    found.id.refresh()
    there = np.asarray(found[start:stop], dtype=np.float64)
    numbers[: len(there)] = there
    return numbers
