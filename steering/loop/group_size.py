"""Chooses how many frames one task takes.

Each task costs client, scheduler and worker some milliseconds, whatever it does. So under load a task should do much.
But the work of a task is lost if its worker is lost, other tasks wait for it, and the last tasks of a run should end
together. So a task takes its share of the waiting frames (guided self-scheduling: Polychronopoulos and Kuck, IEEE
Trans. Comput. C-36, 1425, 1987). The share is limited so that a task keeps a worker busy only for a short time, however
fast or slow the analysis is.
"""

import math

from steering.loop.pace import Pace

# Weights of a new measurement if it is longer or shorter than the estimate. A first task loads libraries and opens
# files, so long times count less than short ones.
_LONGER, _SHORTER = 0.3, 0.7
_SHORTEST = 1e-9


class GroupSize:
    """Chooses the size of the next group from the time that earlier groups took."""

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
        """Number of the newest frames that a result should analyse itself, at least 1."""
        if self._seconds_per_frame is None:
            return self._pace.fresh_frames
        return max(1, min(self._pace.fresh_frames, int(self._pace.fresh_seconds / self._seconds_per_frame)))

    def choose(self, waiting: int, threads: int) -> int:
        """Choose how many frames the next task takes.

        Args:
            waiting: Number of frames that wait for a task.
            threads: Number of tasks that run at the same time.

        Returns:
            Number of frames, at least 1. It may be larger than ``waiting``.
        """
        pace = self._pace
        if self._seconds_per_frame is None:
            return pace.group_frames
        share = max(waiting // (2 * threads), pace.group_frames // 2)
        return max(1, min(share, int(pace.group_seconds / self._seconds_per_frame), pace.group_frames_most))
