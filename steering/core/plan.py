"""Where a scan has measured and where it will: its path, as a value; and what an action would make of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steering.core.block import Floats

# A plan keeps so many positions at most, evenly thinned: a screen shows no more, and a message stays small.
MOST_POSITIONS = 20_000


def _nowhere() -> Floats:
    return np.empty((0, 0))


@dataclass(frozen=True)
class Plan:
    """All points of a run in the order of measuring, as its path stands now.

    It is made anew when the path changes, and not at each point: how many are measured is in the status.

    Attributes:
        run: Run uid; empty before the first.
        axes: Names of the axes, slowest first; empty where the path is not known.
        positions: Shape ``(kept, axes)``, in the axes' units.
        count: How many points the path has, of which ``positions`` may keep fewer.
        done: How many of them were measured when it was made.
    """

    run: str = ""
    axes: tuple[str, ...] = ()
    positions: Floats = field(default_factory=_nowhere)
    count: int = 0
    done: int = 0

    @classmethod
    def of(cls, run: str, axes: Sequence[str], kept: ArrayLike, count: int, done: int) -> "Plan":
        """Make a plan of the positions that are kept of it.

        Args:
            run: Run uid.
            axes: Names of the axes, slowest first.
            kept: Those of :func:`thinned`, shape ``(kept, axes)``, in the axes' units.
            count: How many points the path has.
            done: How many of them are measured.

        Raises:
            ValueError: If these are not the positions of so many points.
        """
        positions = np.array(kept, dtype=np.float64).reshape(-1, max(len(axes), 1))
        if not axes or len(positions) != min(count, MOST_POSITIONS):
            message = f"{len(positions)} positions along {len(axes)} axes are no plan of {count} points"
            raise ValueError(message)
        positions.flags.writeable = False
        return cls(run, tuple(axes), positions, count, done)

    def __eq__(self, other: object) -> bool:
        """Say whether it is this object: arrays are not compared."""
        return self is other

    __hash__ = object.__hash__

    @property
    def known(self) -> bool:
        """Whether there is a path to be seen."""
        return bool(self.axes) and len(self.positions) > 0

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Which points of the path are kept, counted from 0, shape ``(kept,)``."""
        return thinned(self.count)

    def left(self, done: int | None = None) -> Floats:
        """Return the kept positions that are not measured yet.

        Args:
            done: How many points are measured; as many as when the plan was made if left out.

        Returns:
            Shape ``(left, axes)``, in the axes' units.
        """
        return self.positions[np.searchsorted(self.numbers, self.done if done is None else done) :]

    def at(self, number: int) -> tuple[float, ...]:
        """Return where a point is, counted from 0, in the axes' units; of a thinned plan the next one that is kept."""
        place = min(int(np.searchsorted(self.numbers, number)), len(self.positions) - 1)
        return tuple(float(value) for value in self.positions[max(place, 0)])

    def along(self, axis: str) -> Floats:
        """Return the kept positions of one axis, shape ``(kept,)``, in its unit; empty if there is no such axis."""
        return self.positions[:, self.axes.index(axis)] if axis in self.axes else np.empty(0)


@dataclass(frozen=True)
class Forecast:
    """What actions would do to a run, one after another, if they were proposed now.

    Attributes:
        refusal: Why one of them would be refused, as a sentence; empty if all would be accepted.
        plan: The path as it would be; as it stands if one would be refused.
        points_left: How many points would be left.
        seconds_left: How long these would take; NaN where that is not known.
        at_least: Whether that counts exposures alone: nobody knows yet how long a motor moves between two points.
    """

    refusal: str = ""
    plan: Plan = field(default_factory=Plan)
    points_left: int = 0
    seconds_left: float = float("nan")
    at_least: bool = False


def thinned(count: int) -> NDArray[np.int64]:
    """Choose which of so many points are kept: evenly, the first and the last among them."""
    if count <= MOST_POSITIONS:
        return np.arange(count)
    return np.linspace(0, count - 1, MOST_POSITIONS).round().astype(np.int64)
