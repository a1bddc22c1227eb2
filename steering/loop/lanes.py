"""One run's two lanes; see :mod:`steering.loop.loop`.

What is kept here of a frame is its block until a checkpoint holds it, and after that nothing: memory and the cost of a
frame do not grow with the run, beyond what the analysis' own state does.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steering.core.analysis import Analysis
from steering.core.block import FrameBlock
from steering.core.errors import LostError, SteeringError
from steering.core.facility import Facility, Remote
from steering.core.latency import FrameCounts
from steering.core.result import Provenance, Result, parameters_hash
from steering.core.source import Source
from steering.core.version import VERSION
from steering.loop.blocks import cut, frames_of, take
from steering.loop.pace import Pace
from steering.loop.partial import Finished, Partial, analyse, finish, merge_all, restore
from steering.loop.ranges import Ranges, count, unite, without
from steering.loop.reduction import Reduction
from steering.loop.stopwatch import Stopwatch
from steering.loop.store import Store, Stored

# A live block overtakes any backlog on a shared facility, and a result any block.
BLOCK_PRIORITY, RESULT_PRIORITY = 10, 20
# Between two tries to reach a facility that was lost, and between two looks for what is overdue (seconds).
_AGAIN, _LOOK = 0.5, 0.1
_THREADS_AT_FIRST = 2
# What a task may raise that is not the loop's own fault: said to the person, and the run goes on.
_TASK_ERRORS = (SteeringError, OSError, RuntimeError, ValueError, KeyError, TypeError)


@dataclass
class _Group:
    """Blocks that are analysed in one task."""

    blocks: tuple[FrameBlock, ...]
    submitted: float = field(default_factory=time.monotonic)
    key: str = ""
    tries: int = 1

    @property
    def frames(self) -> int:
        """How many frames they have."""
        return frames_of(self.blocks)


class Lanes:
    """A run's blocks on their way to results."""

    def __init__(
        self,
        run: str,
        analysis: Analysis[Any],
        facility: Facility,
        store: Store,
        pace: Pace,
        source: Source,
        publish: Callable[[Result], None],
        complain: Callable[[str], None],
        stopwatch: Stopwatch,
    ) -> None:
        """Wire them; see :class:`steering.loop.loop.Loop`."""
        self._run = run
        self._analysis = analysis
        self._facility = facility
        self._store = store
        self._pace = pace
        self._source = source
        self._publish = publish
        self._complain = complain
        self._stopwatch = stopwatch
        self._hash = parameters_hash(analysis.name, analysis.parameters)
        self._came: Ranges = ()
        self._repeated = 0
        self._waiting: list[FrameBlock] = []
        self._waiting_since = 0.0
        self._groups: dict[str, _Group] = {}
        self._done: list[_Group] = []
        self._storing: list[_Group] = []
        self._storing_lock = asyncio.Lock()
        self._base: Stored | None = None
        self._begin()
        self._news = asyncio.Event()
        self._moved = asyncio.Event()
        self._threads = _THREADS_AT_FIRST
        self._usual = 0.0
        self._result_seconds = 0.0
        self._result_not_before = 0.0
        self._results: set[asyncio.Task[None]] = set()
        self._following: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._newest: Finished | None = None
        self._shown = 0
        self._version = 0
        self._timed: Ranges = ()
        # Frames of before this session followed the run tell how late it came, not how fast the loop is.
        self._began = time.time()
        self._failed = 0
        self._broken = ""
        # At a run's end one more result is made, of the complete lane alone.
        self._ending = self._final = False
        self._submitted_at: dict[int, float] = {}
        self._recovering: asyncio.Task[None] | None = None

    @property
    def counts(self) -> FrameCounts:
        """How many frames came, are in the newest result, came twice, or failed."""
        newest = self._newest
        return FrameCounts(
            came=count(self._came),
            analysed=newest.frames if newest is not None else 0,
            doubled=newest.doubled if newest is not None else 0,
            repeated=self._repeated,
            failed=newest.failed if newest is not None else 0,
        )

    async def start(self) -> None:
        """Load the run's checkpoint, if there is one, and begin."""
        self._base = await self._store.get(self._run, f"{self._analysis.name}-{self._hash}")
        if self._base is not None:
            self._came = self._base.partial.ranges
            self._tell_stored(self._base.partial.ranges)
            self._begin()
            self._news.set()
        for work in (self._watch, self._make, self._check):
            self._start(self._tasks, work())

    def add(self, blocks: Sequence[FrameBlock]) -> None:
        """Take blocks; frames that came before are left out and counted."""
        if not self._waiting:
            self._waiting_since = time.monotonic()
        for block in blocks:
            new = without(block.start, block.stop, self._came)
            self._repeated += len(block) - count(new)
            for start, stop in new:
                self._waiting.append(cut(block, start, stop))
            self._came, _ = unite(self._came, new)
        if self._waiting:
            self._submitted_at[self._waiting[-1].stop - 1] = time.time()
        self._news.set()
        self._pump()

    async def room(self) -> None:
        """Wait while too many frames wait for the facility."""
        while frames_of(self._waiting) > self._pace.waiting_frames:
            await self._move()

    async def drain(self) -> None:
        """Wait until the newest result holds everything that came, from the complete lane alone."""
        self._ending, self._final = True, False
        self._news.set()
        while not self._complete():
            self._pump()
            await self._move()
        await self._checkpoint()
        self._ending = False

    async def _move(self) -> None:
        """Wait until something has moved.

        Raises:
            SteeringError: If the lanes themselves have failed, so that nothing will move any more.
        """
        self._moved.clear()
        if not self._broken:
            await self._moved.wait()
        if self._broken:
            raise SteeringError(self._broken)

    async def cancel(self) -> None:
        """Stop; what was submitted is left to the facility."""
        tasks = [*self._tasks, *self._results, *self._following]
        tasks += [self._recovering] if self._recovering is not None else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self) -> None:
        """Begin from the checkpoint, with nothing submitted."""
        # Two sessions may follow one run on one facility and group its blocks differently: their keys must differ.
        self._suffix = f"{self._run}-{self._hash}-{secrets.token_hex(4)}"
        self._numbers = 0
        self._reduction = Reduction[Remote[Partial]](self._merge)
        if self._base is not None:
            self._reduction.add(self._submit("restore", restore, self._base.saved))

    # The complete lane.

    def _pump(self) -> None:
        """Submit what waits, as far as the facility has hands for it."""
        while self._waiting and self._recovering is None and len(self._groups) < 2 * self._threads:
            waited = time.monotonic() - self._waiting_since
            if frames_of(self._waiting) < self._pace.group_frames and waited < self._pace.group and not self._ending:
                # Few frames: they are on the screen by the display lane; here others may join them.
                break
            blocks, self._waiting = take(self._waiting, self._pace.group_frames)
            self._waiting_since = time.monotonic()
            self._analyse(_Group(tuple(blocks)))
        self._moved.set()

    def _analyse(self, group: _Group) -> None:
        name = f"analyse-{group.blocks[0].start}-{group.blocks[-1].stop}"
        try:
            remote: Remote[Partial] = self._submit(name, analyse, self._analysis, group.blocks)
        except LostError:
            self._groups[f"lost-{name}"] = group
            self._lose(self._suffix)
            return
        group.key, group.submitted = remote.key, time.monotonic()
        self._groups[remote.key] = group
        self._start(self._following, self._follow(group, remote, self._suffix))

    async def _follow(self, group: _Group, remote: Remote[Partial], suffix: str) -> None:
        """Wait for a group's state, which stays on the workers."""
        try:
            await remote.done()
        except LostError:
            self._lose(suffix)
            return
        except _TASK_ERRORS as error:
            if suffix == self._suffix:
                self._give_up(group, error)
            return
        if suffix != self._suffix:
            return
        self._usual = 0.8 * self._usual + 0.2 * (time.monotonic() - group.submitted)
        del self._groups[group.key]
        self._done.append(group)
        try:
            self._reduction.add(remote)
        except LostError:
            self._lose(suffix)
            return
        self._news.set()
        self._pump()

    def _give_up(self, group: _Group, error: Exception) -> None:
        """Leave out a group whose task cannot be done at all, and say so."""
        self._groups.pop(group.key, None)
        self._failed += group.frames
        first, last = group.blocks[0].start, group.blocks[-1].stop - 1
        self._complain(f"Frames {first} to {last} could not be analysed ({type(error).__name__}: {error}).")
        self._news.set()
        self._pump()

    def _merge(self, items: Sequence[Remote[Partial]]) -> Remote[Partial]:
        return self._submit("merge", merge_all, self._analysis, *items)

    def _submit(self, name: str, function: Callable[..., Any], *arguments: Any, priority: int = BLOCK_PRIORITY) -> Any:
        self._numbers += 1
        return self._facility.submit(f"{name}-{self._numbers}-{self._suffix}", function, *arguments, priority=priority)

    # Checkpoints.

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(self._pace.checkpoint)
            if self._done and self._recovering is None:
                await self._checkpoint()

    async def _checkpoint(self) -> None:
        async with self._storing_lock:
            await self._store_done()

    async def _store_done(self) -> None:
        """Store the merged state of all groups that are done, and forget their blocks."""
        if not self._done:
            return
        suffix = self._suffix
        # Until they are stored they are neither done nor forgotten: a loss brings them back.
        self._storing, self._done = self._done, []
        try:
            whole = self._merge(self._reduction.items)
            self._reduction = Reduction[Remote[Partial]](self._merge)
            self._reduction.add(whole)
            partial = await self._wait_for(whole)
        except LostError:
            self._lose(suffix)
            return
        if suffix != self._suffix:
            return
        stored = await self._store.put(self._run, f"{self._analysis.name}-{self._hash}", partial)
        if suffix != self._suffix:
            return
        self._base, self._storing = stored, []
        # From here on the state is read from where it is stored: what it was made of may be forgotten everywhere.
        later = self._reduction.items[1:] if self._reduction.items[0] is whole else None
        if later is not None:
            fresh = Reduction[Remote[Partial]](self._merge)
            try:
                for item in (self._submit("restore", restore, stored.saved), *later):
                    fresh.add(item)
            except LostError:
                self._lose(suffix)
                return
            self._reduction = fresh
        self._tell_stored(partial.ranges)

    def _tell_stored(self, ranges: Ranges) -> None:
        for start, stop in ranges:
            self._source.stored(self._run, start, stop)

    # The display lane.

    async def _make(self) -> None:
        """Make results as long as there is something new."""
        while True:
            await self._news.wait()
            pause = self._result_not_before - time.monotonic()
            if pause > 0 and not self._ending:
                await asyncio.sleep(pause)
            while len(self._results) >= self._results_at_once or self._recovering is not None:
                self._moved.clear()
                await self._moved.wait()
            self._news.clear()
            fresh = [] if self._ending else self._fresh()
            if self._complete() or not self._tells_more(fresh):
                self._moved.set()
                continue
            # Both are taken now: a group that is done in between would be in the result twice.
            self._start(self._results, self._result(fresh, self._reduction.items, self._suffix))

    @property
    def _busy(self) -> bool:
        """Whether blocks wait for the facility's hands."""
        return len(self._groups) >= self._threads

    @property
    def _results_at_once(self) -> int:
        return 1 if self._ending or self._busy else self._pace.results

    def _tells_more(self, fresh: Sequence[FrameBlock]) -> bool:
        """Whether a result made now would hold more frames than the newest, or is the last."""
        if self._ending:
            return not self._waiting and not self._groups
        base = self._base.partial.frames if self._base is not None else 0
        return base + sum(group.frames for group in (*self._storing, *self._done)) + frames_of(fresh) > self._shown

    async def _result(self, fresh: Sequence[FrameBlock], states: Sequence[Remote[Partial]], suffix: str) -> None:
        final = self._ending
        if suffix != self._suffix:
            return
        try:
            remote: Remote[Finished] = self._submit(
                "result", finish, self._analysis, tuple(fresh), *states, priority=RESULT_PRIORITY
            )
            finished = await self._wait_for(remote)
        except LostError:
            self._lose(suffix)
            return
        except _TASK_ERRORS as error:
            self._complain(f"The analysis {self._analysis.name} failed: {type(error).__name__}: {error}")
            if self._ending:
                # Nothing better will come of the same frames.
                self._final = True
            return
        if suffix != self._suffix:
            return
        self._result_seconds = finished.seconds
        # While hands are idle a result takes nobody's time; else it must leave the complete lane its share.
        pause = finished.seconds * (1 / self._pace.result_share - 1) / self._threads if self._busy else 0.0
        self._result_not_before = time.monotonic() + pause
        if finished.frames + finished.failed > self._shown or final:
            self._shown = finished.frames + finished.failed
            self._final = self._final or final
            self._hand_on(finished)

    def _fresh(self) -> list[FrameBlock]:
        """The newest frames that no state holds yet, as many as a result may analyse itself."""
        blocks = [block for group in self._groups.values() for block in group.blocks] + self._waiting
        newest: list[FrameBlock] = []
        left = self._pace.fresh_frames
        for block in sorted(blocks, key=lambda block: block.start, reverse=True):
            if left <= 0:
                break
            newest.append(cut(block, max(block.stop - left, block.start), block.stop))
            left -= len(newest[-1])
        return newest[::-1]

    def _complete(self) -> bool:
        """Whether the newest result holds everything that came."""
        if self._waiting or self._groups or self._recovering is not None:
            return False
        return not self._came or (self._final if self._ending else self._shown + self._failed >= count(self._came))

    def _hand_on(self, finished: Finished) -> None:
        now = time.time()
        for index, photon in finished.photons.items():
            if photon > self._began and without(index, index + 1, self._timed):
                self._stopwatch.add(now - photon)
        self._timed, _ = unite(self._timed, [(index, index + 1) for index in finished.photons])
        if finished.failed > (self._newest.failed if self._newest is not None else 0):
            self._complain(f"{finished.failed} frames could not be analysed; the newest: {finished.failures[-1]}")
        self._newest = finished
        self._version += 1
        source = Provenance(
            run=self._run,
            analysis=self._analysis.name,
            parameters=self._analysis.parameters,
            parameters_hash=self._hash,
            code_version=VERSION,
            facility=self._facility.name,
            frames=finished.frames,
            last_frame=finished.last_frame,
            times=self._times(finished.times, finished.last_frame, now),
        )
        self._publish(Result(self._version, finished.outcome, source))
        self._moved.set()

    def _times(self, times: Mapping[str, float], last_frame: int, now: float) -> dict[str, float]:
        submitted = self._submitted_at.get(last_frame)
        self._submitted_at = {frame: at for frame, at in self._submitted_at.items() if frame >= last_frame}
        return {**times, **({"submitted": submitted} if submitted is not None else {}), "result": now}

    # Losses.

    async def _watch(self) -> None:
        """Learn how many hands the facility has, submit what has waited, and have workers given up that hang."""
        asked = 0.0
        while True:
            await asyncio.sleep(_LOOK)
            self._pump()
            if self._recovering is not None:
                continue
            now = time.monotonic()
            patience = max(self._pace.overdue, self._pace.overdue_times * self._usual)
            late = [group for group in self._groups.values() if now - group.submitted > patience * group.tries]
            try:
                if late:
                    late[0].tries += 1
                    await self._facility.overdue(late[0].key)
                if now - asked > 1.0:
                    asked = now
                    status = await self._facility.status()
                    self._threads = sum(worker.threads for worker in status.workers) or _THREADS_AT_FIRST
            except (SteeringError, OSError):
                # A facility that cannot be asked is lost, which waiting for its values will tell.
                continue

    async def _wait_for(self, remote: Remote[Any]) -> Any:
        """Wait for a value; while it is long overdue, have workers given up that hang."""
        began = time.monotonic()
        waiting = asyncio.ensure_future(remote.result())
        tries = 1
        try:
            while not waiting.done():
                patience = max(self._pace.overdue, self._pace.overdue_times * max(self._usual, self._result_seconds))
                await asyncio.wait([waiting], timeout=patience * tries)
                if not waiting.done() and time.monotonic() - began > patience:
                    tries += 1
                    try:
                        await self._facility.overdue(remote.key)
                    except (SteeringError, OSError):
                        continue
            return waiting.result()
        finally:
            waiting.cancel()

    def _lose(self, suffix: str) -> None:
        """The facility's values are gone: reach it again and submit again what no checkpoint holds."""
        # A late word of a loss that was recovered from is no news.
        if self._recovering is None and suffix == self._suffix:
            self._recovering = asyncio.create_task(self._recover())

    async def _recover(self) -> None:
        self._complain("The scheduler was lost. What was not stored is analysed again as soon as there is another.")
        # Whatever is still under way belongs to the lost scheduler.
        self._suffix = ""
        blocks = [block for group in (*self._storing, *self._done, *self._groups.values()) for block in group.blocks]
        self._waiting = sorted([*blocks, *self._waiting], key=lambda block: block.start)
        self._groups, self._done, self._storing = {}, [], []
        while True:
            try:
                await self._facility.resume()
                self._begin()
                break
            except (SteeringError, OSError):
                await asyncio.sleep(_AGAIN)
        self._recovering = None
        self._complain("")
        self._pump()
        self._news.set()

    def _start(self, tasks: "set[asyncio.Task[None]]", work: Any) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(lambda done: self._ended(tasks, done))

    def _ended(self, tasks: "set[asyncio.Task[None]]", task: "asyncio.Task[None]") -> None:
        tasks.discard(task)
        self._moved.set()
        if not self._complete():
            self._news.set()
        if not task.cancelled() and task.exception() is not None:
            self._broken = f"The loop failed: {task.exception()!r}. Open the session again."
            self._complain(self._broken)
