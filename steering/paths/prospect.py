"""What would follow from an action, before it is decided: the points that it asks for, and what they would visit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from steering.core.action import Action, Finish, InsertRegion, ReplacePath, SetParameter, Skip
from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.core.proposal import Ruling
from steering.core.status import Axis
from steering.guard import Reach, Situation
from steering.paths.path import Path, Point
from steering.paths.scan import Scan, points_of, points_of_any, reach_of, region_count, region_spec
from steering.paths.spec_text import read_spec

# What acts on the path as it is.
PATH_CHANGES = (InsertRegion, ReplacePath, Skip, Finish)


@dataclass(frozen=True)
class Change:
    """An action that is to be applied, with the points that it asks for."""

    action: Action
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Decision:
    """A ruling, with what to do about it if it was accepted."""

    ruling: Ruling
    action: Action | None = None
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Prospect:
    """What would follow from an action.

    Attributes:
        points: The points that it asks for; their number alone where they are more than are allowed.
        problem: Why there are none, as a sentence; empty if nothing is wrong.
    """

    points: tuple[Point, ...] | int = ()
    problem: str = ""

    @property
    def made(self) -> tuple[Point, ...]:
        """The points that were made."""
        return self.points if isinstance(self.points, tuple) else ()

    def within(self, situation: Situation, action: Action, expected: int) -> Situation:
        """Add to a situation what the path would visit if the action were accepted.

        Args:
            situation: As it is.
            action: What is asked for.
            expected: How many points are left once everything accepted has been applied.
        """
        reach = Reach({}, self.points) if isinstance(self.points, int) else None
        reach = reach_of(self.made) if self.made else reach
        if reach is not None and isinstance(action, InsertRegion):
            # It comes before what is left, also of regions that were accepted and are not begun.
            reach = replace(reach, points=reach.points + expected)
        return replace(situation, reach=reach, problem=self.problem)


def look_ahead(
    action: Action, scan: Scan, parameters: Mapping[str, Parameter], axes: Mapping[str, Axis], allowed: int
) -> Prospect:
    """Make the points that an action asks for, or count them where they are more than are allowed.

    Args:
        action: What is asked for.
        scan: Of which scan.
        parameters: With the values that hold.
        axes: With the motors' own limits.
        allowed: Most points that the rest of the scan may have.
    """
    try:
        points = _path(action, scan, parameters, axes, allowed)
    except (SteeringError, KeyError, ValueError, OverflowError, ZeroDivisionError, RecursionError) as error:
        return Prospect((), str(error) or "The path cannot be made of these numbers.")
    return Prospect(points if isinstance(points, int) else tuple(points))


def points_expected(left: int, decisions: Iterable[Decision | Change], shaping: frozenset[str]) -> int:
    """Count the points that are left once everything accepted has been applied.

    Args:
        left: Points that are left now.
        decisions: What is not applied yet, in its order.
        shaping: Names of the parameters that the path follows from.
    """
    for decision in decisions:
        match decision.action:
            case InsertRegion():
                left += len(decision.points)
            case ReplacePath():
                left = len(decision.points)
            case SetParameter(parameter=name) if name in shaping:
                left = len(decision.points)
            case Skip(points=points):
                left = max(left - points, 0)
            case Finish():
                left = 0
            case _:
                pass
    return left


def apply_all(path: Path, values: dict[str, float], scan: Scan, changes: Iterable[Decision | Change]) -> bool:
    """Apply accepted actions, so that those of one checkpoint do what they would do at one each.

    Args:
        path: What is measured and what is left; changed here.
        values: Values of the scan's parameters; changed here.
        scan: Whose.
        changes: In the order in which they were accepted.

    Returns:
        Whether the path has changed.
    """
    changed = stale = False
    for change in changes:
        acts = isinstance(change.action, PATH_CHANGES)
        if stale and acts:
            # It is about the path that follows from the values before it: laid after it, that would undo it.
            path.rebuild(scan.points(values))
            stale = False
        shapes = apply_to(path, values, scan.shaping, change)
        stale = stale or shapes
        changed = changed or shapes or acts
    if stale:
        path.rebuild(scan.points(values))
    return changed


def apply_to(path: Path, values: dict[str, float], shaping: frozenset[str], change: Decision | Change) -> bool:
    """Apply an accepted action to a path and to the values in force.

    Args:
        path: What is measured and what is left; changed here.
        values: Values of the scan's parameters; changed here.
        shaping: Names of the parameters that the path follows from.
        change: The action, with its points.

    Returns:
        Whether the path must be laid anew from the values.
    """
    match change.action:
        case SetParameter(parameter=name, value=value):
            values[name] = value
            return name in shaping
        case InsertRegion():
            path.insert(change.points)
        case ReplacePath():
            path.replace(change.points)
        case Skip(points=points):
            path.skip(points)
        case Finish():
            path.finish()
        case _:
            pass
    return False


def _path(
    action: Action, scan: Scan, parameters: Mapping[str, Parameter], axes: Mapping[str, Axis], allowed: int
) -> list[Point] | int:
    match action:
        case InsertRegion() | ReplacePath() | Skip() if scan.own_path:
            message = f"{scan.name} is a plan of the instrument, whose path cannot be changed. Finish or pause it."
            raise SteeringError(message)
        case SetParameter(parameter=name, value=value) if name in scan.shaping:
            values = {item.name: item.value for item in parameters.values()} | {name: value}
            count = scan.count(values)
            return count if count > allowed else scan.points(values)
        case InsertRegion():
            count = region_count(action)
            return count if count > allowed else points_of(region_spec(action, scan.axes), action.step)
        case ReplacePath() if scan.swept:
            message = f"{scan.swept} is swept, so its path is that of the scan's parameters. Change these."
            raise SteeringError(message)
        case ReplacePath(spec=serialised):
            return points_of_any(read_spec(serialised, scan.axes, allowed), axes)
        case _:
            return []
