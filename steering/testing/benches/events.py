"""Writes a file of photon events, as a photon-counting detector does."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from steering.event_sources.events import EventsSource
from steering.photons.rigaku import write_rigaku
from steering.testing.bench import SHAPE, value
from steering.testing.waiting import until


class EventsBench:
    """Feeds an :class:`EventsSource`."""

    live = True
    # Frames without events are empty frames: what was never written leaves no gap.
    loses = False

    def __init__(self, folder: Path) -> None:
        """Nothing is there before the first frame."""
        self._path = folder / "A001.bin"

    async def open(self) -> EventsSource:
        """Follow a file that is not there yet."""
        self._source = EventsSource(self._path, rows=SHAPE[0], columns=SHAPE[1], idle_seconds=1.0)
        return self._source

    async def feed(self, indices: Sequence[int]) -> None:
        """Add the events of frames."""
        pixels = np.arange(SHAPE[0] * SHAPE[1])
        for index in indices:
            write_rigaku(self._path, np.full(len(pixels), index), pixels, np.full(len(pixels), value(index)))

    async def disturb(self, *, begun: bool) -> Mapping[str, int]:
        """Write an event of a frame that was taken long ago; any other 64 bits are an event too."""
        if not begun:
            return {}
        await until(lambda: self._source.status.frames > 1, lambda: "no frame is taken while others come")
        write_rigaku(self._path, np.zeros(1, int), np.zeros(1, int), np.ones(1, int))
        return {"rejected": 1}

    async def end(self) -> None:
        """Write no more."""

    def held(self) -> int:
        """Nothing is held."""
        return 0

    async def close(self) -> None:
        """Nothing was started."""
