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
# Of a difference of two times: on a busy machine either may be many times longer than it need be.
_BUSIER = 0.1
_SHORTEST = 1e-9
# On a busy machine a single small frame takes ten milliseconds too.
_TRIED, _TRIED_SECONDS = 3, 0.01


class GroupSize:
    """Chooses the size of the next group from the time that earlier groups took."""

    def __init__(self, pace: Pace) -> None:
        """Begin without knowing how long a frame takes."""
        self._pace = pace
        self._seconds_per_frame: float | None = None
        # What a result takes for its first fresh frame, and for each more: to open a file takes longer than to read on.
        self._first: float | None = None
        self._more: float | None = None

    def took(self, per_frame: float) -> None:
        """Learn how many seconds a frame took in a task."""
        if math.isfinite(per_frame):
            self._seconds_per_frame = _learnt(self._seconds_per_frame, per_frame)

    def looked(self, frames: int, seconds: float) -> None:
        """Learn how many seconds a result took for its fresh frames."""
        if frames < 1 or not math.isfinite(seconds):
            return
        if frames == 1:
            self._first = _learnt(self._first, seconds)
        elif self._first is None:
            self._more = _learnt(self._more, seconds / frames, _BUSIER)
        else:
            self._more = _learnt(self._more, (seconds - self._first) / (frames - 1), _BUSIER)

    @property
    def fresh(self) -> int:
        """Number of the newest frames that a result should analyse itself, at least 1."""
        pace = self._pace
        if self._seconds_per_frame is None:
            return pace.fresh_frames
        if self._more is None:
            # A few are tried, so that it becomes known what one more takes, unless a single one takes long enough.
            return _TRIED if self._seconds_per_frame <= _TRIED_SECONDS else 1
        # Two as long as that does little harm: else one busy moment would be believed for ever.
        least = 2 if self._more <= _TRIED_SECONDS else 1
        return max(least, min(pace.fresh_frames, 1 + int(pace.fresh_seconds / self._more)))

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


def _learnt(before: float | None, now: float, longer: float = _LONGER) -> float:
    now = max(now, _SHORTEST)
    if before is None:
        return now
    latest = _SHORTER if now < before else longer
    return (1 - latest) * before + latest * now
