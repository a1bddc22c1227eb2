"""One source that a session follows: its loop, and what is remembered of its runs. Runs on the session's event loop."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from steering.contract.alarm import Alarm, alarms_of
from steering.core.analysis import Analyses, Analysis
from steering.core.block import FrameBlock
from steering.core.errors import SteeringError, said
from steering.core.facility import Facility
from steering.core.frame import Frame
from steering.core.history import SeenRun, Trend
from steering.core.latency import LatencySummary, Quantiles
from steering.core.result import Result, parameters_hash
from steering.core.source import FollowedSource, RunEnded, RunStarted, Source, SourceItem, SourceStatus
from steering.loop.loop import Loop
from steering.loop.store import Store
from steering.loop.trend import TrendGatherer
from steering.session.choice import DOCUMENTS
from steering.session.frame_index import FrameIndex

_MOST_RUNS = 200
_LOOK_SECONDS = 0.1
# A facility that is lost must not keep a session open; frames without a stored result come again with the next one.
_DRAIN_SECONDS = 10.0


class SourceFollower:
    """A source, followed by a loop of its own.

    Attributes:
        name: What it is called on the board.
        loop: What analyses its frames.
        index: Where the frames of its newest run lie.
        results: The newest result of each analysis of its newest run, by label, the main one first.
        changes: How often the trends changed.
        frame: Its newest frame, while :meth:`watch_frames` runs.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        facility: Facility,
        store: Store,
        choose: Callable[[RunStarted], Analyses],
        publish: Callable[["SourceFollower", Result], None],
        complain: Callable[[str], None],
        *,
        keeps_main: bool = True,
    ) -> None:
        """Wire it; nothing runs before :meth:`run`.

        Args:
            name: Entry-point name, or its class.
            source: Where blocks come from. Whoever made this object gives it up: :meth:`close` closes it.
            facility: Where they are analysed.
            store: Where checkpoints are kept.
            choose: Says which analyses a run gets, by label, the main one first.
            publish: Called with each result, newest last.
            complain: Called with a sentence when something went wrong.
            keeps_main: Whether the first of a run's analyses, which is shown first, may not be left.
        """
        self.name = name
        self._keeps_main = keeps_main
        self.index = FrameIndex()
        self.results: dict[str, Result] = {}
        self.frame: Frame | None = None
        self._source = source
        self._passing = _Passing(source, self._note)
        self._publish = publish
        self._complain = complain
        self.changes = 0
        self._choose = choose
        # Of each run, by label, the main one first.
        self._analyses: dict[str, dict[str, Analysis[Any]]] = {}
        self._trends: dict[str, TrendGatherer] = {}
        self._runs: OrderedDict[str, SeenRun] = OrderedDict()
        # Of the runs that are open, oldest first, one is shown; the newest one that was while none is.
        self._open: dict[str, None] = {}
        self._shown = ""
        self._began = time.time()
        self._failure = ""
        self._tasks: list[asyncio.Task[None]] = []
        self.loop = Loop(self._passing, facility, self._chosen, self._take, complain, store=store, frames=self._frames)

    @property
    def seen(self) -> FollowedSource:
        """The source as the board shows it."""
        status = self._source.status
        if self._failure:
            status = replace(status, state="lost", detail=self._failure)
        return FollowedSource(self.name, status, self._source.last_rejection, self._failure)

    @property
    def runs(self) -> tuple[SeenRun, ...]:
        """Its runs, oldest first."""
        return tuple(self._runs.values())

    @property
    def run(self) -> str:
        """Uid of its newest run; empty before the first."""
        return self._shown

    @property
    def labels(self) -> tuple[str, ...]:
        """What the analyses of its newest run are called, the main one first."""
        return tuple(self._analyses.get(self._shown, ()))

    @property
    def result(self) -> Result | None:
        """The newest result of the main analysis of its newest run."""
        return self.results.get(self.labels[0]) if self.labels else None

    @property
    def trends(self) -> dict[str, Trend]:
        """How the features of its newest run go, by label, the main analysis' first."""
        return {label: self._trends[label].trend for label in self.labels if label in self._trends}

    def alarms_of(self, label: str) -> tuple[Alarm, ...]:
        """Return what an analysis of its newest run declares as meriting a closer look."""
        return alarms_of(self._analyses.get(self._shown, {}).get(label))

    async def add(self, label: str, analysis: Analysis[Any]) -> None:
        """Have its newest run analysed in another way too, from the first frame on.

        One of that label that is there already is shown until this one has a result.

        Raises:
            SteeringError: If there is no run, or its first frames are not referred to any more.
        """
        run = self._shown
        # Asked once before anything is changed: there may be none.
        self.index.blocks()
        before = self._analyses.setdefault(run, {})
        again = label in before
        self._analyses[run] = {**before, label: analysis}
        if again:
            await self.loop.leave(run, label)
        await self.loop.add(run, {label: analysis}, self.index.blocks)

    async def leave(self, label: str) -> None:
        """Do not analyse its newest run in that way any more.

        Raises:
            SteeringError: If it is not analysed so.
        """
        run = self._shown
        if label not in self._analyses.get(run, {}):
            message = f"This run has no analysis {label!r:.60}. It has: {', '.join(self.labels) or 'none'}."
            raise SteeringError(message)
        if self._keeps_main and self.labels[0] == label:
            message = f"{label} is the main analysis of this run, which stays. Give it other parameters instead."
            raise SteeringError(message)
        del self._analyses[run][label]
        self.results.pop(label, None)
        self._trends.pop(label, None)
        self.changes += 1
        await self.loop.leave(run, label)

    def latency(self, applied: Quantiles) -> LatencySummary:
        """How old and how far behind its result is.

        Args:
            applied: Durations from proposals to their being in force, which no source knows.
        """
        counts = self.loop.counts
        photon = self.result.provenance.times.get("photon", math.nan) if self.result is not None else math.nan
        # A recorded frame's age says nothing of how fast anything is now.
        exposed = photon if photon > self._began else math.nan
        behind = max(counts.came - counts.analysed, 0)
        return LatencySummary(self.loop.photon_to_feature.quantiles, applied, behind, exposed, counts)

    def start(self, *, frames: bool) -> list[asyncio.Task[None]]:
        """Begin to follow, and return the tasks that do so.

        Args:
            frames: Whether to read the newest frame for the eye; not where another feed brings it.
        """
        running = asyncio.create_task(self.loop.run())
        running.add_done_callback(self._over)
        self._tasks = [running]
        if frames:
            self._tasks.append(asyncio.create_task(self._watch_frames()))
        return self._tasks

    async def close(self) -> None:
        """Stop taking frames, store the results of those that came, tell the source of them, and close it."""
        self._passing.close()
        if self._tasks:
            # In this order: what is told to a closed source is not told to its ring.
            await asyncio.wait(self._tasks[:1], timeout=_DRAIN_SECONDS)
        await self.cancel()

    async def cancel(self) -> None:
        """End at once: frames that have no stored result come again with the next session."""
        self._passing.close()
        for task in self._tasks:
            task.cancel()
        await self.loop.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # A source may wait for its threads and connections to end.
        await asyncio.to_thread(self._source.close)

    def _frames(self, run: str) -> list[FrameBlock]:
        if run != self._shown:
            message = f"The frames of run {run[:8]} are not remembered any more, as another one is shown."
            raise SteeringError(message)
        return self.index.blocks()

    def _note(self, item: SourceItem) -> None:
        match item:
            case RunStarted():
                started = item.started if math.isfinite(item.started) else time.time()
                self._runs[item.run] = SeenRun(item.run, item.plan, started, geometry=item.geometry)
                self._runs.move_to_end(item.run)
                while len(self._runs) > _MOST_RUNS:
                    self._runs.popitem(last=False)
                # The beamline's own scan is expected; of other runs many have no frames, and hide nothing.
                if self._shown not in self._open and (self.name == DOCUMENTS or not self._shown):
                    self._show(item.run)
                self._open[item.run] = None
            case RunEnded():
                self._open.pop(item.run, None)
                run = self._runs.get(item.run)
                if run is not None:
                    self._runs[item.run] = replace(run, frames=item.frames, events=item.events, status=item.status)
            case FrameBlock():
                run = self._runs.get(item.run)
                if run is not None:
                    self._runs[item.run] = replace(run, frames=run.frames + len(item))
                self._choose_shown(item.run)
                if item.run == self._shown:
                    self.index.add(item)

    def _choose_shown(self, run: str) -> None:
        """Show the newest run that is open and has frames: an empty one that was opened inside it hides nothing."""
        order = list(self._open)
        if run in order and (self._shown not in order or order.index(run) > order.index(self._shown)):
            self._show(run)

    def _show(self, run: str) -> None:
        if run == self._shown:
            return
        self._shown = run
        self.forget()
        self.index.begin(run)

    def forget(self) -> None:
        """Forget the results of the run before."""
        self.results, self._trends = {}, {}
        self.changes += 1

    def _chosen(self, started: RunStarted) -> Analyses:
        analyses = self._choose(started)
        self._analyses[started.run] = dict(analyses)
        for run in [run for run in self._analyses if run not in self._runs]:
            del self._analyses[run]
        return analyses

    def _take(self, result: Result) -> None:
        source = result.provenance
        if source.run == self._shown:
            if not self._wanted(result):
                return
            self.results = {
                label: result if label == source.label else self.results[label]
                for label in self.labels
                if label in self.results or label == source.label
            }
            self._trends.setdefault(source.label, TrendGatherer()).add(result)
            self.changes += 1
        self._publish(self, result)

    def _wanted(self, result: Result) -> bool:
        """Say whether a result is of an analysis as it is wanted now, or of the one before while that has none yet."""
        source = result.provenance
        analysis = self._analyses.get(source.run, {}).get(source.label)
        if analysis is None:
            return False
        wanted = parameters_hash(analysis.name, analysis.parameters)
        shown = self.results.get(source.label)
        if source.parameters_hash == wanted:
            if shown is not None and shown.provenance.parameters_hash != wanted:
                # What was before is another curve.
                self._trends.pop(source.label, None)
            return True
        return shown is None or shown.provenance.parameters_hash != wanted

    def _over(self, running: "asyncio.Task[None]") -> None:
        """Say why a source is not followed any more, if it did not just end."""
        error = None if running.cancelled() else running.exception()
        if isinstance(error, ModuleNotFoundError):
            self._failure = (
                f"The source {self.name} needs the package {error.name}, which is not installed. "
                "See the table of sources for the extra that brings it, install it and follow again."
            )
        elif error is not None:
            what = str(error) if isinstance(error, SteeringError) else f"{type(error).__name__}: {error}"
            self._failure = f"The source {self.name} failed: {what}"
        if self._failure:
            self._complain(self._failure)

    async def _watch_frames(self) -> None:
        """Read the newest frame for the eye, off the event loop: latest wins, nothing is queued."""
        shown, told = "", ""
        while True:
            newest = self.index.newest
            if newest is not None and newest.key != shown:
                shown = newest.key
                try:
                    self.frame = await asyncio.to_thread(self.index.read, newest.start)
                except Exception as error:  # noqa: BLE001  (a file may hold anything; the next frame may be well)
                    if said(error) != told:
                        told = said(error)
                        self._complain(f"The newest frame cannot be shown: {told}")
            await asyncio.sleep(_LOOK_SECONDS)


class _Passing:
    """A source as its loop sees it, whose items can be ended before the source itself is closed."""

    def __init__(self, source: Source, note: Callable[[SourceItem], None]) -> None:
        self._source = source
        self._note = note
        self._closing = asyncio.Event()

    @property
    def rejected(self) -> int:
        return self._source.rejected

    @property
    def last_rejection(self) -> str:
        return self._source.last_rejection

    @property
    def status(self) -> SourceStatus:
        return self._source.status

    async def items(self) -> AsyncIterator[SourceItem]:
        pulled = self._source.items()
        closing = asyncio.ensure_future(self._closing.wait())
        getting = asyncio.ensure_future(_next(pulled))
        try:
            while True:
                await asyncio.wait([getting, closing], return_when=asyncio.FIRST_COMPLETED)
                if not getting.done():
                    return
                item = getting.result()
                if item is None:
                    return
                self._note(item)
                yield item
                getting = asyncio.ensure_future(_next(pulled))
        finally:
            closing.cancel()
            getting.cancel()
            await asyncio.gather(closing, getting, return_exceptions=True)
            close = getattr(pulled, "aclose", None)
            if close is not None:
                await close()

    def stored(self, run: str, start: int, stop: int) -> None:
        self._source.stored(run, start, stop)

    def close(self) -> None:
        self._closing.set()


async def _next(pulled: AsyncIterator[SourceItem]) -> SourceItem | None:
    try:
        return await anext(pulled)
    except StopAsyncIteration:
        return None
