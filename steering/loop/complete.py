"""The complete lane: analyses every block once, in groups whose size follows the load, and stores the merged state.

What is kept here of a frame is its block until a checkpoint holds it, and after that nothing: memory and the cost of a
frame do not grow with the run, beyond what the analysis' own state does.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steering.core.analysis import Analyses
from steering.core.block import FrameBlock
from steering.core.errors import LostError, SteeringError, said
from steering.core.facility import Remote
from steering.loop.blocks import frames_of, take
from steering.loop.group_size import GroupSize
from steering.loop.pace import Pace
from steering.loop.partial import Partial, analyse, merge_all, restore
from steering.loop.ranges import Ranges, count, unite, without
from steering.loop.reduction import Reduction
from steering.loop.state import State
from steering.loop.store import Store, Stored
from steering.loop.tasks import TASK_ERRORS, Tasks


@dataclass
class Group:
    """Blocks that are analysed in one task."""

    blocks: tuple[FrameBlock, ...]
    submitted: float = field(default_factory=time.monotonic)
    key: str = ""
    tries: int = 1

    @property
    def frames(self) -> int:
        """How many frames they have."""
        return frames_of(self.blocks)


class CompleteLane:
    """A run's blocks on their way into the stored state.

    Attributes:
        analyses: What is made of the blocks, by label; fewer once one is left to others.
        came: Which frames came.
        repeated: How many came again and were left out.
        failed: How many are in no state, because their task cannot be done at all.
        ending: Whether the run is over, so that nothing waits for others to join it.
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
        """Wire it.

        Args:
            run: Whose blocks.
            analyses: What is made of them, by label.
            tasks: Where.
            store: Where checkpoints lie.
            pace: How to trade latency for throughput.
            stored: Called with all frames of which the state is stored.
            complain: Called with a sentence when something went wrong.
            moved: Called when something is done.
            follow: Runs a coroutine beside the others.
            part: Called with analyses that are not made here any more, and why; they are not in ``analyses`` after it.
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
        """How many frames wait for the facility's hands."""
        return self._waiting_frames

    @property
    def busy(self) -> bool:
        """Whether all hands have something to do."""
        return len(self._groups) >= self._tasks.threads

    @property
    def settled(self) -> bool:
        """Whether every frame that came is in a state, or has failed."""
        return not self._waiting and not self._groups

    @property
    def held_frames(self) -> int:
        """How many frames the states hold."""
        base = self._base.partial.frames if self._base is not None else 0
        return base + sum(group.frames for group in (*self._storing, *self._done))

    @property
    def working_since(self) -> float:
        """Unix time in seconds at which the oldest group was submitted that is not done; NaN if all are."""
        oldest = min((group.submitted for group in self._groups.values()), default=math.nan)
        return round(time.time() - (time.monotonic() - oldest), 1)

    @property
    def states(self) -> tuple[Remote[Partial], ...]:
        """What is done, merged as far as that is done too: a result must not wait for a merge."""
        return tuple(one for state in self._reduction.items for one in state.there)

    async def start(self) -> None:
        """Load the run's checkpoint, if there is one, and begin."""
        self._base = await self._store.get(self._run, self.analyses)
        if self._base is not None:
            self.came = self._base.partial.ranges
            self._tell_stored(self.came)
        self.begin()

    def begin(self) -> None:
        """Begin from the checkpoint, with nothing submitted; blocks that it does not hold wait again."""
        groups = (*self._storing, *self._done, *self._groups.values())
        blocks = [block for group in groups for block in group.blocks]
        self._groups, self._done, self._storing = {}, [], []
        self._waiting = sorted([*blocks, *self._waiting], key=lambda block: block.start)
        self._waiting_frames = frames_of(self._waiting)
        self._reduction = Reduction[State](self._merge)
        if self._base is not None:
            self._reduction.add(self._restore(self._base))

    def add(self, blocks: Sequence[FrameBlock]) -> None:
        """Take blocks; frames that came before are left out and counted."""
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
        """Submit what waits, as far as the facility has hands for it."""
        tasks = self._tasks
        while self._waiting and tasks.generation and len(self._groups) < 2 * tasks.threads:
            waited = time.monotonic() - self._waiting_since
            size = self._size.choose(self._waiting_frames, tasks.threads)
            if self._waiting_frames < min(size, self._size.fresh) and waited < self._pace.group and not self.ending:
                # Few frames: they are on the screen by the display lane; here others may join them.
                break
            blocks, self._waiting = take(self._waiting, size)
            self._waiting_frames -= frames_of(blocks)
            self._waiting_since = time.monotonic()
            self._analyse(Group(tuple(blocks)))
        self._moved()

    def fresh(self) -> list[FrameBlock]:
        """The newest frames that no state holds yet, as many as a result may analyse itself."""
        most = self._size.fresh
        newest: list[FrameBlock] = []
        for blocks in (self._waiting, *(group.blocks for group in reversed(self._groups.values()))):
            for block in reversed(blocks):
                if most <= 0:
                    break
                newest.append(block.part(max(block.stop - most, block.start), block.stop))
                most -= len(newest[-1])
        return sorted(newest, key=lambda block: block.start)

    def took(self, per_frame: float) -> None:
        """Learn how many seconds a frame takes."""
        self._size.took(per_frame)

    async def give_up_hung(self) -> None:
        """Have workers given up that a group waits for far too long."""
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
        """Wait for a group's state, which stays on the workers."""
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
        """Leave out a group whose task cannot be done at all, and say so."""
        self._groups.pop(group.key, None)
        self.failed += group.frames
        first, last = group.blocks[0].start, group.blocks[-1].stop - 1
        self._complain(f"Frames {first} to {last} could not be analysed ({type(error).__name__}: {error}).")
        self.pump()

    def _merge(self, items: Sequence[State]) -> State:
        return self._become("merge", items, merge_all, self.analyses, *(item.remote for item in items))

    def _restore(self, stored: Stored, *instead: State) -> State:
        """Have a state read from where it is stored; until it is, another stands for it."""
        return self._become("restore", instead, restore, stored.saved)

    def _become(self, name: str, parts: Sequence[State], function: Callable[..., Partial], *arguments: Any) -> State:
        state = State(self._tasks.submit(name, function, *arguments), tuple(parts))
        if parts:
            self._follow(self._arrive(state, self._tasks.generation))
        return state

    async def _arrive(self, state: State, generation: str) -> None:
        """Let go of what a state is made of, once it is there."""
        try:
            await state.remote.done()
        except LostError:
            self._tasks.lose(generation)
        except TASK_ERRORS:
            # Its parts go on standing for it; whoever merges them next says what is wrong with them.
            return
        else:
            state.parts = ()

    # Checkpoints.

    async def check(self) -> None:
        """Make checkpoints as long as there is something to store."""
        while True:
            await asyncio.sleep(self._pace.checkpoint)
            if self._tasks.generation:
                await self.checkpoint()

    async def checkpoint(self) -> None:
        """Store the merged state of all groups that are done, and forget their blocks."""
        async with self._storing_lock:
            if self._done:
                generation = self._tasks.generation
                try:
                    await self._store_done(generation)
                except LostError:
                    self._tasks.lose(generation)
                except (OSError, SteeringError) as error:
                    # A full disk: the workers hold the state on, and it is stored when there is room.
                    self._done, self._storing = [*self._storing, *self._done], []
                    self._unstored = f"The analysis' state cannot be stored ({said(error)}). It is tried again."
                    self._complain(self._unstored)
                else:
                    if self._unstored:
                        self._unstored = ""
                        self._complain("")

    async def _store_done(self, generation: str) -> None:
        # Until they are stored they are neither done nor forgotten: a loss brings them back.
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
        # From here on the state is read from where it is stored: what it was made of may be forgotten everywhere.
        if self._reduction.items[0] is whole:
            later = self._reduction.items[1:]
            fresh = Reduction[State](self._merge)
            for item in (self._restore(stored, whole), *later):
                fresh.add(item)
            self._reduction = fresh
        self._tell_stored(partial.ranges)
