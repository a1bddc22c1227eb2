"""Blocks from a directory that a detector fills with image files: TIFF, CBF and what else fabio reads, and HDF5."""

import hashlib
import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.core.place import FrameFile, ImageFiles, Place
from steering.core.source import RunEnded, RunStarted, SourceItem, SourceState, SourceStatus
from steering.sources.hdf5_frames import count_frames
from steering.sources.hdf5_layout import find_layout, is_being_written
from steering.sources.image_files import read_image_file
from steering.sources.joining import frames_per_block
from steering.sources.open_files import OpenFiles
from steering.sources.polling import Poll

_HDF5 = frozenset((".h5", ".hdf5", ".nxs", ".hdf", ".cxi"))
_IMAGES = frozenset((".tif", ".tiff", ".cbf", ".edf", ".mccd", ".img", ".sfrm", ".ge2"))
_NUMBERED = re.compile(r"(.*?)(\d+)$")
_UNFINISHED = (".tmp", ".part", ".partial", ".swp")


@dataclass
class _File:
    """A file that was seen."""

    path: Path
    series: str
    number: int
    size: int = -1
    changed: int = -1
    since: float = 0.0


@dataclass(frozen=True)
class _Content:
    """What a file turned out to hold."""

    frames: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    hdf5: FrameFile | None
    complete: float


@dataclass
class _Series:
    """Files with the same name but for their numbers: one run."""

    name: str
    run: str
    content: _Content
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
        self._directory = Path(directory)
        self._pattern = pattern
        self._frames = frames
        self._idle = idle_seconds
        self._patience = patience_seconds
        self._files: dict[Path, _File] = {}
        self._done: dict[Path, tuple[int, int]] = {}
        self._refused: set[Path] = set()
        self._series: _Series | None = None
        self._state: SourceState = "waiting"
        self._detail = f"Waiting for files in {self._directory}."
        self._sent = self._missed = self._repeated = self._later = 0
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
            self._repeated,
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
            self._scan()
        except OSError as error:
            if not isinstance(error, FileNotFoundError) or self._series is not None:
                self._state = "lost"
            self._detail = f"{self._directory} cannot be read ({error.strerror})."
            return []
        self._state = "live" if self._series is not None else "waiting"
        items = self._take()
        return items or self._end_if_idle()

    def _scan(self) -> None:
        """See what is there, and what changed since the look before."""
        now = time.monotonic()
        for path in self._directory.glob(self._pattern):
            if path.suffix.lower() not in _HDF5 | _IMAGES or path.name.startswith(".") or path.suffix in _UNFINISHED:
                continue
            try:
                known = path.stat()
            except FileNotFoundError:
                continue
            as_it_is = known.st_size, known.st_mtime_ns
            if path in self._done:
                if self._done[path] == as_it_is:
                    continue
                if path not in self._refused:
                    self._done[path] = as_it_is
                    self._repeated += 1
                    continue
                # What was given up half-written, or was of another size, has been written anew: it comes late.
                self._refused.discard(path)
                del self._done[path]
            file = self._files.get(path)
            if file is None:
                matched = _NUMBERED.match(path.stem)
                series, number = (matched[1], int(matched[2])) if matched else (path.stem, 0)
                file = self._files[path] = _File(path, f"{series}{path.suffix}", number)
            if (file.size, file.changed) != as_it_is:
                file.size, file.changed = as_it_is
                file.since = now

    def _take(self) -> list[SourceItem]:
        """Take the files whose turn it is, up to one block."""
        items: list[SourceItem] = []
        taken: list[tuple[_File, _Content, int]] = []
        for file in self._waiting():
            series = self._series
            if series is not None and file.number > series.number and not self._gave_up(file, series):
                break
            content = self._content(file)
            if content is None:
                if file.path not in self._done:
                    break
                continue
            if series is None:
                series = self._begin(file, content)
                items.append(RunStarted(series.run, ""))
            index = self._place(file, content, series)
            if index is None:
                continue
            taken.append((file, content, index))
            if sum(one.frames for _, one, _ in taken) >= frames_per_block(_bytes(content)):
                break
        return [*items, *self._blocks(taken)]

    def _waiting(self) -> list[_File]:
        """List the files of the series that goes on, in order; of the one that was begun first, if none does."""
        names = {file.series for file in self._files.values()}
        if self._series is not None:
            names &= {self._series.name}
        if not names:
            return []
        name = min(names, key=lambda one: min(f.changed for f in self._files.values() if f.series == one))
        return sorted((file for file in self._files.values() if file.series == name), key=lambda file: file.number)

    def _gave_up(self, file: _File, series: _Series) -> bool:
        """Say whether the files before this one have been waited for long enough, and count them as missed."""
        if time.monotonic() - file.since < self._patience:
            return False
        for lost in range(series.number, file.number):
            series.missing[lost] = series.index
            series.index += 1
            self._missed += 1
        series.number = file.number
        return True

    def _content(self, file: _File) -> _Content | None:
        """Read a file; nothing if it is not whole yet, or was given up and counted."""
        try:
            if file.path.suffix.lower() in _HDF5:
                return self._hdf5(file)
            # Read whole, because only that tells whether it is whole; its bytes are then in this machine's memory.
            images = read_image_file(file.path)
            return _Content(len(images), images.shape[1:], images.dtype, None, file.changed * 1e-9)
        except (OSError, ValueError, KeyError, RuntimeError, SteeringError) as error:
            if time.monotonic() - file.since > self._patience:
                self._reject(f"{file.path} is not a whole image file ({error}).")
                self._refuse(file)
            return None

    def _hdf5(self, file: _File) -> _Content | None:
        if is_being_written(file.path):
            return None
        # Opened anew each time: what was known of it half-written is out of date.
        self._opened.forget(str(file.path))
        with self._opened.use(str(file.path)) as opened:
            layout = find_layout(opened)
            if layout is None or len(layout.stacks) != 1:
                message = "it holds no single stack of images"
                raise ValueError(message)
            (stack,) = layout.stacks
            dataset: Any = opened[stack.dataset]
            shape: tuple[int, ...] = tuple(dataset.shape[-2:])
            return _Content(count_frames(dataset), shape, dataset.dtype, stack, file.changed * 1e-9)

    def _begin(self, file: _File, content: _Content) -> _Series:
        said = f"{file.path.resolve().parent}|{file.series}|{file.path.stat().st_ino}"
        run = f"{Path(file.series).stem or 'files'}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"
        self._series = _Series(file.series, run, content, file.number)
        self._state = "live"
        return self._series

    def _place(self, file: _File, content: _Content, series: _Series) -> int | None:
        """Say which frame of the run a file begins with; nothing if it is left out (and counted)."""
        self._finish(file)
        series.touched = time.monotonic()
        if (content.shape, content.dtype) != (series.content.shape, series.content.dtype):
            self._reject(
                f"{file.path} holds frames of shape {content.shape} and type {content.dtype}, but the run's have "
                f"shape {series.content.shape} and type {series.content.dtype}."
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
            self._later += content.frames
            return index
        series.number = file.number + 1
        index, series.index = series.index, series.index + content.frames
        return index

    def _refuse(self, file: _File) -> None:
        """Leave a file out; its number keeps its place in the run."""
        self._finish(file)
        self._refused.add(file.path)
        series = self._series
        if series is not None and file.number >= series.number:
            series.number = file.number + 1
            series.refused[file.number] = series.index
            series.index += 1

    def _blocks(self, taken: list[tuple[_File, _Content, int]]) -> list[FrameBlock]:
        blocks: list[FrameBlock] = []
        group: list[tuple[_File, _Content, int]] = []
        for entry in taken:
            _, content, index = entry
            if group and (content.hdf5 is not None or group[-1][2] + group[-1][1].frames != index):
                blocks.append(self._block(group))
                group = []
            group.append(entry)
            if content.hdf5 is not None:
                blocks.append(self._block(group))
                group = []
        return [*blocks, self._block(group)] if group else blocks

    def _block(self, group: list[tuple[_File, _Content, int]]) -> FrameBlock:
        series = self._series
        if series is None:
            message = "no series goes on"
            raise SteeringError(message)
        start = group[0][2]
        stop = group[-1][2] + group[-1][1].frames
        first: int | None = None
        place: Place
        if group[0][1].hdf5 is not None:
            place, first = group[0][1].hdf5, 0
        else:
            frames = [(file, number, content) for file, content, _ in group for number in range(content.frames)]
            place = ImageFiles(
                tuple(str(file.path) for file, _, _ in frames),
                tuple(number for _, number, _ in frames),
                tuple(content.complete for _, _, content in frames),
            )
        self._sent += stop - start
        series.frames += stop - start
        self._detail = f"{series.frames} frames of {series.name}."
        seen = {"document": group[-1][1].complete, "received": time.time()}
        return FrameBlock(series.run, "primary", start, stop, place, {}, {}, seen, first)

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

    def _finish(self, file: _File) -> None:
        self._done[file.path] = file.size, file.changed
        self._files.pop(file.path, None)

    def _reject(self, sentence: str) -> None:
        self.rejected += 1
        self.last_rejection = sentence


def _bytes(content: _Content) -> int:
    return int(np.prod(content.shape)) * content.dtype.itemsize
