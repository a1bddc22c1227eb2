"""Writes a file of Timepix3 events, as SERVAL does."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from steering.core.workspace import Workspace
from steering.event_sources.timepix import TimepixSource
from steering.photons.timepix import UNIT, write_timepix
from steering.testing.bench import SHAPE, value
from steering.testing.waiting import until

_PERIOD = 1e-3


class TimepixBench:
    """Feeds a :class:`TimepixSource`; frames are a corner of its chip."""

    live = True
    # Frames without events are empty frames: what was never written leaves no gap.
    loses = False

    def __init__(self, folder: Path) -> None:
        """Nothing is there before the first frame."""
        self._folder, self._path = folder, folder / "scan.tpx3"

    async def open(self) -> TimepixSource:
        """Follow a file that is not there yet."""
        self._source = TimepixSource(
            self._path, period=_PERIOD, part=(0, 0, *SHAPE), settled=0.0, idle_seconds=1.0,
            workspace=Workspace(self._folder / "workspace"),
        )  # fmt: skip
        return self._source

    async def feed(self, indices: Sequence[int]) -> None:
        """Add the events of frames."""
        row, column = (one.ravel() for one in np.indices(SHAPE))
        units = round(_PERIOD / UNIT)
        with self._path.open("ab") as file:
            for index in indices:
                for _ in range(value(index)):
                    file.write(write_timepix(np.full(row.size, index * units), row, column))

    async def disturb(self, *, begun: bool) -> Mapping[str, int]:
        """Write a packet of another kind, which is passed over, and an event of a frame that was taken long ago."""
        if not begun:
            return {}
        await until(lambda: self._source.status.frames > 1, lambda: "no frame is taken while others come")
        with self._path.open("ab") as file:
            file.write(b"TPX3" + bytes(2) + (8).to_bytes(2, "little") + (0x44 << 56).to_bytes(8, "little"))
            late = np.zeros(1, np.int64)
            file.write(write_timepix(late, late, late))
        return {"rejected": 1}

    async def end(self) -> None:
        """Write no more."""

    def held(self) -> int:
        """Nothing is held."""
        return 0

    async def close(self) -> None:
        """Nothing was started."""
