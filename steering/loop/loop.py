"""The loop: takes blocks from a source, has them analysed and merged on a facility, and hands on the newest result.

Two lanes share the facility. The *complete* lane analyses every block once, in groups whose size follows the load, and
merges their states on the workers; now and then the merged state is stored, and what is stored is never computed again.
The *display* lane makes results: of the states that are done, and of the newest frames, which the result's own task
analyses itself. So a frame is on the screen one round trip after it was taken, whatever waits before it, and the last
result of a run rests on the complete lane alone. See :mod:`steering.loop.lanes`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from steering.core.analysis import Analysis
from steering.core.block import FrameBlock
from steering.core.facility import Facility
from steering.core.latency import FrameCounts
from steering.core.result import Result
from steering.core.source import RunEnded, RunStarted, Source, SourceItem
from steering.loop.lanes import Lanes
from steering.loop.pace import Pace
from steering.loop.stopwatch import Stopwatch
from steering.loop.store import Store


class Loop:
    """Follows one source with one facility.

    Attributes:
        photon_to_feature: End of a frame's exposure to the first result that holds it, for every frame.
        drained: The newest run whose last result has been handed on; empty before the first.
    """

    def __init__(
        self,
        source: Source,
        facility: Facility,
        choose: Callable[[RunStarted], Analysis[Any] | None],
        publish: Callable[[Result], None],
        complain: Callable[[str], None],
        *,
        store: Store | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Wire the loop.

        Args:
            source: Where blocks come from.
            facility: Where they are analysed; it must have been started.
            choose: Says which analysis a run gets; ``None`` for none.
            publish: Called with each result, newest last; must not block.
            complain: Called with a sentence when something went wrong that the loop survives, and with an empty one
                when it is over.
            store: Where checkpoints are kept; in memory if left out.
            pace: How to trade latency for throughput.
        """
        self.photon_to_feature = Stopwatch()
        self.drained = ""
        self._source = source
        self._facility = facility
        self._choose = choose
        self._publish = publish
        self._complain = complain
        self._store = store or Store(None)
        self._pace = pace or Pace()
        self._lanes: Lanes | None = None
        self._going_on = False
        self._run: str = ""

    @property
    def counts(self) -> FrameCounts:
        """How many frames of the run came, are in the newest result, came twice, or failed."""
        return self._lanes.counts if self._lanes is not None else FrameCounts()

    async def run(self) -> None:
        """Run until the source ends."""
        try:
            async for batch in self._batches():
                blocks: list[FrameBlock] = []
                for item in batch:
                    if isinstance(item, FrameBlock):
                        blocks.append(item)
                        continue
                    self._add(blocks)
                    blocks = []
                    await self._turn(item)
                self._add(blocks)
            if self._lanes is not None and self._going_on:
                await self._lanes.drain()
        finally:
            await self.cancel()

    async def cancel(self) -> None:
        """Stop making results; what was submitted is left to the facility."""
        if self._lanes is not None:
            await self._lanes.cancel()

    async def _turn(self, item: RunStarted | RunEnded) -> None:
        if isinstance(item, RunEnded):
            if self._lanes is not None:
                await self._lanes.drain()
            self.drained, self._going_on = item.run, False
            return
        if self._going_on and item.run == self._run:
            # Said again, as by a source that was connected anew: beginning anew would forget what is not stored yet.
            return
        self._going_on = True
        self._run = item.run
        await self.cancel()
        analysis = self._choose(item)
        self._lanes = None
        if analysis is not None:
            self._lanes = Lanes(
                item.run, analysis, self._facility, self._store, self._pace, self._source, self._publish,
                self._complain, self.photon_to_feature,
            )  # fmt: skip
            await self._lanes.start()

    def _add(self, blocks: list[FrameBlock]) -> None:
        if blocks and self._lanes is not None:
            self._lanes.add(blocks)

    async def _batches(self) -> AsyncIterator[list[SourceItem]]:
        """Yield lists of items; a list is as long as what came within the gathering time."""
        queue: asyncio.Queue[SourceItem | None] = asyncio.Queue(1000)

        async def pump() -> None:
            async for item in self._source.items():
                await queue.put(item)
            await queue.put(None)

        pumping = asyncio.create_task(pump())
        ended = False
        try:
            while not ended:
                batch = [await self._next(queue, pumping)]
                began = time.monotonic()
                await asyncio.sleep(0)
                while not queue.empty() and time.monotonic() - began < self._pace.gather:
                    batch.append(queue.get_nowait())
                ended = batch[-1] is None
                yield [item for item in batch if item is not None]
                if self._lanes is not None:
                    # The source is held back while too much waits for the facility.
                    await self._lanes.room()
            await pumping
        finally:
            pumping.cancel()

    @staticmethod
    async def _next(queue: "asyncio.Queue[SourceItem | None]", pumping: "asyncio.Task[None]") -> SourceItem | None:
        """Wait for an item; a source that fails must not leave the loop waiting."""
        getting = asyncio.ensure_future(queue.get())
        try:
            await asyncio.wait([getting, pumping], return_when=asyncio.FIRST_COMPLETED)
            if not getting.done() and pumping.exception() is not None:
                pumping.result()
            return await getting
        finally:
            getting.cancel()
