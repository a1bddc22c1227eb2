"""Blocks from a directory that a detector fills with image files: TIFF, CBF and what else fabio reads, and HDF5."""

import math
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from steering.core.block import FrameBlock
from steering.core.errors import SteeringError, cause
from steering.core.pixels import Pixels
from steering.core.source import RunEnded, RunStarted, SourceItem, SourceState, SourceStatus
from steering.documents.joining import frames_per_block
from steering.folders.directory import Directory, SeenFile
from steering.folders.file_series import FileSeries
from steering.folders.masters import Masters, master_name
from steering.folders.whole_file import WholeFile, block_of, read_whole
from steering.readers.file_names import HDF5
from steering.readers.open_files import OpenFiles
from steering.readers.paths import absolute
from steering.readers.pixels import make_mask
from steering.sources.hdf5 import Hdf5Source
from steering.sources.polling import Poll

# An HDF5 file that is open for writing, and to which nothing was added for so long, has lost its writer.
_STALLED_SECONDS = 60.0


class WatchSource:
    """Follows one directory; files that differ in their number only are one run.

    Attributes:
        rejected: How many files were malformed.
        last_rejection: A sentence about the newest of them.
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        pattern: str = "*",
        frames: int = 0,
        idle_seconds: float = 10.0,
        patience_seconds: float = 5.0,
        mask: "str | Path | NDArray[Any] | None" = None,
        saturated: float = math.inf,
    ) -> None:
        """Watch a directory; it need not be there yet.

        Args:
            directory: Where the detector writes. What lies there already comes first.
            pattern: Which files, for example ``"scan7_*.tif"``.
            frames: A run ends with this many; 0 if that is not known.
            idle_seconds: A run ends after this time without a new file.
            patience_seconds: How long a half-written or missing file is waited for before the others go on.
            mask: Bad pixels: an array of the frames' shape that is not zero where they are bad, or a file with one.
            saturated: Counts from which on a pixel is saturated, and so no count.

        Raises:
            SteeringError: If the mask is none.
        """
        self.rejected = 0
        self.last_rejection = ""
        self._path = Path(absolute(directory))
        self._directory = Directory(self._path, pattern)
        self._settings: dict[str, Any] = {"mask": mask, "saturated": saturated}
        self._pixels = Pixels(make_mask(mask), saturated)
        self._frames = frames
        self._idle = idle_seconds
        self._patience = patience_seconds
        self._state: SourceState = "waiting"
        self._series: FileSeries | None = None
        self._master: Hdf5Source | None = None
        self._detail = self._said()
        self._sent = self._missed = self._later = 0
        self._opened = OpenFiles(1)
        self._masters = Masters(self._opened)
        self._poll = Poll(self._look)

    @property
    def status(self) -> SourceStatus:
        """How it is; missed are numbers that never came, repeated are files that were written again."""
        return SourceStatus(
            self._poll.state(self._state),
            " ".join(filter(None, (self._detail, self._directory.ignored))),
            self._sent,
            self._missed + (self._master.status.missed if self._master is not None else 0),
            self.rejected,
            self._directory.repeated,
            self._later,
        )

    async def items(self) -> AsyncIterator[SourceItem]:
        """Yield run starts, blocks and run ends."""
        try:
            async for item in self._poll.items():
                yield item
        finally:
            self._opened.close()

    def stored(self, run: str, start: int, stop: int) -> None:
        """Do nothing: the frames are in the detector's own files."""

    def close(self) -> None:
        """End ``items``."""
        self._poll.close()
        self._state = "ended"

    def _look(self) -> Sequence[SourceItem] | None:
        if self._poll.closed:
            return None
        try:
            self._directory.look()
        except FileNotFoundError:
            self._cannot("is not there" if self._series is not None else "is not there yet")
            return self._end_if_idle()
        except OSError as error:
            self._cannot(f"cannot be read ({cause(error)})")
            return []
        self._state = "live" if self._series is not None or self._master is not None else "waiting"
        self._detail = self._said()
        if self._master is not None:
            return self._of_master(self._master)
        items = self._take()
        return items or self._end_if_idle()

    def _of_master(self, master: Hdf5Source) -> Sequence[SourceItem]:
        """Hand on what is new of the file that is a run of its own."""
        items = master.look()
        if master.rejected:
            self.rejected += master.rejected
            self.last_rejection, master.rejected = master.last_rejection, 0
        self._detail = master.status.detail
        if items is None:
            self._missed += master.status.missed
            master.close()
            self._master = None
            return []
        self._sent += sum(len(item) for item in items if isinstance(item, FrameBlock))
        return items

    def _cannot(self, why: str) -> None:
        self._state = "lost" if self._series is not None else "waiting"
        self._detail = f"{self._path} {why}."

    def _said(self) -> str:
        if self._series is None:
            return f"Waiting for files in {self._path}."
        frames = self._series.frames
        told = f"{frames} frame{'' if frames == 1 else 's'} of {self._series.name}."
        if self._series.counted:
            return told
        return f"{told} The numbers in the names are no count, so a file that is missing is not noticed."

    def _waiting(self) -> list[SeenFile]:
        """List the files whose turn it is; what a master has named is its own to take."""
        hdf5 = self._directory.waiting_in(HDF5)
        for file in hdf5:
            self._masters.is_master(file)
        for file in hdf5:
            if self._masters.claims(file):
                self._directory.finish(file)
        return self._directory.waiting(self._series.name if self._series is not None else "")

    def _waits_for_master(self, file: SeenFile) -> bool:
        """Say whether a data file's master is still to come: it is written first, or soon after."""
        master = master_name(file.path)
        return master is not None and not master.exists() and time.monotonic() - file.since < self._patience

    def _take(self) -> list[SourceItem]:
        """Take the files whose turn it is, up to one block."""
        items: list[SourceItem] = []
        taken: list[tuple[WholeFile, int]] = []
        waiting = self._waiting()
        if self._series is None and waiting and self._is_of_master(waiting[0]):
            return []
        for file in waiting:
            series = self._series
            if series is not None and not self._is_next(file, series, waiting):
                break
            whole = self._whole(file)
            if whole is None:
                if not self._directory.is_done(file):
                    break
                continue
            if series is None:
                series = self._begin(whole)
                items.append(RunStarted(series.run, ""))
            index = self._place(whole, series)
            if index is None:
                continue
            taken.append((whole, index))
            if sum(one.frames for one, _ in taken) >= frames_per_block(whole.frame_bytes):
                break
        return [*items, *self._blocks(taken)]

    def _is_of_master(self, file: SeenFile) -> bool:
        """Say whether a file is a run of its own, which begins now, or belongs to one that is still to come."""
        if not self._masters.is_master(file):
            return self._waits_for_master(file)
        self._directory.finish(file)
        self._master = Hdf5Source(file.path, stalled_seconds=self._idle, **self._settings)
        return True

    def _is_next(self, file: SeenFile, series: FileSeries, waiting: Sequence[SeenFile]) -> bool:
        """Say whether it is a file's turn; those before it that do not come are counted as missed."""
        series.recount()
        if series.counted and series.is_no_count(one.number for one in waiting if not self._directory.is_done(one)):
            series.counted = False
        if not series.counted or file.number <= series.number:
            return True
        # The files before this one have been waited for long enough.
        if time.monotonic() - file.since < self._patience:
            return False
        self._missed += series.give_up(file.number)
        return True

    def _whole(self, file: SeenFile) -> WholeFile | None:
        """Read a file; nothing if it is not whole yet, or was given up and counted."""
        dead = time.monotonic() - file.since > _STALLED_SECONDS
        try:
            whole = read_whole(file, self._opened)
            closed = read_whole(file, self._opened, closed=True) if whole is None and dead else None
        except (OSError, ValueError, KeyError, RuntimeError, SteeringError) as error:
            if time.monotonic() - file.since > self._patience:
                self._reject(f"{file.path} is not a whole image file ({error}).")
                self._refuse(file)
            return None
        if closed is not None:
            self._reject(f"{file.path} was never closed by its writer: the frames that are in it are taken.")
        return whole or closed

    def _begin(self, whole: WholeFile) -> FileSeries:
        self._series = FileSeries.begin(whole)
        self._state = "live"
        return self._series

    def _place(self, whole: WholeFile, series: FileSeries) -> int | None:
        """Say which frame of the run a file begins with; nothing if it is left out (and counted)."""
        file, first = whole.file, series.first
        self._directory.finish(file)
        series.touched = time.monotonic()
        if not whole.agrees(first):
            self._reject(
                f"{file.path} holds frames of shape {whole.shape} and type {whole.dtype}, but the run's have "
                f"shape {first.shape} and type {first.dtype}."
            )
            self._refuse(file)
            return None
        if series.files == 1:
            self._directory.settle(file)
        if file.number >= series.number:
            series.files += 1
            return series.place(whole)
        index, was_missed = series.place_late(file.number, whole.frames)
        if index is None:
            each = series.first.frames
            self._reject(
                f"{file.path} comes late with {whole.frames} frames, and there is room for {each}."
                if whole.frames > each
                else f"{file.path} has a number below that of the run's first file."
            )
            return None
        series.files += 1
        self._missed -= was_missed
        self._later += whole.frames
        return index

    def _refuse(self, file: SeenFile) -> None:
        """Leave a file out; its number keeps its place in the run."""
        self._directory.refuse(file)
        if self._series is not None:
            self._series.refuse(file.number)

    def _blocks(self, taken: Sequence[tuple[WholeFile, int]]) -> list[FrameBlock]:
        """Join image files that follow each other; each HDF5 file is a block of its own."""
        groups: list[list[WholeFile]] = []
        starts: list[int] = []
        expected = -1
        for whole, index in taken:
            if whole.stack is not None or index != expected or groups[-1][-1].stack is not None:
                groups.append([])
                starts.append(index)
            groups[-1].append(whole)
            expected = index + whole.frames
        series = self._series
        if series is None:
            return []
        blocks = [
            block_of(series.run, start, group, time.time(), self._pixels)
            for start, group in zip(starts, groups, strict=True)
        ]
        for block in blocks:
            self._sent += len(block)
            series.frames += len(block)
        self._detail = self._said()
        return blocks

    def _end_if_idle(self) -> list[SourceItem]:
        series = self._series
        if series is None:
            return []
        whole = bool(self._frames) and series.frames >= self._frames
        if not whole and (self._waiting() or time.monotonic() - series.touched < self._idle):
            return []
        self._series = None
        self._state = "waiting"
        return [RunEnded(series.run, series.frames, "success")]

    def _reject(self, sentence: str) -> None:
        self.rejected += 1
        self.last_rejection = sentence
