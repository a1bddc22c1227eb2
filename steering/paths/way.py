"""The path of a scan as the plan told it last: references to its points, for whoever looks from another thread."""

from collections.abc import Sequence
from dataclasses import dataclass

from steering.core.plan import Plan, thinned
from steering.paths.path import Point


@dataclass(frozen=True)
class Way:
    """Where a scan has been and where it goes.

    Attributes:
        visited: The points that were measured, in their order; one that was measured twice stands there twice.
        done: What counts as measured, also what an earlier run has measured: a new path leaves these points out.
        left: What is left, in the order of measuring.
    """

    visited: tuple[Point, ...]
    done: tuple[Point, ...]
    left: tuple[Point, ...]

    def after(self, points: int) -> "Way":
        """Go on along it until so many points in all were handed out."""
        more = self.left[: max(points - len(self.visited), 0)]
        return Way(self.visited + more, self.done + more, self.left[len(more) :]) if more else self

    def plan(self, run: str, axes: Sequence[str]) -> Plan:
        """Make the value that everybody may look at.

        Args:
            run: Run uid.
            axes: Names of the axes, slowest first; none where the path is not known.
        """
        if not axes:
            return Plan(run)
        count = len(self.visited) + len(self.left)
        every = (*self.visited, *self.left)
        kept = [[every[int(number)].positions[axis] for axis in axes] for number in thinned(count)]
        return Plan.of(run, axes, kept, count, len(self.visited))
