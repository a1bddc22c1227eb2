"""How an action reads in the journal: what it changes, from what, to what."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from steering.core.action import Abort, Action, EndBurst, InsertRegion, ReplacePath, SetParameter, Skip
from steering.core.parameter import Parameter
from steering.core.status import Axis


def describe(
    action: Action, parameters: Mapping[str, Parameter], axes: Mapping[str, Axis], points: int = 0
) -> tuple[str, str, str]:
    """Put an action into words, with units; no digit of a value is left out.

    Args:
        action: The action.
        parameters: With the values that hold.
        axes: With their units.
        points: How many points its path has, if it has one.

    Returns:
        Subject, old value, new value; each may be empty.
    """
    match action:
        case SetParameter(parameter=name, value=value):
            parameter = parameters.get(name)
            if parameter is None:
                return name, "", number(value)
            return name, _said(parameter, parameter.value), _said(parameter, value)
        case InsertRegion(region=region, step=step):
            parts = [
                f"{axis} {number(low)} to {number(high)} {_units(axes, axis)} step {number(step.get(axis, math.nan))}"
                for axis, (low, high) in region.items()
            ]
            return ", ".join(region), "", "; ".join(parts)
        case ReplacePath():
            return "path", "", f"{points} points" if points else ""
        case Skip(points=points):
            return "path", "", f"skip {points} points"
        case EndBurst(point=point):
            return "burst", "", f"of point {point}" if point else ""
        case Abort(reason=reason):
            return "", "", reason
        case _:
            return "", "", ""


def noted(parameter: Parameter, value: float) -> dict[str, Any]:
    """Write a parameter for a start document: value, unit, and what its values are called if it is a choice."""
    choices = {"choices": list(parameter.choices)} if parameter.choices else {}
    return {"value": value, "units": parameter.units, **choices}


def exact(action: Action) -> str:
    """Write an action as JSON, from which it can be read back; a number that JSON does not know as a text."""
    return json.dumps(_finite(asdict(action)), separators=(",", ":"))


def number(value: float) -> str:
    """Write a number with as many digits as it has, and no more."""
    return repr(float(value)).removesuffix(".0")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _finite(item) for name, item in cast("Mapping[object, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in cast("Sequence[Any]", value)]
    return value


def _said(parameter: Parameter, value: float) -> str:
    return parameter.choice(value) or f"{number(value)} {parameter.units}"


def _units(axes: Mapping[str, Axis], axis: str) -> str:
    return axes[axis].units if axis in axes else ""
