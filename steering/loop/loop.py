"""The loop: takes blocks from a source, has them analysed and merged on a facility, and hands on the newest result.

Two lanes share the facility. The *complete* lane analyses every block once, in groups whose size follows the load, and
merges their states on the workers; now and then the merged state is stored, and what is stored is never computed again.
The *display* lane makes results: of the states that are done, and of the newest frames, which the result's own task
analyses itself. So a frame is on the screen one round trip after it was taken, whatever waits before it, and the last
result of a run rests on the complete lane alone. See :mod:`steering.loop.lanes`.

Each run that is open has lanes of its own: plans may nest runs, or interleave them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import reduce
from itertools import groupby
from typing import Any

from steering.core.analysis import Analyses, Analysis
from steering.core.block import FrameBlock
from steering.core.facility import Facility
from steering.core.latency import FrameCounts
from steering.core.result import Result
from steering.core.source import RunEnded, RunStarted, Source, SourceItem
from steering.loop.lanes import Lanes
from steering.loop.pace import Pace
from steering.loop.ranges import common
from steering.loop.stopwatch import Stopwatch
from steering.loop.store import Store

# More runs are never open at once: of these the oldest has lost its end.
_MOST_OPEN = 4


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
        choose: Callable[[RunStarted], Analyses | Analysis[Any] | None],
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
            choose: Says which analyses a run gets: several by label, the main one first; one, which is labelled by
                its name; or none.
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
        # Those of runs that are open, and of the newest that has ended, whose counts are still asked for.
        self._lanes: dict[str, list[Lanes]] = {}
        # Runs that are open, oldest first.
        self._open: dict[str, None] = {}
        self._newest = ""

    @property
    def counts(self) -> FrameCounts:
        """How many frames of the newest run came, are in the newest result, came twice, or failed."""
        lanes = self._lanes.get(self._newest)
        return lanes[0].counts if lanes else FrameCounts()

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
            for run in self._open:
                await self._drain(run)
        finally:
            await self.cancel()

    async def cancel(self) -> None:
        """Stop making results; what was submitted is left to the facility."""
        for lanes in [one for of_run in self._lanes.values() for one in of_run]:
            await lanes.cancel()

    async def add(self, run: str, analyses: Analyses, blocks: Callable[[], Sequence[FrameBlock]]) -> None:
        """Have a run that is open, or the newest, analysed in other ways too, from its first frame on.

        Args:
            run: Which.
            analyses: By label; each may be there already with other parameters, and goes on beside this one.
            blocks: Gives all its frames so far; those that come after it was asked come as ever.
        """
        lanes = self._wire(run, analyses)
        await lanes.start()
        # From here on nothing is waited for: no block comes between.
        self._lanes.setdefault(run, []).append(lanes)
        lanes.add(blocks())
        if run not in self._open:
            await lanes.drain()

    async def leave(self, run: str, label: str) -> None:
        """Do not analyse a run in one way any more, which is the only one of its lanes."""
        for lanes in [one for one in self._lanes.get(run, []) if list(one.analyses) == [label]]:
            self._lanes[run].remove(lanes)
            await lanes.cancel()

    async def _drain(self, run: str) -> None:
        await asyncio.gather(*(lanes.drain() for lanes in self._lanes.get(run, [])))

    def _wire(self, run: str, analyses: Analyses) -> Lanes:
        return Lanes(
            run, analyses, self._facility, self._store, self._pace, lambda: self._tell_stored(run), self._publish,
            self._complain, self.photon_to_feature,
        )  # fmt: skip

    def _tell_stored(self, run: str) -> None:
        """Tell the source which frames none of a run's lanes needs again."""
        of_run = self._lanes.get(run, [])
        if of_run:
            for start, stop in reduce(common, (lanes.stored for lanes in of_run)):
                self._source.stored(run, start, stop)

    async def _turn(self, item: RunStarted | RunEnded) -> None:
        if isinstance(item, RunEnded):
            await self._drain(item.run)
            self._open.pop(item.run, None)
            self.drained = item.run
            return
        if item.run in self._open:
            # Said again, as by a source that was connected anew: beginning anew would forget what is not stored yet.
            return
        if len(self._open) >= _MOST_OPEN:
            # Its end was lost.
            del self._open[next(iter(self._open))]
        for run in [run for run in self._lanes if run not in self._open]:
            for lanes in self._lanes.pop(run):
                await lanes.cancel()
        self._open[item.run] = None
        self._newest = item.run
        for analyses in await self._store.alike(item.run, _by_label(self._choose(item))):
            # Those that were stored at the same moment go on together: frames are read once for all of them.
            lanes = self._wire(item.run, analyses)
            self._lanes.setdefault(item.run, []).append(lanes)
            await lanes.start()

    def _add(self, blocks: list[FrameBlock]) -> None:
        for run, of_run in groupby(blocks, lambda block: block.run):
            if run in self._lanes:
                self._newest = run
                come = list(of_run)
                for lanes in self._lanes[run]:
                    lanes.add(come)

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
                for lanes in [one for of_run in self._lanes.values() for one in of_run]:
                    # The source is held back while too much waits for the facility.
                    await lanes.room()
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


def _by_label(chosen: Analyses | Analysis[Any] | None) -> Analyses:
    if chosen is None:
        return {}
    return chosen if isinstance(chosen, Mapping) else {chosen.name: chosen}
