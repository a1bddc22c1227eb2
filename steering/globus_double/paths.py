"""Paths into a flow's state: ``$.a.b[0]`` or ``$.a[1:]``, and what is put there."""

import re
from typing import Any, cast

from steering.globus_double_data.call import Document

_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\[(\d*:\d*)\]|\['([^']+)'\]")
Step = str | int | slice


class PathError(Exception):
    """A path is none, or leads to nothing."""


def steps(path: str) -> list[Step]:
    """Take a path apart.

    Raises:
        PathError: If it is none.
    """
    if not path.startswith("$"):
        raise PathError(f"{path!r:.80} does not begin with $")
    found: list[Step] = []
    place = 1
    while place < len(path):
        match = _STEP.match(path, place)
        if match is None:
            raise PathError(f"{path!r:.80} is no path")
        name, index, part, quoted = match.groups()
        if part is not None:
            first, _, last = part.partition(":")
            found.append(slice(int(first) if first else None, int(last) if last else None))
        else:
            found.append(int(index) if index is not None else str(name or quoted))
        place = match.end()
    return found


def get(state: Document, path: str) -> Any:
    """Return what a path leads to.

    Raises:
        PathError: If that is nothing.
    """
    value: Any = state
    for step in steps(path):
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError) as error:
            raise PathError(f"{path} leads to nothing") from error
    return value


def put(state: Document, path: str, value: Any) -> Document:
    """Return a state in which a value stands where a path leads.

    Raises:
        PathError: If it cannot stand there.
    """
    where = steps(path)
    if any(isinstance(step, slice) for step in where):
        raise PathError(f"{path} leads to more than one place")
    if not where:
        return cast("Document", value) if isinstance(value, dict) else {"value": value}
    made = dict(state)
    inner = made
    for step in where[:-1]:
        below = inner.get(str(step))
        inner[str(step)] = dict(cast("Document", below)) if isinstance(below, dict) else {}
        inner = cast("Document", inner[str(step)])
    inner[str(where[-1])] = value
    return made
