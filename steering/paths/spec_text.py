"""Scanspecs that come from outside: counted before a single point is made."""

import math
from collections.abc import Mapping, Sequence
from typing import cast

from pydantic import ValidationError
from scanspec.specs import Spec

from steering.core.errors import SteeringError
from steering.core.json import Json

_ALLOWED = "Concat, Linspace, Product, Range, Snake, Static, Zip"


def read_spec(serialised: Mapping[str, Json], axes: Sequence[str], allowed: int) -> Spec[str]:
    """Read a serialised ``Spec`` of known size over known axes.

    Args:
        serialised: What ``Spec.serialize()`` gave.
        axes: Exactly the axes that it must move.
        allowed: Most points that it may have.

    Raises:
        SteeringError: If it is malformed, too large, or moves other axes. Nothing of its size is allocated first.
    """
    points = _count(dict(serialised))
    if not points <= allowed:
        message = f"The path would have {points:.0f} points. Allowed: at most {allowed}. Take fewer points."
        raise SteeringError(message)
    try:
        spec = cast("Spec[str]", Spec.deserialize(dict(serialised)))
    except (ValidationError, ValueError) as error:
        message = f"The path is not a scanspec Spec: {str(error).splitlines()[0]}. Send what Spec.serialize() gives."
        raise SteeringError(message) from error
    if sorted(str(axis) for axis in spec.axes()) != sorted(axes):
        moved = ", ".join(str(axis) for axis in spec.axes())
        message = f"The path moves {moved}. This scan moves: {', '.join(axes)}; the path must move exactly these."
        raise SteeringError(message)
    return spec


def _count(node: Json) -> float:
    """Count the points that a serialised spec would have, from above."""
    if not isinstance(node, dict):
        message = f"A path is a scanspec Spec as a JSON object, not {node!r:.40}."
        raise SteeringError(message)
    match node.get("type"):
        case "Product":
            return _count(node.get("outer")) * _count(node.get("inner"))
        case "Zip":
            return max(_count(node.get("left")), _count(node.get("right")))
        case "Concat":
            return _count(node.get("left")) + _count(node.get("right"))
        case "Snake":
            return _count(node.get("spec"))
        case "Linspace" | "Static":
            count = _number(node.get("num", 1), "num")
            if count < 1 or count != int(count):
                message = f"num = {count:g} in the path is not a number of points. Allowed: 1 and more."
                raise SteeringError(message)
            return count
        case "Range":
            start, stop, step = (_number(node.get(name), name) for name in ("start", "stop", "step"))
            return abs(stop - start) / abs(step) + 1 if step else math.inf
        case kind:
            message = f"A path of type {kind!r:.40} is not taken. Allowed: {_ALLOWED}."
            raise SteeringError(message)


def _number(value: Json, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        message = f"{name} = {value!r:.40} in the path is not a finite number."
        raise SteeringError(message)
    return float(value)
