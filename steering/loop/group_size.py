"""How many frames one task takes.

A task costs some milliseconds of everybody's time, whatever it does; so under load it should do much. But what it does
is lost when its worker is, others wait for it, and the last tasks of a run should end together. So a task takes its
share of what waits (guided self-scheduling: Polychronopoulos and Kuck, IEEE Trans. Comput. C-36, 1425, 1987), at most
as much as keeps a worker busy for a while, however fast or slow the analysis is.
"""

import math

from steering.loop.pace import Pace

# A first task loads libraries and opens files, so what took long is believed less than what took little.
_LONGER, _SHORTER = 0.3, 0.7
_SHORTEST = 1e-9


class GroupSize:
    """Chooses group sizes from how long groups took."""

    def __init__(self, pace: Pace) -> None:
        """Begin without knowing how long a frame takes."""
        self._pace = pace
        self._seconds_per_frame: float | None = None

    def took(self, per_frame: float) -> None:
        """Learn how many seconds a frame took in a task."""
        if not math.isfinite(per_frame):
            return
        one = max(per_frame, _SHORTEST)
        before = self._seconds_per_frame
        if before is None:
            self._seconds_per_frame = one
            return
        latest = _SHORTER if one < before else _LONGER
        self._seconds_per_frame = (1 - latest) * before + latest * one

    @property
    def fresh(self) -> int:
        """How many of the newest frames a result should analyse itself, at least 1."""
        if self._seconds_per_frame is None:
            return self._pace.fresh_frames
        return max(1, min(self._pace.fresh_frames, int(self._pace.fresh_seconds / self._seconds_per_frame)))

    def choose(self, waiting: int, threads: int) -> int:
        """Say how many frames the next task takes.

        Args:
            waiting: So many wait for a task.
            threads: So many tasks are worked on at the same time.

        Returns:
            At least 1; it may be more than wait.
        """
        pace = self._pace
        if self._seconds_per_frame is None:
            return pace.group_frames
        share = max(waiting // (2 * threads), pace.group_frames // 2)
        return max(1, min(share, int(pace.group_seconds / self._seconds_per_frame), pace.group_frames_most))
