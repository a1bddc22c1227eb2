"""Writes an HDF5 file that grows (SWMR), from a process of its own as a detector does."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from steering.sources.hdf5 import Hdf5Source
from steering.testing.benches.child import Child
from steering.testing.waiting import until


class Hdf5Bench:
    """Feeds a :class:`Hdf5Source`."""

    live = True
    # Frames lie one after another: what was never written leaves no gap.
    loses = False

    def __init__(self, folder: Path) -> None:
        """Nothing is there before the first frame."""
        self._path = folder / "scan_0001.h5"
        self._writer: Child | None = None

    async def open(self) -> Hdf5Source:
        """Follow a file that is not there yet."""
        self._source = Hdf5Source(self._path)
        return self._source

    async def feed(self, indices: Sequence[int]) -> None:
        """Have frames written and flushed."""
        if self._writer is None:
            self._path.unlink(missing_ok=True)
            self._writer = await Child.start("steering.testing.benches.hdf5_writer", str(self._path))
        await self._writer.ask(frames=list(indices))

    async def disturb(self, *, begun: bool) -> Mapping[str, int]:
        """Before the run, put a file there that is cut short; frames with NaN are among those that are fed anyway."""
        if begun:
            return {}
        self._path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 40)
        os.utime(self._path, (1.0, 1.0))
        await until(lambda: self._source.rejected > 0, lambda: "a file that is cut short is not counted")
        return {"rejected": 1}

    async def end(self) -> None:
        """Have the file closed."""
        if self._writer is not None:
            await self._writer.ask(close=True)

    def held(self) -> int:
        """Nothing is held."""
        return 0

    async def close(self) -> None:
        """End the writer."""
        if self._writer is not None:
            await self._writer.end()
