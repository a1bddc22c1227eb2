"""One run of an HDF5 file: the frames of one entry, as far as they are there."""

import time
from dataclasses import dataclass, field
from typing import Any

from steering.core.block import FrameBlock
from steering.core.pixels import Pixels
from steering.documents.joining import frames_per_block
from steering.places.hdf5 import FrameFile
from steering.readers.hdf5_frames import count_frames
from steering.readers.hdf5_layout import Layout, Stack, find_layout
from steering.readers.hdf5_nodes import UNREADABLE
from steering.readers.hdf5_written import look_anew
from steering.readers.open_files import OpenFiles
from steering.readers.paths import local_path


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
    """

    run: str
    layout: Layout
    pixels: Pixels
    files: OpenFiles
    sent: int = 0
    missed: int = 0
    touched: float = field(default_factory=time.monotonic)
    short: tuple[str, ...] = ()

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
        """Make a block of the frames that come next; nothing if they are not there."""
        begin = 0
        for stack, there in zip(self.layout.stacks, self._counts(), strict=True):
            if begin <= self.sent < begin + there:
                place = self.sent - begin
                stop = min(there, place + frames_per_block(self.layout.frame_bytes))
                start, self.sent = self.sent, self.sent + stop - place
                self.touched = time.monotonic()
                return self._block(file, stack, start, stack.first + place)
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

    def _block(self, file: Any, stack: Stack, start: int, first: int) -> FrameBlock:
        columns = self.layout.columns
        return FrameBlock(
            self.run,
            "primary",
            start,
            self.sent,
            FrameFile(stack.file.path, stack.file.dataset, stack.file.times),
            {name: column.read(file, start, self.sent) for name, column in columns.items()},
            {name: column.units for name, column in columns.items()},
            {"received": time.time()},
            first,
            self.pixels,
        )

    def _counts(self) -> list[int]:
        """Count what is there of each stack."""
        counts: list[int] = []
        short: list[str] = []
        for stack in self.layout.stacks:
            there = self._held(stack)
            if stack.count is not None:
                if there < stack.count:
                    short.append(stack.file.path)
                there = min(there, stack.count)
            counts.append(there)
        self.short = tuple(short)
        return counts

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
