"""The types of an index's fields: taken from what comes first, and strict from then on, as Globus Search has them.

After docs.globus.org/api/search/mapped_data_types and docs.globus.org/api/search/limits.
"""

import re
from collections.abc import Iterator
from typing import Any, cast

from steering.globus_double_data.call import Document

_DATES = re.compile(
    r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2})?|\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2} [+-]\d{2}:?\d{2}"
    r"|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?(Z|[+-]\d{2}:?\d{2})"
)
# What a field of a type takes besides its own.
_WIDENED = {"string": {"integer", "float", "boolean", "date"}, "float": {"integer"}}
_MOST_FIELDS, _DEEPEST, _LONGEST = 1000, 20, 32 << 10


class FieldTypeError(Exception):
    """An entry does not fit the fields of its index."""


def fitting(known: dict[str, str], content: Document) -> dict[str, str]:
    """Return the types of an index's fields with those of a new entry.

    Args:
        known: Types by dotted name.
        content: Of the entry.

    Raises:
        FieldTypeError: If a field has another type already, or the entry is beyond a limit.
    """
    found = dict(known)
    for name, kind in _types(content, ()):
        was = found.setdefault(name, kind)
        if kind != was and kind not in _WIDENED.get(was, ()):
            raise FieldTypeError(f"field '{name}' is of type {was}, and a value of type {kind} cannot be stored in it")
    if len(found) > _MOST_FIELDS:
        raise FieldTypeError(f"an index has {_MOST_FIELDS} fields at most")
    return found


def _types(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if len(path) > _DEEPEST:
        raise FieldTypeError(f"fields are nested {_DEEPEST} deep at most")
    if isinstance(value, dict):
        if path:
            yield ".".join(path), "object"
        for name, one in cast("Document", value).items():
            yield from _types(one, (*path, name))
    elif isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from _types(one, path)
    elif value is not None:
        yield ".".join(path), _kind(value, path)


def _kind(value: Any, path: tuple[str, ...]) -> str:
    if isinstance(value, str):
        if len(value.encode(errors="replace")) > _LONGEST:
            raise FieldTypeError(f"field '{'.'.join(path)}' is longer than {_LONGEST} bytes")
        return "date" if _DATES.fullmatch(value) else "string"
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "float"
