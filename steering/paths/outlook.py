"""What actions would do to a scan, one after another: judged like proposals, and followed on a copy of its path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from steering.core.action import Abort, Action, Finish, Pause, Resume, SetParameter
from steering.guard import Situation, judge_path, judge_wish
from steering.paths.path import Path
from steering.paths.prospect import Change, Decision, apply_all, apply_to, look_ahead, points_expected
from steering.paths.scan import Scan
from steering.paths.way import Way


@dataclass(frozen=True)
class Standpoint:
    """Where a scan is, as somebody asks what would be.

    Attributes:
        situation: What the guard needs to know.
        way: Its path, with the point that is measured now among the visited ones; ``None`` where it is not known.
        left: How many points are left.
        values: Values of its parameters that are in force.
        waiting: What was accepted and is not applied yet.
    """

    situation: Situation
    way: Way | None
    left: int
    values: Mapping[str, float]
    waiting: tuple[Decision, ...]


@dataclass(frozen=True)
class Outlook:
    """What would be.

    Attributes:
        refusal: Why an action would be refused, as a sentence; then all else is as it stands.
        way: The path; ``None`` where it is not known.
        left: How many points would be left.
        values: Values of the parameters that would be in force.
    """

    refusal: str
    way: Way | None
    left: int
    values: Mapping[str, float]


def look_out(scan: Scan, standpoint: Standpoint, actions: Sequence[Action]) -> Outlook:
    """Follow actions from where a scan is.

    Args:
        scan: The scan.
        standpoint: Where it is.
        actions: In the order in which they would be proposed.
    """
    situation, refusal = standpoint.situation, ""
    changes: list[Decision | Change] = list(standpoint.waiting)
    for number, action in enumerate(actions):
        expected = points_expected(standpoint.left, changes, scan.shaping)
        if number:
            situation = replace(situation, points_left=expected)
        change, refusal = _judged(scan, situation, action, expected)
        if refusal:
            changes = list(standpoint.waiting)
            break
        changes.append(change)
        situation = _after(situation, action)
    return _followed(scan, standpoint, changes, refusal)


def _judged(scan: Scan, situation: Situation, action: Action, expected: int) -> tuple[Change, str]:
    refusal = judge_wish(action, situation)
    if refusal:
        return Change(action), refusal
    prospect = look_ahead(action, scan, situation.parameters, situation.axes, situation.points_allowed)
    return Change(action, prospect.made), judge_path(action, prospect.within(situation, action, expected))


def _after(situation: Situation, action: Action) -> Situation:
    match action:
        case SetParameter(parameter=name, value=value):
            held = situation.parameters[name]
            return replace(situation, parameters={**situation.parameters, name: replace(held, value=value)})
        case Pause():
            return replace(situation, paused=True, suspended=False)
        case Resume():
            return replace(situation, paused=False, suspended=False)
        case Finish():
            return replace(situation, paused=False, suspended=False, finishing=True)
        case Abort():
            return replace(situation, paused=False, suspended=False, aborting=True)
        case _:
            return situation


def _followed(scan: Scan, standpoint: Standpoint, changes: Sequence[Decision | Change], refusal: str) -> Outlook:
    values, way = dict(standpoint.values), standpoint.way
    path = Path.between(way.done, way.left) if way is not None else Path(())
    if way is None:
        for change in changes:
            apply_to(path, values, scan.shaping, change)
        return Outlook(refusal, None, points_expected(standpoint.left, changes, scan.shaping), values)
    apply_all(path, values, scan, changes)
    if any(isinstance(change.action, Abort) for change in changes):
        path.finish()
    return Outlook(refusal, Way(way.visited, path.done, path.rest), path.left, values)
