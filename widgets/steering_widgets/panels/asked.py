"""The fields of a form that is made of an analysis' own parameters."""

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

import ipywidgets

from steering.contract.asked import Asked
from steering.core.errors import SteeringError
from steering_widgets.parts.units import read_number, shown_unit
from steering_widgets.parts.wording import escape

# Above it a number is written with a power of ten.
_MOST_DIGITS = 1e15
_REGION = re.compile(r"(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)")
_HOW = {
    "region": "Rows and columns in pixels, as 10:20, 5:40 (without the last); leave empty for the whole frame",
    "regions": "Rows and columns in pixels as 10:20, 5:40, the next region after a semicolon; leave empty for none",
}
_SWITCH = ("no", "yes")
_EMPTY = {"region": "all of it", "regions": "nothing"}


class AskedField(ipywidgets.HBox):
    """Label, field and unit of one parameter.

    Attributes:
        asked: What it is.
        field: A text field, or a menu.
    """

    def __init__(self, asked: Asked) -> None:
        """Build it with what holds if nothing is written."""
        self.asked = asked
        meaning = f"{asked.description}. {_allowed(asked)}".removeprefix(". ").strip()
        if asked.kind == "choice":
            chosen = str(asked.default) if asked.default in asked.choices else asked.choices[0]
            self.field: Any = ipywidgets.Dropdown(options=asked.choices, value=chosen)
        elif asked.kind == "switch":
            self.field = ipywidgets.Dropdown(options=_SWITCH, value=_text(asked, asked.default))
        else:
            self.field = ipywidgets.Text(value=_text(asked, asked.default))
        self.field.placeholder = _EMPTY.get(asked.kind, "")
        self.field.description, self.field.tooltip = asked.name, meaning
        self.field.add_class(f"st-asked-{asked.name}")
        super().__init__([self.field])
        unit = shown_unit(asked.units)
        # A place for a unit that is none would make a narrow field narrower.
        if unit:
            units = ipywidgets.HTML(escape(unit))
            units.add_class("st-units")
            self.children = (self.field, units)
        self.add_class("st-entry")

    def write(self, value: Any) -> None:
        """Show a value."""
        text = _text(self.asked, value)
        if self.field.value != text:
            self.field.value = text

    def draw(self, region: Mapping[str, Sequence[int]]) -> None:
        """Write a region that was drawn: in place of the one that is there, or beside those that are."""
        text = _region_text(region)
        written = self.field.value.strip()
        self.field.value = f"{written}; {text}" if self.asked.kind == "regions" and written else text

    def value(self) -> Any:
        """Read what was written; nothing if the field is empty.

        Raises:
            SteeringError: If it is not what the parameter can be.
        """
        asked, text = self.asked, str(self.field.value or "").strip()
        if not text:
            if asked.needed:
                message = f"{asked.name}: nothing is written. {_allowed(asked)}"
                raise SteeringError(message)
            return None
        if asked.kind == "region":
            return _region(asked, text)
        if asked.kind == "regions":
            return [_region(asked, one.strip()) for one in text.rstrip("; ").split(";")]
        if asked.kind == "switch":
            return text == _SWITCH[True]
        return _number(asked, text) if asked.kind in ("number", "whole") else text


def read_fields(fields: Sequence[AskedField]) -> dict[str, Any]:
    """Read what was written into fields, without what is empty.

    Raises:
        SteeringError: If something written is not what its parameter can be.
    """
    found = {field.asked.name: field.value() for field in fields}
    return {name: value for name, value in found.items() if value is not None}


def readable(fields: Sequence[AskedField]) -> dict[str, Any]:
    """Read what was written into fields, without what cannot be read yet."""
    found: dict[str, Any] = {}
    for field in fields:
        with suppress(SteeringError):
            found[field.asked.name] = field.value()
    return found


def _allowed(asked: Asked) -> str:
    if asked.kind in _HOW:
        return f"{_HOW[asked.kind]}."
    low, high = (_written(limit) for limit in (asked.low, asked.high))
    match math.isfinite(asked.low), math.isfinite(asked.high):
        case True, True:
            limits = f"{low} to {high}"
        case True, False:
            limits = f"{low} or more"
        case False, True:
            limits = f"{high} or less"
        case _:
            return ""
    return f"Allowed: {limits} {shown_unit(asked.units)}".strip() + "."


def _text(asked: Asked, value: Any) -> str:
    if asked.kind == "switch":
        return _SWITCH[bool(value)]
    if value is None:
        return ""
    if asked.kind in _HOW:
        regions = cast("Sequence[Mapping[str, Sequence[int]]]", [value] if asked.kind == "region" else value)
        return "; ".join(_region_text(region) for region in regions)
    return _written(value) if asked.kind in ("number", "whole") else str(value)


def _written(value: float) -> str:
    """Write a number with all of its digits: what nobody has changed is read back as it was."""
    whole = isinstance(value, int) or float(value).is_integer()
    return str(int(value)) if whole and abs(value) < _MOST_DIGITS else repr(float(value))


def _region_text(region: Mapping[str, Sequence[int]]) -> str:
    return ", ".join(f"{region[side][0]}:{region[side][1]}" for side in ("rows", "columns"))


def _region(asked: Asked, text: str) -> dict[str, list[int]]:
    found = _REGION.fullmatch(text)
    if found is None:
        message = f"{asked.name}: “{text:.60}” is no region. {_allowed(asked)}"
        raise SteeringError(message)
    first, last, left, right = (int(part) for part in found.groups())
    return {"rows": [first, last], "columns": [left, right]}


def _number(asked: Asked, text: str) -> float | int:
    try:
        value = read_number(asked.name, text, asked.units)
    except SteeringError:
        value = math.nan
    if not math.isfinite(value) or (asked.kind == "whole" and value != round(value)):
        what = "whole number" if asked.kind == "whole" else "number"
        message = f"{asked.name}: “{text:.60}” is no {what}. {_allowed(asked)}".strip()
        raise SteeringError(message)
    if not asked.low <= value <= asked.high:
        message = f"{asked.name} = {value:g} {shown_unit(asked.units)} is outside the limits. {_allowed(asked)}"
        raise SteeringError(message)
    return round(value) if asked.kind == "whole" else value
