"""The points that a scan has measured and those it still will."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import floor

# Two points closer than this share of a step, on every axis, are the same point.
SAME_POINT = 0.25
# On an axis that stands in all points of a path, and so has no step, they must be as close as this, in its unit.
_SAME_PLACE = 1e-6


@dataclass(frozen=True)
class Point:
    """One point of a scan.

    Attributes:
        positions: For each axis where to go, in the axis' unit.
        steps: For each axis the distance to the neighbouring points of its grid, in the axis' unit.
        grid: Which grid it belongs to: 0 for the scan's first, counting up with each change of the path.
        to: Where axes are in the middle of its last exposure that move while it is measured, in their unit.
    """

    positions: Mapping[str, float]
    steps: Mapping[str, float]
    grid: int = 0
    to: Mapping[str, float] = field(default_factory=dict[str, float])


class Path:
    """A queue of points that can be changed from its front to its end. Not thread-safe: the plan owns it."""

    def __init__(
        self,
        points: Sequence[Point],
        measured: Sequence[Point] = (),
        more: Callable[[], Sequence[Point]] | None = None,
    ) -> None:
        """Begin with the points of grid 0, without those that another run has measured.

        Args:
            points: In the order in which they are measured.
            measured: What another run has measured.
            more: Gives the points that follow at the end, for a path without end.
        """
        self._more = more
        self._done: list[Point] = list(measured)
        self._left = deque(self._without_measured(list(points)))
        self._grids = 1

    @classmethod
    def between(cls, done: Sequence[Point], left: Sequence[Point]) -> "Path":
        """Begin in the middle of another path.

        Args:
            done: What was handed out there.
            left: What was left there.
        """
        path = cls(())
        path._done, path._left = list(done), deque(left)
        return path

    @property
    def left(self) -> int:
        """How many points are left."""
        return len(self._left)

    @property
    def done(self) -> tuple[Point, ...]:
        """What was handed out and not put back, also by the run that this one goes on with."""
        return tuple(self._done)

    @property
    def rest(self) -> tuple[Point, ...]:
        """What is left, in the order of measuring."""
        return tuple(self._left)

    def next(self) -> Point | None:
        """Hand out the next point, or nothing at the end."""
        if not self._left and self._more is not None:
            self._left.extend(self._more())
        if not self._left:
            return None
        point = self._left.popleft()
        self._done.append(point)
        return point

    def put_back(self) -> None:
        """Take back the point that was handed out last: it was not measured, and is the next one again."""
        self._left.appendleft(self._done.pop())

    def complete(self, point: Point) -> None:
        """Take a point that was put back for measured after all."""
        if self._left and self._left[0] == point:
            self._left.popleft()
        self._done.append(point)

    def rebuild(self, points: Sequence[Point]) -> None:
        """Forget what is left and go on with those of ``points`` that were not measured yet."""
        self._left = deque(self._without_measured(self._fresh(points)))

    def replace(self, points: Sequence[Point]) -> None:
        """Forget what is left and measure exactly ``points``, also where that was done before."""
        self._left = deque(self._fresh(points))

    def insert(self, points: Sequence[Point]) -> None:
        """Measure exactly ``points`` first, then go on with what is left."""
        self._left.extendleft(reversed(self._fresh(points)))

    def skip(self, count: int) -> None:
        """Leave out the next ``count`` points."""
        for _ in range(min(count, len(self._left))):
            self._left.popleft()

    def finish(self) -> None:
        """Leave out all that is left, and what would follow."""
        self._left.clear()
        self._more = None

    def _fresh(self, points: Sequence[Point]) -> list[Point]:
        grid = self._grids
        self._grids += 1
        return [replace(point, grid=grid) for point in points]

    def _without_measured(self, fresh: list[Point]) -> list[Point]:
        if not self._done or not fresh:
            return fresh
        standing = {axis: step for axis, step in fresh[0].steps.items() if axis not in fresh[0].to}
        if not standing:
            # Nothing but their number tells these points apart.
            return fresh[len(self._done) :]
        cells = _Cells(standing)
        for point in self._done:
            cells.add(point)
        return [point for point in fresh if not cells.near(point)]


class _Cells:
    """Finds points that are the same, by cells as large as the tolerance: only neighbouring cells need be looked at."""

    def __init__(self, steps: Mapping[str, float]) -> None:
        self._axes = tuple(steps)
        self._sizes = [steps[axis] * SAME_POINT or _SAME_PLACE for axis in self._axes]
        self._cells: dict[tuple[int, ...], list[list[float]]] = {}

    def add(self, point: Point) -> None:
        place = self._scaled(point)
        self._cells.setdefault(tuple(floor(value) for value in place), []).append(place)

    def near(self, point: Point) -> bool:
        """Say whether a point lies within the tolerance of one that was added, on every axis."""
        place = self._scaled(point)
        around = product(*((floor(value) - 1, floor(value), floor(value) + 1) for value in place))
        return any(
            all(abs(one - other) <= 1 for one, other in zip(place, known, strict=True))
            for cell in around
            for known in self._cells.get(cell, ())
        )

    def _scaled(self, point: Point) -> list[float]:
        return [point.positions[axis] / size for axis, size in zip(self._axes, self._sizes, strict=True)]
