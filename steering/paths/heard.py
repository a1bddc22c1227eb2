"""When the frames of a burst were taken, and where an axis that moved meanwhile was.

The detector's counter of frames and the axis' read-back are heard with the times that their own clocks give them
(IOCs of a beamline follow one clock). A counter says that a frame has ended, so the middle of its exposure is half an
exposure earlier; the position then lies between two read-backs. Monitors may leave values out: what lies between is
interpolated.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from steering.core.errors import SteeringError

Floats = NDArray[np.float64]


class LostTimesError(SteeringError):
    """It is not known when the frames of a burst were taken."""


@dataclass(frozen=True)
class Track:
    """How a value went: Unix times in seconds, in order, and values, both of shape ``(heard,)``."""

    times: Floats
    values: Floats


@dataclass(frozen=True)
class Heard:
    """What was heard during a burst.

    Attributes:
        counter: How many frames the detector had taken; the first is from before the burst.
        positions: Read-backs by axis, in the axis' unit.
    """

    counter: Track
    positions: Mapping[str, Track] = field(default_factory=dict[str, Track])


class Listener(Protocol):
    """Hears the detector's counter and axes' read-backs; and makes an axis ready for a sweep."""

    def begin(self) -> Awaitable[None]:
        """Begin to listen."""
        ...

    def heard(self) -> Heard:
        """Give what was heard so far."""
        ...

    def end(self) -> Heard:
        """Listen no more, and give what was heard since; waits for nothing."""
        ...


class Sweeper(Protocol):
    """Moves an axis at a steady speed over a range."""

    def ready(self, first: float, last: float, seconds: float) -> Awaitable[tuple[float, float]]:
        """Go to where the run-up begins and set the speed.

        Args:
            first: Where the range begins, in the axis' unit.
            last: Where it ends.
            seconds: For the whole range.

        Returns:
            Where the run-up begins, and where the run-down ends.

        Raises:
            SteeringError: If the axis cannot go as fast, or there is no room.
        """
        ...

    def crossed(self) -> Awaitable[None]:
        """Wait until the axis is where the range begins."""
        ...

    def rest(self) -> Awaitable[None]:
        """Give the axis the speed back that it had."""
        ...


def frame_times(counter: Track, frames: int, exposure: float, numbers: Sequence[int] | None = None) -> Floats:
    """Say when the frames of a burst were taken.

    Args:
        counter: The detector's counter; its first value is from before the burst.
        frames: How many there should be.
        exposure: In seconds.
        numbers: Of the frames that are asked for, from 0; all if left out.

    Returns:
        Unix time of the middle of each exposure, shape ``(frames,)``, or that of the numbers.

    Raises:
        LostTimesError: If the counter did not go that far.
    """
    before = float(counter.values[0])
    # The first value is as old as the last burst: it says nothing about this one's times.
    known = (counter.values > before) & (counter.values <= before + frames)
    heard, at = counter.values[known], counter.times[known]
    if not len(heard) or heard[-1] < before + frames:
        last = int(counter.values.max() - before)
        message = f"The detector's counter went to {last} of {frames} frames: when each was taken is not known."
        raise LostTimesError(message)
    asked = np.arange(frames, dtype=np.float64) if numbers is None else np.array(numbers, np.float64)
    wanted = asked + before + 1
    ends: Floats = np.interp(wanted, heard, at)
    # As long as an exposure if only one count was heard.
    period = float(at[-1] - at[0]) / float(heard[-1] - heard[0]) if len(heard) > 1 else exposure
    early = wanted < heard[0]
    ends[early] = at[0] - (heard[0] - wanted[early]) * period
    return ends - min(exposure, period) / 2


def even(times: Floats) -> tuple[float, float]:
    """Describe frames' times by two numbers: that of the first, and their mean distance, in seconds."""
    period = float(times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0
    return float(times[0]), period


def positions_at(course: Track, times: Floats) -> Floats:
    """Say where an axis was, between its read-backs; shape of ``times``."""
    return np.interp(times, course.times, course.values)
