"""The loop: takes blocks from a source, has them analysed and merged on a facility, and hands on the newest result.

Blocks are gathered by time, with a cap, so that a burst costs one task and a lone frame does not wait. At most one
result is being made at a time, of all that was submitted before it; so a slow facility delays results but never queues
them up. Keys name run, frames, analysis, parameters and session: the same work submitted twice is done once.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from steering.core.analysis import Analysis
from steering.core.block import FrameBlock
from steering.core.errors import LostError, SteeringError
from steering.core.facility import Facility, Remote
from steering.core.result import Provenance, Result, parameters_hash
from steering.core.source import RunEnded, RunStarted, Source, SourceItem
from steering.core.version import VERSION
from steering.loop.partial import Finished, Partial, analyse, finish, merge
from steering.loop.reduction import Reduction
from steering.loop.stopwatch import Stopwatch

# Blocks that come within this time (seconds) of the first go into one task, up to so many frames.
GATHER_SECONDS = 0.004
GATHER_FRAMES = 64
# A live block overtakes any backlog on a shared facility.
LIVE_PRIORITY = 10
# A result that takes so long (seconds), or so many times longer than the last ones, waits for a worker that hangs.
OVERDUE_SECONDS, OVERDUE_TIMES = 0.5, 8.0
# Between two tries to reach a facility that was lost (seconds).
_AGAIN_SECONDS = 0.5


class Loop:
    """Follows one source with one facility.

    Attributes:
        photon_to_feature: End of a frame's exposure to the result that holds it, for every frame.
    """

    def __init__(
        self,
        source: Source,
        facility: Facility,
        choose: Callable[[RunStarted], Analysis[Any] | None],
        publish: Callable[[Result], None],
        complain: Callable[[str], None],
    ) -> None:
        """Wire the loop.

        Args:
            source: Where blocks come from.
            facility: Where they are analysed; it must have been started.
            choose: Says which analysis a run gets; ``None`` for none.
            publish: Called with each result, newest last; must not block.
            complain: Called with a sentence when something went wrong that the loop survives.
        """
        self.photon_to_feature = Stopwatch()
        self._source = source
        self._facility = facility
        self._choose = choose
        self._publish = publish
        self._complain = complain
        self._run: _RunLoop | None = None

    async def run(self) -> None:
        """Run until the source ends."""
        gathered: list[FrameBlock] = []
        items = _Gatherer(self._source)
        async for batch in items.batches():
            for item in batch:
                if isinstance(item, FrameBlock):
                    gathered.append(item)
                    continue
                self._submit(gathered)
                gathered = []
                await self._turn(item)
            self._submit(gathered)
            gathered = []
        if self._run is not None:
            await self._run.drain()

    async def cancel(self) -> None:
        """Stop making results; what was submitted is left to the facility."""
        if self._run is not None:
            await self._run.cancel()

    async def _turn(self, item: RunStarted | RunEnded) -> None:
        if isinstance(item, RunEnded):
            if self._run is not None:
                await self._run.drain()
            return
        if self._run is not None:
            await self._run.cancel()
        analysis = self._choose(item)
        self._run = None
        if analysis is not None:
            self._run = _RunLoop(
                item.run, analysis, self._facility, self._publish, self._complain, self.photon_to_feature
            )

    def _submit(self, blocks: list[FrameBlock]) -> None:
        if blocks and self._run is not None:
            self._run.submit(tuple(blocks))


class _Gatherer:
    """Batches a source's items by time."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def batches(self) -> AsyncIterator[list[SourceItem]]:
        """Yield lists of items; a list is as long as what came within the gathering time."""
        queue: asyncio.Queue[SourceItem | None] = asyncio.Queue()

        async def pump() -> None:
            async for item in self._source.items():
                queue.put_nowait(item)
            queue.put_nowait(None)

        pumping = asyncio.create_task(pump())
        try:
            while (first := await queue.get()) is not None:
                batch: list[SourceItem] = [first]
                frames = 0
                await asyncio.sleep(GATHER_SECONDS if queue.empty() else 0)
                while not queue.empty() and frames < GATHER_FRAMES:
                    item = queue.get_nowait()
                    if item is None:
                        queue.put_nowait(None)
                        break
                    frames += len(item) if isinstance(item, FrameBlock) else 0
                    batch.append(item)
                yield batch
            await pumping
        finally:
            pumping.cancel()


class _RunLoop:
    """One run's states and results."""

    def __init__(
        self,
        run: str,
        analysis: Analysis[Any],
        facility: Facility,
        publish: Callable[[Result], None],
        complain: Callable[[str], None],
        stopwatch: Stopwatch,
    ) -> None:
        self._run = run
        self._analysis = analysis
        self._facility = facility
        self._publish = publish
        self._complain = complain
        self._stopwatch = stopwatch
        self._hash = parameters_hash(analysis.name, analysis.parameters)
        # Every group of blocks that was submitted, so that it can be submitted again if the facility is lost.
        self._groups: list[tuple[FrameBlock, ...]] = []
        self._begin()
        self._usual = 0.0
        self._next_frame = 0
        self._version = 0
        self._timed = -1
        # Frames of before this session followed the run tell how late it came, not how fast the loop is.
        self._began = time.time()
        self._failures = 0
        self._news = asyncio.Event()
        self._making: asyncio.Task[None] | None = None
        self._submitted_at: dict[int, float] = {}

    def submit(self, blocks: tuple[FrameBlock, ...]) -> None:
        """Have blocks analysed; a block that was submitted before is left out."""
        fresh: list[FrameBlock] = []
        for block in blocks:
            if block.start >= self._next_frame:
                fresh.append(block)
                self._next_frame = block.stop
        if not fresh:
            return
        self._submitted_at[fresh[-1].stop - 1] = time.time()
        self._groups.append(tuple(fresh))
        # While the facility is being reached again, the group waits among the others.
        if not self._recovering:
            self._analyse(tuple(fresh))
        self._news.set()
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._make())

    async def drain(self) -> None:
        """Wait until the newest result holds everything that was submitted."""
        if self._making is not None:
            await self._making

    async def cancel(self) -> None:
        """Stop making results."""
        if self._making is not None:
            self._making.cancel()
            await asyncio.gather(self._making, return_exceptions=True)

    def _begin(self) -> None:
        """Begin with nothing submitted."""
        # Two sessions may follow one run on one facility and gather its blocks differently: their keys must differ.
        self._suffix = f"{self._hash}-{secrets.token_hex(4)}"
        self._reduction = Reduction[Remote[Partial]](self._merge)
        self._merges = 0
        self._recovering = False

    def _analyse(self, group: tuple[FrameBlock, ...]) -> None:
        key = f"{self._run}-{group[0].start}-{group[-1].stop}-{self._suffix}"
        self._reduction.add(
            self._facility.submit(f"analyse-{key}", analyse, self._analysis, group, priority=LIVE_PRIORITY)
        )

    async def _recover(self) -> None:
        """Reach the facility again and submit everything again; values went with its scheduler, references did not."""
        self._recovering = True
        self._complain("The scheduler was lost. Everything is submitted again as soon as there is another.")
        while True:
            try:
                await self._facility.start()
                break
            except (SteeringError, OSError):
                await asyncio.sleep(_AGAIN_SECONDS)
        self._begin()
        for group in self._groups:
            self._analyse(group)
        self._complain("")
        self._news.set()

    async def _result(self, remote: Remote[Finished]) -> Finished:
        """Wait for a result; when it is long overdue, have workers that hang given up."""
        began = time.monotonic()
        waiting = asyncio.ensure_future(remote.result())
        try:
            while not waiting.done():
                patience = max(OVERDUE_SECONDS, OVERDUE_TIMES * self._usual)
                await asyncio.wait([waiting], timeout=patience)
                if not waiting.done():
                    await self._give_up_silent(remote.key)
        finally:
            waiting.cancel()
        self._usual = 0.9 * self._usual + 0.1 * (time.monotonic() - began)
        return waiting.result()

    async def _give_up_silent(self, key: str) -> None:
        try:
            await self._facility.overdue(key)
        except (SteeringError, OSError):
            # A facility that cannot be asked is lost, which waiting for the result will tell.
            return

    def _merge(self, left: Remote[Partial], right: Remote[Partial]) -> Remote[Partial]:
        self._merges += 1
        key = f"merge-{self._run}-{self._merges}-{self._suffix}"
        return self._facility.submit(key, merge, self._analysis, left, right, priority=LIVE_PRIORITY)

    async def _make(self) -> None:
        """Make results, one after another, as long as there is something new."""
        while self._news.is_set():
            self._news.clear()
            self._version += 1
            key = f"result-{self._run}-{self._next_frame}-{self._suffix}"
            remote = self._facility.submit(
                key, finish, self._analysis, *self._reduction.items, priority=LIVE_PRIORITY + 1
            )
            try:
                finished = await self._result(remote)
            except LostError:
                await self._recover()
                continue
            except (SteeringError, OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
                self._complain(f"The analysis {self._analysis.name} failed: {type(error).__name__}: {error}")
                continue
            self._hand_on(finished)

    def _hand_on(self, finished: Finished) -> None:
        now = time.time()
        for index, photon in finished.photons.items():
            if index > self._timed and photon > self._began:
                self._stopwatch.add(now - photon)
        self._timed = max(self._timed, finished.last_frame)
        if len(finished.failures) > self._failures:
            self._failures = len(finished.failures)
            self._complain(f"{self._failures} blocks could not be analysed; the newest: {finished.failures[-1]}")
        self._publish(
            Result(
                self._version,
                finished.outcome,
                Provenance(
                    run=self._run,
                    analysis=self._analysis.name,
                    parameters=self._analysis.parameters,
                    parameters_hash=self._hash,
                    code_version=VERSION,
                    facility=self._facility.name,
                    frames=finished.frames,
                    last_frame=finished.last_frame,
                    times=self._times(finished.times, finished.last_frame, now),
                ),
            )
        )

    def _times(self, times: Mapping[str, float], last_frame: int, now: float) -> dict[str, float]:
        submitted = self._submitted_at.get(last_frame)
        self._submitted_at = {frame: at for frame, at in self._submitted_at.items() if frame > last_frame}
        return {**times, **({"submitted": submitted} if submitted is not None else {}), "result": now}
