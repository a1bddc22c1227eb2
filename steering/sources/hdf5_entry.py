"""One run of an HDF5 file: the frames of one entry, as far as they are there."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steering.core.block import Floats, FrameBlock
from steering.core.pixels import Pixels
from steering.documents.joining import frames_per_block
from steering.places.hdf5 import FrameFile
from steering.readers.hdf5_frames import count_frames
from steering.readers.hdf5_layout import Layout, Stack, find_layout
from steering.readers.hdf5_nodes import UNREADABLE
from steering.readers.hdf5_written import look_anew
from steering.readers.open_files import OpenFiles
from steering.readers.paths import local_path

# Numbers beside the frames that cannot be read are tried again for so long (seconds); then the frames come without.
_PATIENCE = 2.0


@dataclass
class Entry:
    """Follows the frames of one entry.

    Attributes:
        run: Run uid.
        layout: What the entry holds.
        pixels: What a person said of its pixels.
        sent: How many frames were handed on or left out.
        missed: How many were left out, because what holds them never came.
        touched: Monotonic time in seconds at which something of it last came.
        short: Files that should hold more frames than they do now.
        unread: Columns that cannot be read, with the reason.
    """

    run: str
    layout: Layout
    pixels: Pixels
    files: OpenFiles
    sent: int = 0
    missed: int = 0
    touched: float = field(default_factory=time.monotonic)
    short: tuple[str, ...] = ()
    unread: dict[str, str] = field(default_factory=dict[str, str])
    _failing: dict[str, float] = field(default_factory=dict[str, float])
    # Frames of the stacks that get no more, so that not every file is opened for each block.
    _whole: dict[Stack, int] = field(default_factory=dict[Stack, int])

    def look(self, file: Any, dataset: str) -> int:
        """Count the frames that are there now; look for new stacks once all have been read."""
        counts = self._counts()
        layout = self.layout
        if self.sent >= sum(counts) and (len(layout.stacks) > 1 or layout.expected > sum(counts)):
            found = find_layout(file, dataset, layout.entry)
            if len(found.stacks) > len(layout.stacks):
                self.layout = found
                counts = self._counts()
        return sum(counts)

    def block(self, file: Any) -> FrameBlock | None:
        """Make a block of the frames that come next; nothing if they are not there.

        Raises:
            OSError: If the numbers beside them cannot be read now; the next call makes the same block.
        """
        begin = 0
        for stack, there in zip(self.layout.stacks, self._counts(), strict=True):
            if begin <= self.sent < begin + there:
                place = self.sent - begin
                stop = min(there, place + frames_per_block(self.layout.frame_bytes))
                made = self._block(file, stack, self.sent + stop - place, stack.first + place)
                # Only now: what could not be made is made once more.
                self.sent = made.stop
                self.touched = time.monotonic()
                return made
            begin += there if stack.count is None else stack.count
        return None

    def leave_out(self) -> str:
        """Leave out the frames that are waited for, and go on with those after them; say what was left out."""
        begin = 0
        for stack, there in zip(self.layout.stacks, self._counts(), strict=True):
            end = begin + (there if stack.count is None else stack.count)
            if begin + there <= self.sent < end:
                lost, self.sent = end - self.sent, end
                self.missed += lost
                self.touched = time.monotonic()
                name = stack.file.path
                state = "is not there" if local_path(name) is None else "holds too few"
                return f"{name} {state}: frames {end - lost} to {end - 1} are left out."
            begin = end
        return ""

    def _block(self, file: Any, stack: Stack, stop: int, first: int) -> FrameBlock:
        columns = self.layout.columns
        return FrameBlock(
            self.run,
            "primary",
            self.sent,
            stop,
            FrameFile(stack.file.path, stack.file.dataset, stack.file.times),
            {name: self._numbers(file, name, stop) for name in columns},
            {name: column.units for name, column in columns.items()},
            {"received": time.time()},
            first,
            self.pixels,
        )

    def _numbers(self, file: Any, name: str, stop: int) -> Floats:
        """Read a column of the frames that come next; NaN if that was tried for long enough."""
        try:
            found = self.layout.columns[name].read(file, self.sent, stop)
        except UNREADABLE as error:
            if time.monotonic() - self._failing.setdefault(name, time.monotonic()) < _PATIENCE:
                raise
            self.unread[name] = str(error)
            return np.full(stop - self.sent, np.nan)
        self._failing.pop(name, None)
        return found

    def _counts(self) -> list[int]:
        """Count what is there of each stack, the last first: a writer fills one file after another.

        So a stack that is counted after a later one was seen to have frames gets no more.
        """
        counts: list[int] = []
        short: list[str] = []
        for stack in reversed(self.layout.stacks):
            there = self._whole.get(stack)
            if there is None:
                there = self._held(stack)
                if stack.count is None:
                    whole = bool(there) and any(counts)
                else:
                    whole, there = there >= stack.count, min(there, stack.count)
                    short += [] if whole else [stack.file.path]
                if whole:
                    self._whole[stack] = there
            counts.append(there)
        self.short = tuple(reversed(short))
        return counts[::-1]

    def _held(self, stack: Stack) -> int:
        path = local_path(stack.file.path)
        if path is None:
            return 0
        try:
            with self.files.use(str(path)) as holder:
                dataset = holder[stack.file.dataset]
                look_anew(dataset)
                return max(count_frames(dataset) - stack.first, 0)
        except UNREADABLE:
            if stack.count is None:
                raise
            self.files.forget(str(path))
            return 0
