"""What pydantic found wrong with a beamline's file, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic_core import ErrorDetails

from steering.description.looks import choice
from steering.scans.kinds import scan_kinds

# What must stand where pydantic found something else, by its name for that.
_WANTED = {
    **dict.fromkeys(("float_parsing", "float_type", "int_parsing", "int_type", "int_from_float"), "a number"),
    **dict.fromkeys(("model_type", "dict_type", "model_attributes_type"), "keys with values"),
    **dict.fromkeys(("tuple_type", "list_type"), "a list"),
    "string_pattern_mismatch": "written as package.module:Class",
}


def sentence(error: ErrorDetails, allowed: Sequence[str]) -> str:
    """Put what pydantic found into a sentence.

    Args:
        error: One of its errors.
        allowed: The keys that are allowed where it was found.
    """
    key = str(error["loc"][-1]) if error["loc"] else "the file"
    if error["loc"] and isinstance(error["loc"][-1], int):
        key = f"item {error['loc'][-1] + 1}"
    quoted = repr(key)
    key = key if key[:1].isalpha() and key.isascii() and key.isprintable() else quoted
    found, limits = error["input"], cast("Mapping[str, Any]", error.get("ctx", {}))
    match error["type"]:
        case "missing":
            return f"The key {quoted} is missing."
        case "extra_forbidden":
            return f"There is no key {quoted} here. {choice(key, allowed)}"
        case "union_tag_invalid":
            return f"There is no plan {found.get('plan')!r}. Allowed: {limits.get('expected_tags')}."
        case "union_tag_not_found":
            return f"The key 'plan' is missing. Allowed: {', '.join(map(repr, scan_kinds()))}."
        case "choice":
            return f"{key}: {error['msg']}"
        case kind if kind in _WANTED:
            return f"{key} must be {_WANTED[kind]}, not {_shown(found)}."
        case "string_type":
            return f"{key} must be a text, not {_shown(found)}. Put it in quotation marks."
        case _:
            return f"{key}: {error['msg']}, not {_shown(found)}."


def _shown(value: object) -> str:
    return "nothing" if value is None else f"{value!r:.60}"
