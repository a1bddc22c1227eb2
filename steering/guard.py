"""Is this proposal allowed? Pure policy: no clock, no device, no network.

The service describes the situation beside the RunEngine and asks :func:`judge`; the answer is a sentence for a
refusal and nothing for an acceptance. Limits never rely on a put's status, because a motor record completes an
out-of-limits put successfully.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from steering.core.action import (
    Abort,
    Action,
    EndBurst,
    Finish,
    InsertRegion,
    Pause,
    ReplacePath,
    Resume,
    SetParameter,
    Skip,
)
from steering.core.parameter import Parameter
from steering.core.status import Axis


@dataclass(frozen=True)
class Reach:
    """What a path would visit.

    Attributes:
        extent: For each axis the lowest and highest position, in the axis' unit.
        points: How many points it has.
    """

    extent: Mapping[str, tuple[float, float]]
    points: int


@dataclass(frozen=True)
class Situation:
    """What the guard needs to know.

    Attributes:
        scanning: Whether a run is open, or about to open.
        paused: Whether it waits.
        person: Who asks (an agent counts as the person it acts for).
        lease: Who holds the lease, or empty.
        parameters: The scan's parameters, with the values that hold once everything accepted so far is applied.
        axes: The scan's axes with the motors' own limits.
        region: Whether the scan takes regions.
        points_left: Points left on the path.
        points_allowed: Most points that the rest of a scan may have: the budget.
        reach: What the proposed path would visit, for actions that change the path.
        problem: Why the proposed path cannot be built, or empty.
        aborting: Whether an abort was accepted.
        finishing: Whether a finish was accepted.
        parted: Whether the scan takes a burst in parts; one in a single part cannot be ended.
        burst: Number of the point, from 1, whose burst runs and is not being ended; 0 if there is none.
        suspended: Whether it waits for the beamline and goes on by itself; a person's pause then outlasts that.
    """

    scanning: bool
    paused: bool
    person: str
    lease: str
    parameters: Mapping[str, Parameter]
    axes: Mapping[str, Axis]
    region: bool = False
    points_left: int = 0
    points_allowed: int = 100_000
    reach: Reach | None = None
    problem: str = ""
    aborting: bool = False
    finishing: bool = False
    suspended: bool = False
    parted: bool = False
    burst: int = 0


def judge(action: Action, situation: Situation) -> str:
    """Say why an action is refused; an empty text means that it is accepted.

    Pausing and aborting are open to everybody who is let in, lease or not: they only make the beamline safer.
    """
    return judge_wish(action, situation) or judge_path(action, situation)


def judge_wish(action: Action, situation: Situation) -> str:
    """Judge all but the path that would follow: cheap, and so before the path is made."""
    if not situation.scanning:
        return "No scan is running, so there is nothing to change. Start a scan first."
    if situation.aborting and not isinstance(action, Abort):
        return "The scan is being aborted, so nothing of it can be changed any more."
    if isinstance(action, Pause | Abort):
        again = isinstance(action, Pause) and situation.paused and not situation.suspended
        return "The scan is already paused." if again else ""
    return _lease(situation) or _content(action, situation)


def _lease(situation: Situation) -> str:
    if not situation.lease:
        return f"Nobody holds the lease, so {situation.person} cannot steer yet. Take the lease first."
    if situation.lease != situation.person:
        return (
            f"The lease is held by {situation.lease}, so {situation.person} cannot steer. "
            f"Ask {situation.lease} to release it, or wait until it runs out."
        )
    return ""


def _content(action: Action, situation: Situation) -> str:
    if situation.finishing and isinstance(action, SetParameter | InsertRegion | ReplacePath | Skip):
        # A path that is laid anew would be measured: the end that somebody asked for would not come.
        return "The scan is being finished, so nothing of it can be changed any more. Start it again with other values."
    match action:
        case SetParameter():
            return judge_value(action.parameter, action.value, situation.parameters)
        case InsertRegion():
            return _region(action, situation)
        case ReplacePath():
            return ""
        case Skip():
            return _skip(action, situation)
        case EndBurst():
            return _end_burst(action, situation)
        case Resume():
            return "" if situation.paused else "The scan is not paused, so there is nothing to resume."
        case Finish() | Pause() | Abort():
            return ""


def judge_value(name: str, value: float, parameters: Mapping[str, Parameter]) -> str:
    """Say why a parameter may not take a value; empty if it may.

    Args:
        name: The parameter's name.
        value: Asked for, in the parameter's unit.
        parameters: The parameters with their present values.
    """
    parameter = parameters.get(name)
    if parameter is None:
        return f"There is no parameter {name!r:.60}. This scan has: {', '.join(sorted(parameters)) or 'none'}."
    if parameter.fixed:
        return f"{name} is chosen at the start and holds for the whole run. Finish this scan and start it again."
    allowed = f"Allowed: {parameter.allowed}."
    if parameter.choices and not parameter.chooses(value):
        return f"{name} = {value:g} is none of its choices. {allowed}"
    if not math.isfinite(value):
        return f"{name} = {value} {parameter.units} is not a finite number. {allowed}"
    if not parameter.low <= value <= parameter.high:
        return f"{name} = {value:g} {parameter.units} is outside the limits. {allowed}"
    change = abs(value - parameter.value)
    # A change of exactly the largest step must pass although 0.1 + 0.2 is not 0.3.
    if change > parameter.largest_step * (1 + 1e-9):
        return (
            f"{name} = {value:g} {parameter.units} is {change:g} {parameter.units} away from {parameter.value:g} "
            f"{parameter.units}. Allowed: at most {parameter.largest_step:g} {parameter.units} in one step."
        )
    return ""


def _region(action: InsertRegion, situation: Situation) -> str:
    if not situation.region:
        shaping = [name for name in ("centre", "range", "step") if name in situation.parameters]
        instead = f"; change its {' or '.join(filter(None, [', '.join(shaping[:-1]), *shaping[-1:]]))} instead"
        return f"This scan takes no regions{instead if shaping else ''}."
    strange = [axis for axis in (*action.region, *action.step) if axis not in situation.axes]
    if strange:
        return f"There is no axis {strange[0]!r:.60}. This scan moves: {', '.join(situation.axes)}."
    for axis, (low, high) in action.region.items():
        limits = situation.axes[axis]
        if not (math.isfinite(low) and math.isfinite(high)):
            return f"The region on {axis} runs from {low} to {high} {limits.units}: both must be finite numbers."
        if low >= high:
            return (
                f"The region on {axis} runs from {low:g} to {high:g} {limits.units}: "
                "the first must be below the second. Exchange them."
            )
    missing = [axis for axis in situation.axes if axis not in action.region or axis not in action.step]
    if missing:
        return f"A region needs a range and a step for each axis; {', '.join(missing)} has none."
    for axis, step in action.step.items():
        if not (math.isfinite(step) and step > 0):
            units = situation.axes[axis].units
            return f"The step on {axis} is {step:g} {units}: it must be a finite number above 0 {units}."
    return ""


def judge_path(action: Action, situation: Situation) -> str:
    """Judge the path that would follow from an action, if one would."""
    if not isinstance(action, SetParameter | InsertRegion | ReplacePath | Skip):
        return ""
    if situation.problem:
        return situation.problem
    reach = situation.reach
    if reach is None:
        return ""
    if reach.points > situation.points_allowed:
        return (
            f"The rest of the scan would have {reach.points} points. Allowed: at most {situation.points_allowed}. "
            "Take a larger step or a smaller range."
        )
    for name, (low, high) in reach.extent.items():
        axis = situation.axes.get(name)
        if axis is None:
            return f"There is no axis {name!r}. This scan moves: {', '.join(situation.axes)}."
        if not (math.isfinite(low) and math.isfinite(high)):
            return f"The path would move {name} to a position that is not a finite number of {axis.units}."
        if not (axis.low <= low and high <= axis.high):
            return (
                f"The path would move {name} from {low:g} to {high:g} {axis.units}. "
                f"The motor allows {axis.low:g} to {axis.high:g} {axis.units}."
            )
    return ""


def _skip(action: Skip, situation: Situation) -> str:
    if action.points < 1:
        return f"Skipping {action.points} points means nothing. Allowed: 1 to {situation.points_left}."
    if action.points > situation.points_left:
        return f"Only {situation.points_left} points are left, so {action.points} cannot be skipped."
    return ""


def _end_burst(action: EndBurst, situation: Situation) -> str:
    if not situation.parted:
        return (
            "The frames of a point are taken in one part here, so nobody can end them early. Give the scan parts: 2 or "
            "more in the beamline's file."
        )
    if not situation.burst:
        return "No burst runs now, so there is none to end. Wait until the next one has begun, or skip points."
    if action.point not in (0, situation.burst):
        return (
            f"The burst of point {action.point} does not run, that of point {situation.burst} does. Look at that one."
        )
    return ""
