"""The loop: takes blocks from a source, has them analysed and merged on a facility, and hands on the newest result.

Two lanes share the facility. The *complete* lane analyses every block once, in groups whose size follows the load, and
merges their states on the workers. The merged state is stored at intervals, and stored frames are never computed again.
The *display* lane makes results from the finished states and the newest frames. The task of a result analyses these
newest frames itself. So a frame is on the screen one round trip after it was taken, however many frames wait before it.
The last result of a run comes from the complete lane alone. See :mod:`steering.loop.lanes`.

Each open run has lanes of its own, because plans may nest or interleave runs. The analyses of a run share lanes, so
that frames are read once. An analysis that is too slow for the others is moved to lanes *aside* and starts there again
with the run's first frame. It can take its time there: it does not hold up other analyses, the source or the next run.
Its results are the same as without the move.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
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

# Most runs that are open at once. If another one starts, the end of the oldest was lost.
_MOST_OPEN = 4
# Most runs that are over but have unfinished analyses.
_MOST_ENDING = 2


class Loop:
    """Follows one source with one facility.

    Attributes:
        photon_to_feature: Time from the end of a frame's exposure to the first result that holds it, for every frame.
        drained: The newest run whose last result was handed on; empty before the first.
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
        """Connect the loop to its surroundings.

        Args:
            source: Where blocks come from.
            facility: Where they are analysed. It must have been started.
            choose: Chooses the analyses of a run. It returns several analyses by label, the main one first; or one
                analysis, which is labelled by its name; or ``None``.
            publish: Called with each result, newest last. It must not block.
            complain: Called with a sentence when there is a problem that the loop survives, and with an empty string
                when the problem is over.
            store: Where checkpoints are kept; in memory if left out.
            pace: How to trade latency for throughput.
            frames: Returns all frames of a run so far, for an analysis that is moved aside. It raises a
                ``SteeringError`` if they are not remembered.
        """
        self.photon_to_feature = Stopwatch()
        self.drained = ""
        self._source = source
        self._facility = facility
        self._choose = choose
        self._publish = publish
        self._tell = complain
        # Current problems, by run and cause.
        self._said: dict[tuple[str, str], str] = {}
        self._store = store or Store(None)
        self._pace = pace or Pace()
        # Lanes of the open runs, and of the newest run that has ended, because its counts are still shown.
        self._lanes: dict[str, list[Lanes]] = {}
        # Open runs, oldest first.
        self._open: dict[str, None] = {}
        self._newest = ""
        self._numbers = count()
        self._frames = frames or _forgotten
        # By run, the tasks that move analyses aside and those that wait for analyses aside.
        self._beside: dict[str, set[asyncio.Task[None]]] = {}

    @property
    def counts(self) -> FrameCounts:
        """Number of frames of the newest run that arrived, are in the newest result, arrived twice, or failed."""
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
        """Stop making results. Submitted tasks are left to the facility."""
        for run, of_run in list(self._lanes.items()):
            await self._stop(run, of_run)

    async def add(self, run: str, analyses: Analyses, blocks: Callable[[], Sequence[FrameBlock]]) -> None:
        """Add analyses to an open run, or to the newest run. They start with the run's first frame.

        Args:
            run: The run.
            analyses: The new analyses, by label. The run may already have the same analysis with other parameters,
                which then continues beside the new one.
            blocks: Returns all frames of the run so far. Later frames arrive from the source as usual.
        """
        lanes = await self._aside(run, analyses, blocks, 0)
        if run not in self._open:
            await lanes.drain()

    async def leave(self, run: str, label: str) -> None:
        """Stop one analysis of a run."""
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
            # No await between this call and ``lanes.add`` below, so no block is missed.
            come = blocks()
        except SteeringError:
            await lanes.cancel()
            raise
        self._lanes.setdefault(run, []).append(lanes)
        lanes.add(come)
        return lanes

    def _part(self, run: str, lanes: Lanes, leaving: Mapping[str, tuple[Analysis[Any], str]]) -> None:
        """Move analyses that have left their shared lanes to lanes aside."""

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
        """Report a problem with one cause, together with all other problems. An empty sentence ends the problem."""
        if not sentence and (run, cause) not in self._said:
            return
        self._said.pop((run, cause), None)
        if sentence:
            # The newest problem comes first.
            self._said = {(run, cause): sentence, **self._said}
        self._tell(" ".join(dict.fromkeys(self._said.values())))

    async def _stop(self, run: str, of_run: Sequence[Lanes]) -> None:
        for task in self._beside.pop(run, ()):
            task.cancel()
        for lanes in of_run:
            await lanes.cancel()

    async def _drain(self, run: str) -> None:
        """Wait for the last result of the lanes that keep pace with the detector. Lanes aside finish in background."""
        keeping_pace = [lanes.drain() for lanes in self._lanes.get(run, []) if not lanes.aside]
        for error in await asyncio.gather(*keeping_pace, return_exceptions=True):
            # The end of one analysis is no reason to analyse no other run.
            if isinstance(error, BaseException):
                self._complain(run, "drain", f"An analysis of the run could not be brought to its end: {said(error)}.")

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
        """Tell the source which frames none of a run's lanes needs again. Lanes aside that are behind do not count."""
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
            # A source repeats this after it reconnects. Starting the run again would lose what is not stored yet.
            return
        if len(self._open) >= _MOST_OPEN:
            # The end of the oldest run was lost.
            del self._open[next(iter(self._open))]
        over = [run for run in self._lanes if run not in self._open]
        # Lanes aside may finish their work, for at most ``_MOST_ENDING`` runs.
        ending = [run for run in over if self._beside.get(run)][-_MOST_ENDING:]
        for run in over:
            if run not in ending:
                await self._stop(run, self._lanes.pop(run))
        if self._said:
            # Problems of earlier runs end with these runs.
            self._said = {key: sentence for key, sentence in self._said.items() if key[0] in self._lanes}
            self._tell(" ".join(dict.fromkeys(self._said.values())))
        self._open[item.run] = None
        self._newest = item.run
        for analyses in await self._store.alike(item.run, _by_label(self._choose(item))):
            # Analyses with the same stored frames continue together, so that frames are read once for all of them.
            for aside, some in _by_pace(analyses):
                lanes = self._wire(item.run, some, aside=aside)
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
        """Yield lists of items. Each list holds the items that arrived within the gathering time."""
        queue: asyncio.Queue[SourceItem | None] = asyncio.Queue(1000)

        async def pump() -> None:
            items = self._source.items()
            try:
                async for item in items:
                    await queue.put(item)
            finally:
                # Let the source clean up here, not whenever the garbage collector runs.
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
        """Wait for an item. If the source fails, raise its error so that the loop does not wait forever."""
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


def _by_pace(analyses: Analyses) -> Iterator[tuple[bool, Analyses]]:
    """Yield the analyses that keep pace with the detector, and each that says that it takes long by itself, aside."""
    slow = {label: one for label, one in analyses.items() if getattr(one, "takes_long", False)}
    quick = {label: one for label, one in analyses.items() if label not in slow}
    if quick:
        yield False, quick
    for label, one in slow.items():
        yield True, {label: one}


def _by_label(chosen: Analyses | Analysis[Any] | None) -> Analyses:
    if chosen is None:
        return {}
    return chosen if isinstance(chosen, Mapping) else {chosen.name: chosen}
