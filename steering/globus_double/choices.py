"""Choices of a flow: which rule holds for its state."""

import operator
from collections.abc import Callable
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, cast

from steering.globus_double.paths import PathError, get
from steering.globus_double_data.call import Document

_KINDS: dict[str, tuple[type, ...]] = {
    "String": (str,),
    "Numeric": (int, float),
    "Boolean": (bool,),
    "Timestamp": (str,),
}
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}
_ORDERED = ("String", "Numeric", "Timestamp")
COMPARISONS = {
    f"{kind}{name}": (types, compare)
    for kind, types in _KINDS.items()
    for name, compare in _COMPARED.items()
    if kind in _ORDERED or name == "Equals"
}
TESTS: dict[str, Callable[[Any], bool]] = {
    "IsNull": lambda value: value is None,
    "IsNumeric": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "IsString": lambda value: isinstance(value, str),
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": lambda value: isinstance(value, str) and "T" in value,
}
JOINED = ("And", "Or", "Not")
RULES = {*COMPARISONS, *(f"{name}Path" for name in COMPARISONS), *TESTS, "IsPresent", "StringMatches", *JOINED}


def holds(rule: Document, state: Document) -> bool:
    """Say whether a rule holds.

    Raises:
        PathError: If a path leads to nothing, but for ``IsPresent``.
    """
    for name, wanted in rule.items():
        if name in ("And", "Or"):
            every = [holds(cast("Document", one), state) for one in cast("list[Any]", wanted)]
            return all(every) if name == "And" else any(every)
        if name == "Not":
            return not holds(cast("Document", wanted), state)
        if name in RULES:
            return _compared(name, wanted, str(rule.get("Variable", "")), state)
    return False


def is_value(name: str, value: Any) -> bool:
    """Say whether a rule may have a value; one that compares with a path has a path."""
    if name in TESTS or name == "IsPresent":
        return isinstance(value, bool)
    kind = next(one for one in _KINDS if name.startswith(one))
    if kind == "Timestamp":
        return isinstance(value, str) and _is_time(value)
    return isinstance(value, _KINDS[kind]) and (kind == "Boolean") == isinstance(value, bool)


def _is_time(text: str) -> bool:
    try:
        return "T" in text and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _compared(name: str, wanted: Any, variable: str, state: Document) -> bool:
    if name == "IsPresent":
        try:
            get(state, variable)
        except PathError:
            return not wanted
        return bool(wanted)
    value = get(state, variable)
    if name in TESTS:
        return TESTS[name](value) == bool(wanted)
    if name == "StringMatches":
        return isinstance(value, str) and fnmatchcase(value, str(wanted))
    types, compare = COMPARISONS[name.removesuffix("Path")]
    other = get(state, str(wanted)) if name.endswith("Path") else wanted
    return isinstance(value, types) and isinstance(other, types) and compare(value, other)
