"""What a form asks of a person who wants an analysis: made of the analysis' own parameters.

An analysis that declares a pydantic model ``Parameters`` says name, kind, limits, default and description there, and in
``json_schema_extra`` the unit and whether the value is drawn on the frame. Of another the arguments of its constructor
are asked for. The axes are those of the scan, so no form asks for them.
"""

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from steering.core import registry
from steering.core.json import Json

Kind: TypeAlias = Literal["number", "whole", "choice", "switch", "text", "region", "regions"]
_OF_SCHEMA: Mapping[str, Kind] = {
    "integer": "whole", "number": "number", "string": "text", "boolean": "switch",
}  # fmt: skip
_OF_VALUE: Mapping[type, Kind] = {int: "whole", float: "number", str: "text", bool: "switch"}
_BOUND = ("axis", "axes")


@dataclass(frozen=True)
class Asked:
    """One parameter of an analysis, for a form.

    Attributes:
        name: Its name.
        kind: What it is. A ``"region"`` is a rectangle of pixels, ``{"rows": [0, 10], "columns": [5, 40]}``;
            ``"regions"`` are any number of them, in a list. A ``"switch"`` is true or false.
        default: What holds if nothing is written.
        units: Of a number.
        low: Smallest number allowed.
        high: Largest.
        choices: Of a choice.
        description: One sentence.
        needed: Whether something must be written.
    """

    name: str
    kind: Kind
    default: Json = None
    units: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    description: str = ""
    needed: bool = False


def asked_of(analysis: str) -> tuple[Asked, ...] | None:
    """List what a form asks for an installed analysis; nothing if it needs what no form can ask for.

    What has a default and fits no field is not asked for.

    Raises:
        SteeringError: If nothing of that name is installed.
    """
    make = registry.load("analyses", analysis)
    model: Any = getattr(make, "Parameters", None)
    found = _of_model(model) if model is not None else _of_signature(inspect.signature(make))
    if any(one is None and needed for one, needed in found):
        return None
    return tuple(one for one, _ in found if one is not None)


def _of_model(model: Any) -> list[tuple[Asked | None, bool]]:
    schema: dict[str, Any] = model.model_json_schema()
    required = schema.get("required", ())
    properties = cast("dict[str, dict[str, Any]]", schema.get("properties", {}))
    return [
        (_of_property(name, one, needed=name in required), name in required)
        for name, one in properties.items()
        if name not in _BOUND
    ]


def _of_property(name: str, schema: Mapping[str, Any], *, needed: bool) -> Asked | None:
    # An optional one is this or null.
    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    inner: Mapping[str, Any] = options[0] if len(options) == 1 else schema
    choices = tuple(str(one) for one in inner.get("enum", ()))
    kind: Kind | None = "choice" if choices else _OF_SCHEMA.get(str(inner.get("type")))
    if schema.get("draw") in ("region", "regions"):
        kind = schema["draw"]
    if kind is None:
        return None
    low = inner.get("minimum", inner.get("exclusiveMinimum", -math.inf))
    high = inner.get("maximum", inner.get("exclusiveMaximum", math.inf))
    units, said = str(schema.get("units", "")), str(schema.get("description", ""))
    return Asked(name, kind, schema.get("default"), units, float(low), float(high), choices, said, needed)


def _of_signature(signature: inspect.Signature) -> list[tuple[Asked | None, bool]]:
    found: list[tuple[Asked | None, bool]] = []
    for name, one in signature.parameters.items():
        if name in _BOUND or one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            continue
        value: Any = one.default
        kind = _OF_VALUE.get(cast("type[Any]", type(value)))
        asked = None if kind is None else Asked(name, kind, value)
        found.append((asked, value is one.empty))
    return found
