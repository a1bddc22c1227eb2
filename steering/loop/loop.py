"""The loop: takes blocks from a source, has them analysed and merged on a facility, and hands on the newest result.

Two lanes share the facility. The *complete* lane analyses every block once, in groups whose size follows the load, and
merges their states on the workers; now and then the merged state is stored, and what is stored is never computed again.
The *display* lane makes results: of the states that are done, and of the newest frames, which the result's own task
analyses itself. So a frame is on the screen one round trip after it was taken, whatever waits before it, and the last
result of a run rests on the complete lane alone. See :mod:`steering.loop.lanes`.

Each run that is open has lanes of its own: plans may nest runs, or interleave them. The analyses of a run share lanes,
so that frames are read once. One that takes too long for the others is moved to lanes *aside*, from the run's first
frame on: it takes its time there, holds up no other analysis, no source and no next run, and gives what it would have
given.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from functools import partial, reduce
from itertools import count, groupby
from typing import Any

from steering.core.analysis import Analyses, Analysis
from steering.core.block import FrameBlock
from steering.core.errors import SteeringError, said
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
# So many runs that are over may have analyses that are not done.
_MOST_ENDING = 2


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
        frames: Callable[[str], Sequence[FrameBlock]] | None = None,
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
            frames: Gives all frames so far of a run, for an analysis that is moved aside; raises a ``SteeringError`` if
                they are not remembered.
        """
        self.photon_to_feature = Stopwatch()
        self.drained = ""
        self._source = source
        self._facility = facility
        self._choose = choose
        self._publish = publish
        self._tell = complain
        # What is wrong now, by run and cause.
        self._said: dict[tuple[str, str], str] = {}
        self._store = store or Store(None)
        self._pace = pace or Pace()
        # Those of runs that are open, and of the newest that has ended, whose counts are still asked for.
        self._lanes: dict[str, list[Lanes]] = {}
        # Runs that are open, oldest first.
        self._open: dict[str, None] = {}
        self._newest = ""
        self._numbers = count()
        self._frames = frames or _forgotten
        # By run, what moves an analysis aside, and what waits for those that are.
        self._beside: dict[str, set[asyncio.Task[None]]] = {}

    @property
    def counts(self) -> FrameCounts:
        """How many frames of the newest run came, are in the newest result, came twice, or failed."""
        lanes = self._lanes.get(self._newest)
        return lanes[0].counts if lanes else FrameCounts()

    async def run(self) -> None:
        """Run until the source ends."""
        try:
            async with aclosing(self._batches()) as batches:
                async for batch in batches:
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
            await asyncio.gather(*(task for of_run in self._beside.values() for task in of_run))
        finally:
            await self.cancel()

    async def cancel(self) -> None:
        """Stop making results; what was submitted is left to the facility."""
        for run, of_run in list(self._lanes.items()):
            await self._stop(run, of_run)

    async def add(self, run: str, analyses: Analyses, blocks: Callable[[], Sequence[FrameBlock]]) -> None:
        """Have a run that is open, or the newest, analysed in other ways too, from its first frame on.

        Args:
            run: Which.
            analyses: By label; each may be there already with other parameters, and goes on beside this one.
            blocks: Gives all its frames so far; those that come after it was asked come as ever.
        """
        lanes = await self._aside(run, analyses, blocks, 0)
        if run not in self._open:
            await lanes.drain()

    async def leave(self, run: str, label: str) -> None:
        """Do not analyse a run in one way any more."""
        for lanes in [one for one in self._lanes.get(run, []) if label in one.analyses]:
            if len(lanes.analyses) > 1:
                lanes.drop(label)
            else:
                await self._remove(run, lanes)

    async def _aside(
        self, run: str, analyses: Analyses, blocks: Callable[[], Sequence[FrameBlock]], shown: int
    ) -> Lanes:
        lanes = self._wire(run, analyses, aside=True, shown=shown)
        await lanes.start()
        try:
            # From here on nothing is waited for: no block comes between.
            come = blocks()
        except SteeringError:
            await lanes.cancel()
            raise
        self._lanes.setdefault(run, []).append(lanes)
        lanes.add(come)
        return lanes

    def _part(self, run: str, lanes: Lanes, leaving: Mapping[str, tuple[Analysis[Any], str]]) -> None:
        """Move analyses aside that share lanes no more."""

        async def move() -> None:
            for label, (analysis, why) in leaving.items():
                called = f"The analysis {label or analysis.name}"
                try:
                    await self._aside(run, {label: analysis}, lambda: self._frames(run), lanes.shown)
                except SteeringError as error:
                    self._complain(run, label, f"{called} {why}. It has no further results in this run: {error}")
                else:
                    self._complain(run, f"{label} aside", f"{called} {why}. It goes on beside them, and comes later.")
            if not lanes.analyses:
                await self._remove(run, lanes)

        self._follow(run, move())

    def _follow(self, run: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        tasks = self._beside.setdefault(run, set())
        tasks.add(task)

        def over(task: "asyncio.Task[None]") -> None:
            tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                self._complain(run, "moved", f"An analysis could not be moved aside: {said(error)}.")

        task.add_done_callback(over)

    async def _remove(self, run: str, lanes: Lanes) -> None:
        self._lanes[run].remove(lanes)
        await lanes.cancel()

    def _complain(self, run: str, cause: str, sentence: str) -> None:
        """Say what is wrong for one cause, beside what is wrong for others; an empty sentence says that it is over."""
        if not sentence and (run, cause) not in self._said:
            return
        self._said.pop((run, cause), None)
        if sentence:
            # The newest is read first.
            self._said = {(run, cause): sentence, **self._said}
        self._tell(" ".join(dict.fromkeys(self._said.values())))

    async def _stop(self, run: str, of_run: Sequence[Lanes]) -> None:
        for task in self._beside.pop(run, ()):
            task.cancel()
        for lanes in of_run:
            await lanes.cancel()

    async def _drain(self, run: str) -> None:
        """Wait for the last result of what keeps pace with the detector; the rest is waited for beside."""
        await asyncio.gather(*(lanes.drain() for lanes in self._lanes.get(run, []) if not lanes.aside))

        async def rest(moving: Sequence[asyncio.Task[None]]) -> None:
            await asyncio.gather(*moving)
            aside = [lanes for lanes in self._lanes.get(run, []) if lanes.aside]
            await asyncio.gather(*(lanes.drain() for lanes in aside))
            for label in [label for lanes in aside for label in lanes.analyses]:
                self._complain(run, f"{label} aside", "")
            if run == self._newest:
                self.drained = run

        if self._beside.get(run) or any(lanes.aside for lanes in self._lanes.get(run, [])):
            self._follow(run, rest(list(self._beside.get(run, ()))))
        else:
            self.drained = run

    def _wire(self, run: str, analyses: Analyses, *, aside: bool = False, shown: int = 0) -> Lanes:
        return Lanes(
            run, analyses, self._facility, self._store, self._pace, lambda: self._tell_stored(run), self._publish,
            partial(self._complain, run, f"lanes {next(self._numbers)}"), self.photon_to_feature,
            partial(self._part, run), aside=aside, shown=shown,
        )  # fmt: skip

    def _tell_stored(self, run: str) -> None:
        """Tell the source which frames none of a run's lanes needs again; one that is far behind holds none back."""
        of_run = [lanes for lanes in self._lanes.get(run, []) if not (lanes.aside and lanes.behind)]
        if of_run:
            for start, stop in reduce(common, (lanes.stored for lanes in of_run)):
                self._source.stored(run, start, stop)

    async def _turn(self, item: RunStarted | RunEnded) -> None:
        if isinstance(item, RunEnded):
            await self._drain(item.run)
            self._open.pop(item.run, None)
            return
        if item.run in self._open:
            # Said again, as by a source that was connected anew: beginning anew would forget what is not stored yet.
            return
        if len(self._open) >= _MOST_OPEN:
            # Its end was lost.
            del self._open[next(iter(self._open))]
        over = [run for run in self._lanes if run not in self._open]
        # What takes its time may end what it has begun, in so many runs at most.
        ending = [run for run in over if self._beside.get(run)][-_MOST_ENDING:]
        for run in over:
            if run not in ending:
                await self._stop(run, self._lanes.pop(run))
        if self._said:
            # What was wrong with a run before is over with it.
            self._said = {key: sentence for key, sentence in self._said.items() if key[0] in self._lanes}
            self._tell(" ".join(dict.fromkeys(self._said.values())))
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

    async def _batches(self) -> AsyncGenerator[list[SourceItem]]:
        """Yield lists of items; a list is as long as what came within the gathering time."""
        queue: asyncio.Queue[SourceItem | None] = asyncio.Queue(1000)

        async def pump() -> None:
            items = self._source.items()
            try:
                async for item in items:
                    await queue.put(item)
            finally:
                # What a source has begun for its items it ends here, and not when somebody collects garbage.
                if isinstance(items, AsyncGenerator):
                    await items.aclose()
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
                    if not lanes.aside:
                        await lanes.room()
            await pumping
        finally:
            pumping.cancel()
            await asyncio.gather(pumping, return_exceptions=True)

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


def _forgotten(run: str) -> Sequence[FrameBlock]:
    message = f"The frames of run {run[:8]} are not remembered."
    raise SteeringError(message)


def _by_label(chosen: Analyses | Analysis[Any] | None) -> Analyses:
    if chosen is None:
        return {}
    return chosen if isinstance(chosen, Mapping) else {chosen.name: chosen}
