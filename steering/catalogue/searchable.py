"""Entries as an index of Globus Search can take all of them, whatever runs, people and scans are called.

Search takes the type of a field from the first entry that has it, and refuses an entry with another type there (Globus,
"Types, Type Detection, and Schemas"): a word where a number or a date was, a fraction where whole numbers were. A
sample that is called 2026-11-30 would make the field a date, and no other sample could be written any more.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

# Names that people, scans and analyses choose: each is a value, and no field of the index, which has 1,000 at most.
_CHOSEN = ("parameters", "analysis_parameters", "by")
# What is a date in each entry that has it, and what is a whole number.
_DATES = ("day", "date")
_WHOLE = ("points", "number", "length", "count", "accepted", "refused")
# What may be read as a date. A text that begins so is written behind a mark.
_DATE = re.compile(r"\d{4}[-/]\d{2}[-/]\d{2}")
_MARK = "'"


def searchable(content: Mapping[str, Any]) -> dict[str, Any]:
    """Write the content of an entry so that each field has one type in all entries."""
    return {key: _written(key, value) for key, value in content.items() if not (key in _DATES and value == "")}


def as_written(content: Mapping[str, Any]) -> dict[str, Any]:
    """Read a content as it was before :func:`searchable`; of an entry of another version as it is."""
    return {key: _read(key, value) for key, value in content.items()}


def marked(word: str) -> str:
    """Return a word as an entry has it, so that it is never taken for a date."""
    return f"{_MARK}{word}" if _DATE.match(word.lstrip(_MARK)) else word


def _written(key: str, value: Any) -> Any:
    if key in _CHOSEN and isinstance(value, Mapping):
        named = cast("Mapping[str, Any]", value)
        return [{"name": marked(name), **_typed(one)} for name, one in named.items()]
    if isinstance(value, str):
        return value if key in _DATES else marked(value)
    if isinstance(value, int) and not isinstance(value, bool) and key not in _WHOLE:
        return float(value)
    return _within(key, value, _written, searchable)


def _typed(value: Any) -> dict[str, Any]:
    """Put a value into a field of its type."""
    if isinstance(value, str):
        return {"text": marked(value)}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"number": float(value)}
    return {"json": json.dumps(value)}


def _read(key: str, value: Any) -> Any:
    if key in _CHOSEN and isinstance(value, list):
        pairs = [cast("Mapping[str, Any]", one) for one in cast("list[Any]", value) if isinstance(one, Mapping)]
        return {unmarked(str(one.get("name"))): _untyped(one) for one in pairs}
    if isinstance(value, str):
        return unmarked(value)
    return _within(key, value, _read, as_written)


def _untyped(one: Mapping[str, Any]) -> Any:
    if "json" in one:
        try:
            return json.loads(str(one["json"]))
        except (ValueError, RecursionError):
            return None
    return unmarked(str(one["text"])) if "text" in one else one.get("number")


def unmarked(word: str) -> str:
    """Return a word as it was before :func:`marked`."""
    return word[1:] if word.startswith(_MARK) and _DATE.match(word.lstrip(_MARK)) else word


def _within(
    key: str,
    value: Any,
    one: Callable[[str, Any], Any],
    several: Callable[[Mapping[str, Any]], dict[str, Any]],
) -> Any:
    if isinstance(value, Mapping):
        return several(cast("Mapping[str, Any]", value))
    if isinstance(value, list | tuple):
        return [one(key, item) for item in cast("list[Any]", value)]
    return value
