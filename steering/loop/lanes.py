"""The two lanes of one run, and their recovery when the facility is lost; see :mod:`steering.loop.loop`."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from steering.core.analysis import Analyses, Analysis
from steering.core.block import FrameBlock
from steering.core.errors import LostError, said
from steering.core.facility import Facility
from steering.core.latency import FrameCounts
from steering.core.result import Result, parameters_hash
from steering.loop.complete import CompleteLane
from steering.loop.display import DisplayLane
from steering.loop.pace import Pace
from steering.loop.ranges import Ranges, count
from steering.loop.stopwatch import Stopwatch
from steering.loop.store import Store
from steering.loop.tasks import Tasks

# Seconds between two tries to reach a lost facility, between two checks for overdue tasks, and between two requests for
# the number of workers.
_AGAIN, _LOOK, _ASK = 0.5, 0.1, 1.0
_LOG = logging.getLogger(__name__)


class Lanes:
    """A run's blocks on their way to results.

    Attributes:
        aside: Whether these lanes are for a slow analysis, beside the lanes that keep pace with the detector.
        stored: Frames whose state is stored, so that the source need not send them again.
    """

    def __init__(
        self,
        run: str,
        analyses: Analyses,
        facility: Facility,
        store: Store,
        pace: Pace,
        stored: Callable[[], None],
        publish: Callable[[Result], None],
        complain: Callable[[str], None],
        stopwatch: Stopwatch,
        part: Callable[["Lanes", Mapping[str, tuple[Analysis[Any], str]]], None],
        *,
        aside: bool = False,
        shown: int = 0,
    ) -> None:
        """Connect both lanes to their surroundings; see :class:`steering.loop.loop.Loop`.

        Args:
            run: Run that the blocks belong to.
            analyses: The analyses of the blocks, by label.
            facility: Where tasks run.
            store: Keeps the checkpoints.
            pace: How to trade latency for throughput.
            stored: Called when more frames are stored.
            publish: Called with each result.
            complain: Called with a sentence when something went wrong.
            stopwatch: Measures the time from a frame's exposure to its first result.
            part: Called with these lanes and the analyses that are no longer done here, each with the reason.
            aside: Whether tasks leave the workers' threads to other tasks.
            shown: Number of frames in a result that was handed on before.
        """
        self.aside = aside
        self._part = part
        self._complain = complain
        self._pace = pace
        self._running: set[asyncio.Task[None]] = set()
        self._moved = asyncio.Event()
        self._recovering: asyncio.Task[None] | None = None
        self._broken = ""
        self._left = False
        self.stored: Ranges = ()
        self._told = stored
        parameters = parameters_hash(run, {label: dict(one.parameters) for label, one in analyses.items()})
        self._tasks = Tasks(facility, f"{run}-{parameters}", pace, self._lose, aside=aside)
        self._complete = CompleteLane(
            run, analyses, self._tasks, store, pace, self._store_told, complain, self._news, self._start,
            self._leave_to_others,
        )  # fmt: skip
        self._display = DisplayLane(
            run, self._tasks, self._complete, pace, publish, complain, stopwatch, self._leave_to_others, shown
        )

    @property
    def analyses(self) -> Analyses:
        """The analyses of the blocks, by label."""
        return self._complete.analyses

    @property
    def shown(self) -> int:
        """Number of frames in the newest result."""
        return self._display.newest.frames if self._display.newest is not None else 0

    @property
    def behind(self) -> bool:
        """Whether so many frames wait that the source should be held back."""
        return self._complete.waiting_frames > self._pace.waiting_frames

    def drop(self, label: str) -> None:
        """Stop doing one of several analyses."""
        self._complete.analyses = {name: one for name, one in self.analyses.items() if name != label}

    def _leave_to_others(self, apart: Mapping[str, str]) -> None:
        leaving = {label: (self.analyses[label], why) for label, why in apart.items() if label in self.analyses}
        for label in leaving:
            self.drop(label)
        if leaving:
            self._part(self, leaving)

    @property
    def counts(self) -> FrameCounts:
        """Number of frames that arrived, are in the newest result, arrived twice, or failed."""
        newest = self._display.newest
        return FrameCounts(
            came=count(self._complete.came),
            analysed=newest.frames + newest.failed - newest.missing if newest is not None else 0,
            doubled=newest.doubled if newest is not None else 0,
            repeated=self._complete.repeated,
            failed=newest.missing if newest is not None else 0,
            done=self._complete.held_frames,
            since=self._complete.working_since,
        )

    def _store_told(self, ranges: Ranges) -> None:
        self.stored = ranges
        self._told()

    async def start(self) -> None:
        """Load the run's checkpoint, if there is one, and begin."""
        self._tasks.begin()
        generation = self._tasks.generation
        try:
            await self._complete.start()
        except LostError:
            self._tasks.lose(generation)
        self._start(self._watch())
        self._start(self._display.make(self._start, self._until_moved))
        self._start(self._complete.check())

    def add(self, blocks: Sequence[FrameBlock]) -> None:
        """Take blocks. Frames that arrived before are left out and counted. Lanes that have failed take no blocks."""
        if self._broken:
            return
        if blocks:
            self._display.note(blocks[-1].stop - 1)
        self._complete.add(blocks)

    async def room(self) -> None:
        """Wait while too many frames wait for the facility."""
        while self.behind and not self._over:
            await self._until_moved()

    async def drain(self) -> None:
        """Wait for the last result, or until the lanes have failed or were cancelled.

        The last result holds all frames that arrived and comes from the complete lane alone.
        """
        self._complete.ending = True
        self._display.finish()
        while not self._display.whole and not self._over:
            self._complete.pump()
            await self._until_moved()
        if not self._over:
            await self._complete.checkpoint()
        self._complete.ending = False

    async def cancel(self) -> None:
        """Stop. Submitted tasks are left to the facility, and nothing here waits for them any more."""
        self._left = True
        self._moved.set()
        tasks = [*self._running, *([self._recovering] if self._recovering is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _news(self) -> None:
        self._moved.set()
        self._display.news.set()

    async def _until_moved(self) -> None:
        self._moved.clear()
        if not self._over:
            await self._moved.wait()

    @property
    def _over(self) -> bool:
        """Whether these lanes have failed or were cancelled."""
        return bool(self._broken) or self._left

    async def _watch(self) -> None:
        """Submit waiting blocks, have hung workers given up, and look up how many threads the facility has."""
        asked = 0.0
        while True:
            await asyncio.sleep(_LOOK)
            self._complete.pump()
            if not self._tasks.generation:
                continue
            await self._complete.give_up_hung()
            if time.monotonic() - asked > _ASK:
                asked = time.monotonic()
                await self._tasks.look()

    def _lose(self) -> None:
        """Recover from the loss of the facility's values: reconnect and submit again what no checkpoint holds."""
        if self._recovering is None:
            self._tasks.stop()
            self._recovering = asyncio.create_task(self._recover())
            self._recovering.add_done_callback(self._ended)

    async def _recover(self) -> None:
        self._complain("The scheduler was lost. What was not stored is analysed again as soon as there is another.")
        while True:
            if await self._again():
                break
            await asyncio.sleep(_AGAIN)
        self._recovering = None
        self._complain("")
        self._complete.pump()

    async def _again(self) -> bool:
        if not await self._tasks.resume():
            return False
        try:
            self._complete.begin()
        except LostError:
            self._tasks.stop()
            return False
        return True

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._news()
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._broken:
            self._broken = (
                f"The loop failed: {said(error)}. The next run is analysed again; to have this one analysed, "
                "open the session again."
            )
            _LOG.error("the loop failed", exc_info=error)
            self._complain(self._broken)
            for other in (*self._running, *([self._recovering] if self._recovering is not None else [])):
                other.cancel()
