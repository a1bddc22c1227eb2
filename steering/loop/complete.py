"""The complete lane: analyses every block once, in groups whose size follows the load, and stores the merged state.

This process keeps the block of a frame until a checkpoint holds the frame, and nothing after that. So memory and the
cost of a frame do not grow with the run, except as far as the analysis' own state grows.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from steering.core.analysis import Analyses
from steering.core.block import FrameBlock
from steering.core.errors import LostError, said
from steering.core.facility import Remote
from steering.loop.blocks import frames_of, take
from steering.loop.group_size import GroupSize
from steering.loop.pace import Pace
from steering.loop.partial import Finished, Partial, analyse, merge_all, restore
from steering.loop.ranges import Ranges, count, unite, without
from steering.loop.reduction import Reduction
from steering.loop.state import State
from steering.loop.store import Store, Stored
from steering.loop.tasks import TASK_ERRORS, Tasks


@dataclass
class Group:
    """Blocks that one task analyses."""

    blocks: tuple[FrameBlock, ...]
    submitted: float = field(default_factory=time.monotonic)
    key: str = ""
    tries: int = 1

    @property
    def frames(self) -> int:
        """Number of frames in the blocks."""
        return frames_of(self.blocks)


class CompleteLane:
    """A run's blocks on their way into the stored state.

    Attributes:
        analyses: The analyses of the blocks, by label. An analysis that moves to other lanes is removed.
        came: Ranges of the frames that arrived.
        repeated: Number of frames that arrived again and were left out.
        failed: Number of frames that are in no state because their task failed.
        ending: Whether the run is over, so that blocks no longer wait for others to join them.
    """

    def __init__(
        self,
        run: str,
        analyses: Analyses,
        tasks: Tasks,
        store: Store,
        pace: Pace,
        stored: Callable[[Ranges], None],
        complain: Callable[[str], None],
        moved: Callable[[], None],
        follow: Callable[[Any], None],
        part: Callable[[Mapping[str, str]], None],
    ) -> None:
        """Connect the lane to its surroundings.

        Args:
            run: Run that the blocks belong to.
            analyses: The analyses of the blocks, by label.
            tasks: Submits the tasks to the facility.
            store: Keeps the checkpoints.
            pace: How to trade latency for throughput.
            stored: Called with the ranges of all frames whose state is stored.
            complain: Called with a sentence when something went wrong.
            moved: Called when there is progress.
            follow: Runs a coroutine in the background.
            part: Called with the analyses that are no longer done here, and the reasons. It removes them from
                ``analyses``.
        """
        self.came: Ranges = ()
        self.repeated = 0
        self.failed = 0
        self.ending = False
        self._run = run
        self.analyses = analyses
        self._tasks = tasks
        self._store = store
        self._pace = pace
        self._tell_stored = stored
        self._complain = complain
        self._moved = moved
        self._follow = follow
        self._part = part
        self._size = GroupSize(pace)
        self._waiting: list[FrameBlock] = []
        self._waiting_frames = 0
        self._waiting_since = 0.0
        self._groups: dict[str, Group] = {}
        self._done: list[Group] = []
        self._storing: list[Group] = []
        self._unstored = ""
        self._storing_lock = asyncio.Lock()
        self._base: Stored | None = None
        self._reduction = Reduction[State](self._merge)

    @property
    def waiting_frames(self) -> int:
        """Number of frames that wait to be submitted to the facility."""
        return self._waiting_frames

    @property
    def busy(self) -> bool:
        """Whether all worker threads have something to do."""
        return len(self._groups) >= self._tasks.threads

    @property
    def settled(self) -> bool:
        """Whether every frame that arrived is in a state or has failed."""
        return not self._waiting and not self._groups

    @property
    def held_frames(self) -> int:
        """Number of frames in the states, with those that could not be read."""
        base = self._base.partial.frames + self._base.partial.failed if self._base is not None else 0
        return base + sum(group.frames for group in (*self._storing, *self._done))

    @property
    def working_since(self) -> float:
        """Unix time in seconds at which the oldest unfinished group was submitted. NaN if all groups are done."""
        oldest = min((group.submitted for group in self._groups.values()), default=math.nan)
        return round(time.time() - (time.monotonic() - oldest), 1)

    @property
    def states(self) -> tuple[Remote[Partial], ...]:
        """The finished states. A merge that is not finished is given as its parts, so that a result need not wait."""
        return tuple(one for state in self._reduction.items for one in state.there)

    async def start(self) -> None:
        """Load the run's checkpoint, if there is one, and begin."""
        self._base = await self._store.get(self._run, self.analyses)
        if self._base is not None:
            # What could not be read then comes again, and may be there now.
            self._base = replace(self._base, partial=replace(self._base.partial, failed=0, failures=()))
            self.came = self._base.partial.ranges
            self._tell_stored(self.came)
        self.begin()

    def begin(self) -> None:
        """Begin from the checkpoint, with nothing submitted. Blocks that are not in the checkpoint wait again."""
        groups = (*self._storing, *self._done, *self._groups.values())
        blocks = [block for group in groups for block in group.blocks]
        self._groups, self._done, self._storing = {}, [], []
        self._waiting = sorted([*blocks, *self._waiting], key=lambda block: block.start)
        self._waiting_frames = frames_of(self._waiting)
        self._reduction = Reduction[State](self._merge)
        if self._base is not None:
            self._reduction.add(self._restore(self._base))

    def add(self, blocks: Sequence[FrameBlock]) -> None:
        """Take blocks. Frames that arrived before are left out and counted."""
        if not self._waiting:
            self._waiting_since = time.monotonic()
        for block in blocks:
            new = without(block.start, block.stop, self.came)
            self.repeated += len(block) - count(new)
            self._waiting_frames += count(new)
            for start, stop in new:
                self._waiting.append(block.part(start, stop))
            self.came, _ = unite(self.came, new)
        self.pump()

    def pump(self) -> None:
        """Submit waiting blocks, as many as the facility has worker threads for."""
        tasks = self._tasks
        while self._waiting and tasks.generation and len(self._groups) < 2 * tasks.threads:
            waited = time.monotonic() - self._waiting_since
            size = self._size.choose(self._waiting_frames, tasks.threads)
            if self._waiting_frames < min(size, self._size.fresh) and waited < self._pace.group and not self.ending:
                # There are only a few frames. The display lane shows them already, so here they can wait for more.
                break
            blocks, self._waiting = take(self._waiting, size)
            self._waiting_frames -= frames_of(blocks)
            self._waiting_since = time.monotonic()
            self._analyse(Group(tuple(blocks)))
        self._moved()

    def fresh(self) -> list[FrameBlock]:
        """Return the newest frames that are in no state yet, at most as many as a result may analyse itself."""
        most = self._size.fresh
        newest: list[FrameBlock] = []
        for blocks in (self._waiting, *(group.blocks for group in reversed(self._groups.values()))):
            for block in reversed(blocks):
                if most <= 0:
                    break
                newest.append(block.part(max(block.stop - most, block.start), block.stop))
                most -= len(newest[-1])
        return sorted(newest, key=lambda block: block.start)

    def took(self, finished: Finished) -> None:
        """Learn from a result how many seconds a frame takes."""
        self._size.took(finished.per_frame)
        self._size.looked(*finished.fresh)

    async def give_up_hung(self) -> None:
        """Report the task of a long overdue group, so that workers that hang are given up."""
        now = time.monotonic()
        patience = self._tasks.patience(self._tasks.usual)
        late = next((one for one in self._groups.values() if now - one.submitted > patience * one.tries), None)
        if late is not None:
            late.tries += 1
            await self._tasks.overdue(late.key, patience)

    def _analyse(self, group: Group) -> None:
        name = f"analyse-{group.blocks[0].start}-{group.blocks[-1].stop}"
        generation = self._tasks.generation
        try:
            remote: Remote[Partial] = self._tasks.submit(name, analyse, self.analyses, group.blocks)
        except LostError:
            self._groups[f"lost-{name}"] = group
            self._tasks.lose(generation)
            return
        group.key, group.submitted = remote.key, time.monotonic()
        self._groups[remote.key] = group
        self._follow(self._wait(group, remote, generation))

    async def _wait(self, group: Group, remote: Remote[Partial], generation: str) -> None:
        """Wait for a group's state. The state stays on the workers."""
        try:
            await remote.done()
        except LostError:
            self._tasks.lose(generation)
            return
        except TASK_ERRORS as error:
            if generation == self._tasks.generation:
                self._give_up(group, error)
            return
        if generation != self._tasks.generation:
            return
        self._tasks.usual = 0.8 * self._tasks.usual + 0.2 * (time.monotonic() - group.submitted)
        del self._groups[group.key]
        self._done.append(group)
        try:
            self._reduction.add(State(remote))
        except LostError:
            self._tasks.lose(generation)
            return
        self.pump()

    def _give_up(self, group: Group, error: Exception) -> None:
        """Leave out a group whose task failed, and report it."""
        self._groups.pop(group.key, None)
        self.failed += group.frames
        first, last = group.blocks[0].start, group.blocks[-1].stop - 1
        self._complain(f"Frames {first} to {last} could not be analysed: {said(error)}.")
        self.pump()

    def _merge(self, items: Sequence[State]) -> State:
        return self._become("merge", items, merge_all, self.analyses, *(item.remote for item in items))

    def _restore(self, stored: Stored, *instead: State) -> State:
        """Submit a task that reads a stored state. Until it is done, the states in ``instead`` stand for it."""
        partial = stored.partial
        return self._become("restore", instead, restore, stored.saved, partial.failed, partial.failures)

    def _become(self, name: str, parts: Sequence[State], function: Callable[..., Partial], *arguments: Any) -> State:
        state = State(self._tasks.submit(name, function, *arguments), tuple(parts))
        if parts:
            self._follow(self._arrive(state, self._tasks.generation))
        return state

    async def _arrive(self, state: State, generation: str) -> None:
        """Wait for a state and then release the states that it is made of."""
        try:
            await state.remote.done()
        except LostError:
            self._tasks.lose(generation)
        except TASK_ERRORS:
            # The parts still stand for it. The next merge of them reports what is wrong.
            return
        else:
            state.parts = ()

    # Checkpoints.

    async def check(self) -> None:
        """Make checkpoints at regular intervals until cancelled."""
        while True:
            await asyncio.sleep(self._pace.checkpoint)
            if self._tasks.generation:
                await self.checkpoint()

    async def checkpoint(self) -> None:
        """Store the merged state of all finished groups and forget their blocks."""
        async with self._storing_lock:
            if self._done:
                generation = self._tasks.generation
                try:
                    await self._store_done(generation)
                except LostError:
                    self._tasks.lose(generation)
                except TASK_ERRORS as error:
                    # A full disk, or an analysis that fails when its states are merged. The workers keep the state, and
                    # the next checkpoint tries again.
                    self._done, self._storing = [*self._storing, *self._done], []
                    self._unstored = f"The analysis' state cannot be stored ({said(error)}). It is tried again."
                    self._complain(self._unstored)
                else:
                    if self._unstored:
                        self._unstored = ""
                        self._complain("")

    async def _store_done(self, generation: str) -> None:
        # Until the groups are stored they are neither done nor forgotten: a loss brings them back.
        self._storing, self._done = self._done, []
        whole = self._merge(self._reduction.items)
        self._reduction = Reduction[State](self._merge)
        self._reduction.add(whole)
        partial = await self._tasks.value(whole.remote, 0.0)
        if generation != self._tasks.generation:
            return
        if partial.apart:
            self._part(partial.apart)
        if not self.analyses:
            return
        stored = await self._store.put(self._run, self.analyses, partial, self._base)
        if generation != self._tasks.generation:
            return
        self._base, self._storing = stored, []
        # From now on the state is read from the checkpoint, so the states that it was made of can be released.
        if self._reduction.items[0] is whole:
            later = self._reduction.items[1:]
            fresh = Reduction[State](self._merge)
            for item in (self._restore(stored, whole), *later):
                fresh.add(item)
            self._reduction = fresh
        self._tell_stored(partial.ranges)
