"""How an action reads in the journal: what it changes, from what, to what."""

from collections.abc import Mapping

import orjson

from steering.core.action import Abort, Action, InsertRegion, ReplacePath, SetParameter, Skip
from steering.core.parameter import Parameter
from steering.core.status import Axis


def describe(action: Action, parameters: Mapping[str, Parameter], axes: Mapping[str, Axis]) -> tuple[str, str, str]:
    """Put an action into words, with units.

    Returns:
        Subject, old value, new value; each may be empty.
    """
    match action:
        case SetParameter(parameter=name, value=value):
            parameter = parameters.get(name)
            if parameter is None:
                return name, "", f"{value:g}"
            return name, f"{parameter.value:g} {parameter.units}", f"{value:g} {parameter.units}"
        case InsertRegion(region=region, step=step):
            parts = [
                f"{axis} {low:g} to {high:g} {_units(axes, axis)} step {step.get(axis, float('nan')):g}"
                for axis, (low, high) in region.items()
            ]
            return ", ".join(region), "", "; ".join(parts)
        case ReplacePath(spec=spec):
            return "path", "", orjson.dumps(spec, default=repr).decode()[:500]
        case Skip(points=points):
            return "path", "", f"skip {points} points"
        case Abort(reason=reason):
            return "", "", reason
        case _:
            return "", "", ""


def _units(axes: Mapping[str, Axis], axis: str) -> str:
    return axes[axis].units if axis in axes else ""
