"""One raw file of a ring: frames one after another, on memory first, on disk when memory is short."""

import os
import shutil
from pathlib import Path
from typing import Any

from numpy.typing import NDArray


class Segment:
    """A file that is appended to, then only read, then removed.

    Attributes:
        name: Its file name, in memory and on disk.
        size: Bytes written.
        live: Frames in it whose results are not stored.
        spilled: Whether it lies on disk.
    """

    def __init__(self, name: str, memory: Path, disk: Path, *, begin: bool = True) -> None:
        """Begin an empty segment in memory, or take over one that a former process left.

        Raises:
            FileNotFoundError: If the file that is to be taken over has gone.
        """
        self.name = name
        self.live = 0
        self._memory, self._disk = memory / name, disk / name
        self._descriptor: int | None = None
        self.spilled = not begin and self._disk.exists()
        self.size = 0 if begin else self.path.stat().st_size
        if begin:
            self._descriptor = os.open(self._memory, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    @property
    def open(self) -> bool:
        """Whether it is still appended to."""
        return self._descriptor is not None

    @property
    def path(self) -> Path:
        """Where it lies now."""
        return self._disk if self.spilled else self._memory

    @property
    def paths(self) -> tuple[str, ...]:
        """Where it may lie while a reference to it is on its way."""
        return str(self._memory), str(self._disk)

    def append(self, pixels: NDArray[Any]) -> int:
        """Append one frame, contiguous in memory; return where it begins, in bytes.

        Raises:
            OSError: If there is no room left on the filesystem.
        """
        if self._descriptor is None:
            message = f"segment {self.name} is closed"
            raise ValueError(message)
        begin, content = self.size, memoryview(pixels.data).cast("B")
        written = 0
        while written < len(content):
            written += os.pwrite(self._descriptor, content[written:], begin + written)
        self.size = begin + pixels.nbytes
        self.live += 1
        return begin

    def close(self) -> None:
        """Append no more."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def spill(self) -> None:
        """Move it to disk; who has it open goes on reading."""
        partial = self._disk.with_suffix(".partial")
        try:
            shutil.copyfile(self._memory, partial)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        partial.chmod(0o600)
        partial.replace(self._disk)
        self.spilled = True
        self._memory.unlink()

    def remove(self) -> None:
        """Remove the file; who has it open goes on reading."""
        self.close()
        self.path.unlink(missing_ok=True)
