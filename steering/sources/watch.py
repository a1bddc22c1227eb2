"""Blocks from a directory that a detector fills with image files: TIFF, CBF and what else fabio reads, and HDF5."""

import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.core.source import RunEnded, RunStarted, SourceItem, SourceState, SourceStatus
from steering.sources.directory import Directory, SeenFile
from steering.sources.joining import frames_per_block
from steering.sources.open_files import OpenFiles
from steering.sources.polling import Poll
from steering.sources.whole_file import HDF5, IMAGES, WholeFile, block_of, read_whole


@dataclass
class _Series:
    """Files with the same name but for their numbers: one run."""

    name: str
    run: str
    first: WholeFile
    number: int
    index: int = 0
    frames: int = 0
    touched: float = 0.0
    missing: dict[int, int] = field(default_factory=dict[int, int])
    refused: dict[int, int] = field(default_factory=dict[int, int])


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
    ) -> None:
        """Watch a directory; it need not be there yet.

        Args:
            directory: Where the detector writes. What lies there already comes first.
            pattern: Which files, for example ``"scan7_*.tif"``.
            frames: A run ends with this many; 0 if that is not known.
            idle_seconds: A run ends after this time without a new file.
            patience_seconds: How long a half-written or missing file is waited for before the others go on.
        """
        self.rejected = 0
        self.last_rejection = ""
        self._path = Path(directory)
        self._directory = Directory(self._path, pattern, HDF5 | IMAGES)
        self._frames = frames
        self._idle = idle_seconds
        self._patience = patience_seconds
        self._state: SourceState = "waiting"
        self._series: _Series | None = None
        self._detail = self._said()
        self._sent = self._missed = self._later = 0
        self._opened = OpenFiles(1)
        self._poll = Poll(self._look)

    @property
    def status(self) -> SourceStatus:
        """How it is; missed are numbers that never came, repeated are files that were written again."""
        return SourceStatus(
            self._poll.state(self._state),
            self._detail,
            self._sent,
            self._missed,
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
            self._cannot(f"cannot be read ({error.strerror})")
            return []
        self._state = "live" if self._series is not None else "waiting"
        self._detail = self._said()
        items = self._take()
        return items or self._end_if_idle()

    def _cannot(self, why: str) -> None:
        self._state = "lost" if self._series is not None else "waiting"
        self._detail = f"{self._path} {why}."

    def _said(self) -> str:
        if self._series is None:
            return f"Waiting for files in {self._path}."
        frames = self._series.frames
        return f"{frames} frame{'' if frames == 1 else 's'} of {self._series.name}."

    def _waiting(self) -> list[SeenFile]:
        return self._directory.waiting(self._series.name if self._series is not None else "")

    def _take(self) -> list[SourceItem]:
        """Take the files whose turn it is, up to one block."""
        items: list[SourceItem] = []
        taken: list[tuple[WholeFile, int]] = []
        for file in self._waiting():
            series = self._series
            if series is not None and file.number > series.number and not self._gave_up(file, series):
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

    def _gave_up(self, file: SeenFile, series: _Series) -> bool:
        """Say whether the files before this one have been waited for long enough, and count them as missed."""
        if time.monotonic() - file.since < self._patience:
            return False
        for lost in range(series.number, file.number):
            series.missing[lost] = series.index
            series.index += 1
            self._missed += 1
        series.number = file.number
        return True

    def _whole(self, file: SeenFile) -> WholeFile | None:
        """Read a file; nothing if it is not whole yet, or was given up and counted."""
        try:
            return read_whole(file, self._opened)
        except (OSError, ValueError, KeyError, RuntimeError, SteeringError) as error:
            if time.monotonic() - file.since > self._patience:
                self._reject(f"{file.path} is not a whole image file ({error}).")
                self._refuse(file)
            return None

    def _begin(self, whole: WholeFile) -> _Series:
        file = whole.file
        said = f"{file.path.resolve().parent}|{file.series}|{file.path.stat().st_ino}"
        run = f"{Path(file.series).stem or 'files'}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"
        self._series = _Series(file.series, run, whole, file.number)
        self._state = "live"
        return self._series

    def _place(self, whole: WholeFile, series: _Series) -> int | None:
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
        if file.number < series.number:
            index = series.refused.pop(file.number, None)
            if index is None:
                index = series.missing.pop(file.number, None)
                self._missed -= index is not None
            if index is None:
                self._reject(f"{file.path} has a number below that of the run's first file.")
                return None
            self._later += whole.frames
            return index
        series.number = file.number + 1
        index, series.index = series.index, series.index + whole.frames
        return index

    def _refuse(self, file: SeenFile) -> None:
        """Leave a file out; its number keeps its place in the run."""
        self._directory.refuse(file)
        series = self._series
        if series is not None and file.number >= series.number:
            series.number = file.number + 1
            series.refused[file.number] = series.index
            series.index += 1

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
        blocks = [block_of(series.run, start, group, time.time()) for start, group in zip(starts, groups, strict=True)]
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
