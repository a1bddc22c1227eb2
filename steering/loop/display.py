"""The display lane: makes results of the states that are done and of the newest frames, newest first."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from steering.core.block import FrameBlock
from steering.core.errors import LostError, said
from steering.core.facility import Remote
from steering.core.result import Provenance, Result, parameters_hash
from steering.core.version import VERSION
from steering.loop.blocks import frames_of
from steering.loop.complete import CompleteLane
from steering.loop.pace import Pace
from steering.loop.partial import Finished, Partial, finish
from steering.loop.ranges import Ranges, count, unite, without
from steering.loop.stopwatch import Stopwatch
from steering.loop.tasks import TASK_ERRORS, Tasks


class DisplayLane:
    """A run's results.

    Attributes:
        newest: The newest that was handed on.
        news: Set when there may be something new to show.
        results: How many are being made.
    """

    def __init__(
        self,
        run: str,
        tasks: Tasks,
        complete: CompleteLane,
        pace: Pace,
        publish: Callable[[Result], None],
        complain: Callable[[str], None],
        stopwatch: Stopwatch,
        part: Callable[[Mapping[str, str]], None],
        shown: int = 0,
    ) -> None:
        """Wire it; see :class:`steering.loop.loop.Loop`.

        Args:
            run: Whose results.
            tasks: Where they are made.
            complete: The other lane.
            pace: How to trade latency for throughput.
            publish: Called with each result.
            complain: Called with a sentence when something went wrong.
            stopwatch: Times each frame's way.
            part: Called with analyses that are not made here any more, and why.
            shown: Frames of a result that was handed on before this lane began; one of fewer is no news.
        """
        self.newest: Finished | None = None
        self.news = asyncio.Event()
        self.results = 0
        self._run = run
        self._wrong: dict[str, str] = {}
        self._tasks = tasks
        self._complete = complete
        self._pace = pace
        self._publish = publish
        self._complain = complain
        self._stopwatch = stopwatch
        self._not_before = 0.0
        self._seconds = 0.0
        self._part = part
        self._shown = shown
        # Frames of the fullest result that is being made: another one must tell more than that.
        self._asked = 0
        self._version = 0
        self._timed: Ranges = ()
        # Frames of before this session followed the run tell how late it came, not how fast the loop is.
        self._began = time.time()
        self._submitted_at: dict[int, float] = {}
        self._final = False
        self._counted = ""

    @property
    def whole(self) -> bool:
        """Whether the newest result holds everything that came; at a run's end, from the complete lane alone."""
        complete = self._complete
        if not complete.settled or not self._tasks.generation:
            return False
        if not complete.came:
            return True
        return self._final if complete.ending else self._shown + complete.failed >= count(complete.came)

    def note(self, last_frame: int) -> None:
        """Remember when a frame was handed to the loop."""
        self._submitted_at[last_frame] = time.time()

    def finish(self) -> None:
        """Make one more result once all is done, which is the last."""
        self._final = False
        self.news.set()

    async def make(self, follow: Callable[[Any], None], until_moved: Callable[[], Any]) -> None:
        """Make results as long as there is something new.

        Args:
            follow: Runs a coroutine beside the others.
            until_moved: Waits until something is done.
        """
        while True:
            await self.news.wait()
            await self._leave_room()
            while self._making() >= self._at_once or not self._tasks.generation:
                await until_moved()
            self.news.clear()
            fresh = [] if self._complete.ending or self._tasks.aside else self._complete.fresh()
            frames = self._complete.held_frames + frames_of(fresh)
            if not self.whole and (self._last or frames > max(self._shown, self._asked)):
                # Both are taken now: a group that is done in between would be in the result twice.
                self.results += 1
                self._asked = frames
                follow(self._result(fresh, self._complete.states, self._tasks.generation, final=self._last))

    @property
    def _last(self) -> bool:
        """Whether a result made now is the last."""
        return self._complete.ending and self._complete.settled

    async def _leave_room(self) -> None:
        """Leave the complete lane its share of the facility's time; for the last result nothing is waited for."""
        pause = self._not_before - time.monotonic()
        if pause <= 0:
            return
        try:
            async with asyncio.timeout(pause):
                while not self._last:
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            return

    def _making(self) -> int:
        """How many results are being made; those of a facility that was lost need not be waited for."""
        if self._counted != self._tasks.generation:
            self._counted, self.results, self._asked = self._tasks.generation, 0, 0
        return self.results

    @property
    def _at_once(self) -> int:
        return 1 if self._complete.ending or self._complete.busy else self._pace.results

    async def _result(
        self, fresh: Sequence[FrameBlock], states: Sequence[Remote[Partial]], generation: str, *, final: bool
    ) -> None:
        try:
            if generation != self._tasks.generation:
                return
            finished: Finished = await self._tasks.call(
                "result", finish, self._complete.analyses, tuple(fresh), *states, usual=self._seconds
            )
        except LostError:
            self._tasks.lose(generation)
            return
        except TASK_ERRORS as error:
            self._complain(f"No result could be made: {said(error)}")
            self._asked = 0
            # At the end nothing better will come of the same frames.
            self._final = self._final or final
            return
        finally:
            if generation == self._counted:
                self.results -= 1
        if generation == self._tasks.generation:
            self._complete.took(finished.per_frame)
            self._take(finished, final=final)

    def _take(self, finished: Finished, *, final: bool) -> None:
        if finished.apart:
            self._part(finished.apart)
        self._seconds = finished.seconds
        # While hands are idle a result takes nobody's time; else it must leave the complete lane its share.
        share = finished.seconds * (1 / self._pace.result_share - 1) / self._tasks.threads
        pause = max(share, self._pace.result_pause)
        self._not_before = time.monotonic() + (pause if self._complete.busy else 0.0)
        if finished.frames + finished.failed > self._shown or final:
            self._shown = finished.frames + finished.failed
            self._final = self._final or final
            self._hand_on(finished)

    def _hand_on(self, finished: Finished) -> None:
        now = time.time()
        self._time(finished.photons, now)
        self._say(finished)
        self.newest = finished
        self._version += 1
        times = self._times(finished.times, finished.last_frame, now)
        for label, analysis in self._complete.analyses.items():
            ended = finished.ended[label]
            if ended.outcome is None:
                continue
            source = Provenance(
                run=self._run,
                analysis=analysis.name,
                parameters=analysis.parameters,
                parameters_hash=parameters_hash(analysis.name, analysis.parameters),
                code_version=VERSION,
                facility=self._tasks.facility,
                frames=finished.frames - ended.failed,
                last_frame=finished.last_frame,
                times=times,
                label=label,
            )
            self._publish(Result(self._version, ended.outcome, source))

    def _say(self, finished: Finished) -> None:
        """Say what went wrong that was not said before, and of which analysis; or that it is over."""
        wrong: dict[str, str] = {}
        if finished.failed:
            wrong[""] = f"{finished.failed} frames could not be read; the newest: {finished.failures[-1]}"
        for label in self._complete.analyses:
            ended = finished.ended[label]
            name = self._complete.analyses[label].name
            called = f"The analysis {label or name}" + (f" ({name})" if label not in ("", name) else "")
            if ended.error:
                wrong[label or name] = f"{called} failed: {ended.error}."
            elif ended.failed:
                wrong[label or name] = f"{called} failed for {ended.failed} frames; the newest: {ended.failures[-1]}"
        if wrong != self._wrong:
            self._wrong = wrong
            self._complain(" ".join(wrong.values()))

    def _time(self, photons: Mapping[int, float], now: float) -> None:
        """Note how long ago the frames were exposed that are in a result for the first time."""
        low, high = self._timed[-1] if self._timed else (0, 0)
        # Nearly all of them were in the result before.
        new = [index for index in photons if not low <= index < high]
        new = [index for index in new if without(index, index + 1, self._timed)]
        for index in new:
            if photons[index] > self._began:
                self._stopwatch.add(now - photons[index])
        if new:
            self._timed, _ = unite(self._timed, [(index, index + 1) for index in new])

    def _times(self, times: Mapping[str, float], last_frame: int, now: float) -> dict[str, float]:
        submitted = self._submitted_at.get(last_frame)
        self._submitted_at = {frame: at for frame, at in self._submitted_at.items() if frame >= last_frame}
        return {**times, **({"submitted": submitted} if submitted is not None else {}), "result": now}
