"""The newest frame of a detector and who waits for it; latest wins, nothing is queued."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from steering.core.cell import Cell
from steering.core.frame import Frame


class Newest:
    """Takes frames from any thread and wakes, on the service's event loop, those that wait for one."""

    def __init__(self) -> None:
        """Begin without a frame."""
        self._cell: Cell[Frame | None] = Cell[Frame | None](None)
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def put(self, frame: Frame) -> None:
        """Take over a frame; from any thread."""
        self._cell.set(frame)
        for bell, loop in list(self._waiting.items()):
            # A loop that has ended waits for nothing.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(bell.set)

    async def frames(self) -> AsyncGenerator[Frame]:
        """Yield the newest frame, and each time the one that is the newest then; those between are left out."""
        bell, seen = asyncio.Event(), 0
        self._waiting[bell] = asyncio.get_running_loop()
        try:
            while True:
                # Cleared first: one that comes while this looks rings again.
                bell.clear()
                version, frame = self._cell.read()
                if frame is not None and version != seen:
                    seen = version
                    yield frame
                else:
                    await bell.wait()
        finally:
            del self._waiting[bell]
