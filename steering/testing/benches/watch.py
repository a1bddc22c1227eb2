"""Writes TIFF files into a directory, as a detector does, not all of them whole."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from steering.sources.watch import WatchSource
from steering.testing.bench import FRAMES, SHAPE, value
from steering.testing.waiting import until

_WRONG = 3


class WatchBench:
    """Feeds a :class:`WatchSource`."""

    live = True
    loses = True

    def __init__(self, folder: Path) -> None:
        """Nothing is there before the first frame."""
        self._folder = folder / "images"
        self._source = WatchSource(self._folder, frames=0, idle_seconds=1.5, patience_seconds=0.3)

    async def open(self) -> WatchSource:
        """Watch a directory that is not there yet."""
        return self._source

    async def feed(self, indices: Sequence[int]) -> None:
        """Write one file a frame."""
        self._folder.mkdir(exist_ok=True)
        for index in indices:
            self._write(index)

    async def disturb(self, *, begun: bool) -> Mapping[str, int]:
        """Write files that are cut short, of a wrong size, no images, and one again."""
        self._folder.mkdir(exist_ok=True)
        (self._folder / "notes.txt").write_text("no image")
        if not begun:
            return {}
        self._write(2)
        half = FRAMES // 2
        self._write(half)
        whole = self._path(half).read_bytes()
        self._path(half).write_bytes(whole[:-20])
        self._write(half + 1, (3, 3))
        self._path(half + 2).write_bytes(b"II*\0" + b"\xff" * 30)
        await until(lambda: self._source.rejected == _WRONG, lambda: f"{self._source.rejected} of {_WRONG} are counted")
        return {"rejected": _WRONG, "repeated": 1, "later": 3}

    async def end(self) -> None:
        """Write no more."""

    def held(self) -> int:
        """Nothing is held."""
        return 0

    async def close(self) -> None:
        """Nothing was started."""

    def _path(self, index: int) -> Path:
        return self._folder / f"scan_{index:05d}.tif"

    def _write(self, index: int, shape: tuple[int, int] = SHAPE) -> None:
        import tifffile

        tifffile.imwrite(self._path(index), np.full(shape, value(index), np.uint16))
