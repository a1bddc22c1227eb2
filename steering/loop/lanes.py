"""One run's two lanes, and what they do together when the facility is lost; see :mod:`steering.loop.loop`."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from steering.core.analysis import Analyses
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

# Between two tries to reach a facility that was lost, between two looks for what is overdue, and between two questions
# how many workers there are (seconds).
_AGAIN, _LOOK, _ASK = 0.5, 0.1, 1.0
_LOG = logging.getLogger(__name__)


class Lanes:
    """A run's blocks on their way to results.

    Attributes:
        analyses: What is made of them, by label.
        stored: Frames that need not come again, as the state is stored that they are in.
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
    ) -> None:
        """Wire them; see :class:`steering.loop.loop.Loop`."""
        self._complain = complain
        self._pace = pace
        self._running: set[asyncio.Task[None]] = set()
        self._moved = asyncio.Event()
        self._recovering: asyncio.Task[None] | None = None
        self._broken = ""
        self.analyses = analyses
        self.stored: Ranges = ()
        self._told = stored
        parameters = parameters_hash(run, {label: dict(one.parameters) for label, one in analyses.items()})
        self._tasks = Tasks(facility, f"{run}-{parameters}", pace, self._lose)
        self._complete = CompleteLane(
            run, analyses, self._tasks, store, pace, self._store_told, complain, self._news, self._start
        )  # fmt: skip
        self._display = DisplayLane(run, analyses, self._tasks, self._complete, pace, publish, complain, stopwatch)

    @property
    def counts(self) -> FrameCounts:
        """How many frames came, are in the newest result, came twice, or failed."""
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
        """Take blocks; frames that came before are left out and counted. Lanes that have failed take none."""
        if self._broken:
            return
        if blocks:
            self._display.note(blocks[-1].stop - 1)
        self._complete.add(blocks)

    async def room(self) -> None:
        """Wait while too many frames wait for the facility."""
        while self._complete.waiting_frames > self._pace.waiting_frames and not self._broken:
            await self._until_moved()

    async def drain(self) -> None:
        """Wait until the newest result holds all that came, from the complete lane alone, or the lanes have failed."""
        self._complete.ending = True
        self._display.finish()
        while not self._display.whole and not self._broken:
            self._complete.pump()
            await self._until_moved()
        if not self._broken:
            await self._complete.checkpoint()
        self._complete.ending = False

    async def cancel(self) -> None:
        """Stop; what was submitted is left to the facility."""
        tasks = [*self._running, *([self._recovering] if self._recovering is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _news(self) -> None:
        self._moved.set()
        self._display.news.set()

    async def _until_moved(self) -> None:
        self._moved.clear()
        if not self._broken:
            await self._moved.wait()

    async def _watch(self) -> None:
        """Learn how many hands the facility has, submit what has waited, and have workers given up that hang."""
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
        """The facility's values are gone: reach it again and submit again what no checkpoint holds."""
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
