"""The display lane: makes results from the finished states and the newest frames."""

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

# A frame from further in the future tells of a wrong clock, and nothing of the loop.
_AHEAD_SECONDS = 1.0


class DisplayLane:
    """Makes a run's results.

    Attributes:
        newest: The newest result that was handed on.
        news: Set when there may be something new to show.
        results: Number of results that are being made.
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
        """Connect the lane to its surroundings; see :class:`steering.loop.loop.Loop`.

        Args:
            run: Run that the results belong to.
            tasks: Submits the tasks to the facility.
            complete: The complete lane of the same run.
            pace: How to trade latency for throughput.
            publish: Called with each result.
            complain: Called with a sentence when something went wrong.
            stopwatch: Measures the time from a frame's exposure to its first result.
            part: Called with the analyses that are no longer done here, and the reasons.
            shown: Number of frames in a result that was handed on before this lane began. A result needs more frames
                than that to be published.
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
        # Number of frames in the largest result that is being made. Another result must hold more frames.
        self._asked = 0
        self._version = 0
        self._timed: Ranges = ()
        # Frames from before this session followed the run are not timed: they would show how late the session started,
        # not how fast the loop is.
        self._began = time.time()
        self._submitted_at: dict[int, float] = {}
        self._final = False
        self._counted = ""

    @property
    def whole(self) -> bool:
        """Whether the newest result holds every frame that arrived; at a run's end, from the complete lane alone."""
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
        """Make one more result, the last one, when the complete lane is done."""
        self._final = False
        self.news.set()

    async def make(self, follow: Callable[[Any], None], until_moved: Callable[[], Any]) -> None:
        """Make a result whenever there is something new, until cancelled.

        Args:
            follow: Runs a coroutine in the background.
            until_moved: Waits until there is progress.
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
                # Fresh frames and states are taken at the same moment. A group that finished in between would be in
                # the result twice.
                self.results += 1
                self._asked = frames
                follow(self._result(fresh, self._complete.states, self._tasks.generation, final=self._last))

    @property
    def _last(self) -> bool:
        """Whether a result made now is the last."""
        return self._complete.ending and self._complete.settled

    async def _leave_room(self) -> None:
        """Wait so that the complete lane gets its share of the facility's time. The last result does not wait."""
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
        """Return how many results are being made. Results of a facility that was lost do not count."""
        if self._counted != self._tasks.generation:
            self._counted, self.results, self._asked = self._tasks.generation, 0, 0
        return self.results

    @property
    def _at_once(self) -> int:
        # Two results that take long would only take each other's time.
        alone = self._complete.ending or self._complete.busy or self._tasks.aside
        return 1 if alone else self._pace.results

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
            # At the end of a run, another try with the same frames would give no better result.
            self._final = self._final or final
            return
        finally:
            if generation == self._counted:
                self.results -= 1
        if generation == self._tasks.generation:
            self._complete.took(finished)
            self._take(finished, final=final)

    def _take(self, finished: Finished, *, final: bool) -> None:
        if finished.apart:
            self._part(finished.apart)
        self._seconds = finished.seconds
        # While worker threads are idle, a result costs nothing. Otherwise it must leave the complete lane its share.
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
        """Report what is wrong, and with which analysis, when this has changed. Also report when nothing is wrong."""
        wrong: dict[str, str] = {}
        if finished.failed:
            wrong[""] = f"{finished.failed} frames could not be read; the newest: {finished.failures[-1].text}"
        for label in self._complete.analyses:
            ended = finished.ended[label]
            name = self._complete.analyses[label].name
            called = f"The analysis {label or name}" + (f" ({name})" if label not in ("", name) else "")
            if ended.error:
                wrong[label or name] = f"{called} failed: {ended.error}."
            elif ended.failed:
                newest = ended.failures[-1].text
                wrong[label or name] = f"{called} failed for {ended.failed} frames; the newest: {newest}"
        if wrong != self._wrong:
            self._wrong = wrong
            self._complain(" ".join(wrong.values()))

    def _time(self, photons: Mapping[int, float], now: float) -> None:
        """Record the time since exposure for each frame that is in a result for the first time.

        What is made aside takes its time, and says nothing of the loop's.
        """
        if self._tasks.aside:
            return
        low, high = self._timed[-1] if self._timed else (0, 0)
        # Nearly all of them were in the previous result.
        new = [index for index in photons if not low <= index < high]
        new = [index for index in new if without(index, index + 1, self._timed)]
        for index in new:
            if self._began < photons[index] <= now + _AHEAD_SECONDS:
                self._stopwatch.add(now - photons[index])
        if new:
            self._timed, _ = unite(self._timed, [(index, index + 1) for index in new])

    def _times(self, times: Mapping[str, float], last_frame: int, now: float) -> dict[str, float]:
        submitted = self._submitted_at.get(last_frame)
        self._submitted_at = {frame: at for frame, at in self._submitted_at.items() if frame >= last_frame}
        return {**times, **({"submitted": submitted} if submitted is not None else {}), "result": now}
