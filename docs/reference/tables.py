"""Tables of keys and parameters, made of models, dataclasses and docstrings."""

import dataclasses
import inspect
import math
import re
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel

NONE = "\N{EN DASH}"
_NEEDED = "needed"
_ROLE = re.compile(r":\w+:`~?([^`]+)`")
# What a field takes that its type does not say.
_TAKES = {
    "simulate": "`true`, or by key", "geometry": "by key, or a file", "trigger": "a word, or by key",
    "bytes": "number, or such as `500 MB`", "memory_per_node": "memory",
    **dict.fromkeys(("strip", "analyses", "agents"), "list of names, or of keys"),
    **dict.fromkeys(("poll", "death_timeout", "handover", "linger", "patience"), "time"),
    **dict.fromkeys(("walltime_least", "walltime_most"), "time"),
}  # fmt: skip
_HEAD = ("takes", "default", "meaning")


def keys_of(kind: Any, *more: Any, without: Sequence[str] = ()) -> str:
    """Write a model's keys, or a dataclass' fields, as a table; ``more`` are classes that say what the others mean."""
    meanings = {name: text for one in (*more[::-1], *kind.__mro__[::-1]) for name, text in described(one)}
    rows = [
        # What the code calls it is no matter of the file.
        (f"`{key}`", takes, default, meanings[name].replace(f"; `{key}` in the file", ""))
        for name, key, takes, default in _fields(kind)
        if name not in without and name != "plan"
    ]
    return table(("key", *_HEAD), rows) if rows else "No key of its own."


def arguments_of(kind: Any) -> str:
    """Write what a class is made with as a table."""
    meanings = dict(described(kind.__init__))
    rows = [
        (f"`{name}`", _takes(one.annotation), default_text(one.default), meanings[name])
        for name, one in inspect.signature(kind).parameters.items()
    ]
    return table(("parameter", *_HEAD), rows) if rows else "It takes no parameters."


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


def described(found: Any) -> Iterator[tuple[str, str]]:
    """Read what a docstring says of each attribute or argument."""
    name, text, inside = "", "", False
    for line in (*(inspect.getdoc(found) or "").splitlines(), "End:"):
        new = re.match(r"    (\w+): (.*)", line) if inside else None
        if new or not line.startswith("    "):
            if name:
                yield name, plain(text)
            name, text = (new[1], new[2]) if new else ("", "")
            inside = line in ("Attributes:", "Args:") or (inside and bool(new or not line))
        elif name:
            text += f" {line.strip()}"


def first_line(found: Any) -> str:
    """Read a docstring's first line."""
    return plain((inspect.getdoc(found) or "").split("\n\n")[0])


def prose(found: Any) -> str:
    """Read a docstring up to its first section."""
    return plain(re.split(r"\n\n(?:Args|Attributes|Returns|Raises):", inspect.getdoc(found) or "")[0])


def plain(text: str) -> str:
    """Write what a docstring says as Markdown; of what it refers to its name, and that of its class."""
    return _ROLE.sub(lambda found: f"`{_name(found[1])}`", text).replace("``", "`").strip()


def _name(path: str) -> str:
    *_, holder, name = ("", *path.split("."))
    return f"{holder}.{name}" if holder[:1].isupper() else name


def _fields(kind: Any) -> Iterator[tuple[str, str, str, str]]:
    """List name, key in the file, kind and default of each field."""
    if issubclass(kind, BaseModel):
        for name, one in kind.model_fields.items():
            default = _NEEDED if one.is_required() else default_text(one.get_default(call_default_factory=True))
            yield name, one.alias or name, _TAKES.get(name) or _takes(one.annotation, one.metadata), default
        return
    for one in dataclasses.fields(kind):
        value = one.default_factory() if one.default_factory is not dataclasses.MISSING else one.default
        default = _NEEDED if value is dataclasses.MISSING else default_text(value)
        if one.name != "name":
            yield one.name, one.name, _TAKES.get(one.name) or _takes(one.type), default


def _takes(kind: Any, limits: Sequence[Any] = ()) -> str:
    """Say in words what a field takes."""
    if get_origin(kind) in (Union, types.UnionType):
        some = dict.fromkeys(_takes(one, limits) for one in get_args(kind) if one is not type(None))
        return " or ".join(some)
    if get_origin(kind) is Literal:
        return ", ".join(f"`{one}`" if one else "nothing" for one in get_args(kind))
    origin = get_origin(kind) or kind
    if hasattr(kind, "__metadata__"):
        return _takes(get_args(kind)[0], (*limits, *kind.__metadata__))
    words: dict[Any, str] = {bool: "`true` or `false`", int: "whole number", float: "number", str: "text"}
    if origin in words:
        return words[origin] + _bounds(limits)
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return "by name"
    return "list" if origin in (tuple, list, Sequence) or _is_sequence(origin) else "by key"


def _is_sequence(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, Sequence)


def _bounds(limits: Sequence[Any]) -> str:
    flat = [one for each in limits for one in (getattr(each, "metadata", None) or [each])]
    low = next((f"{one.ge:.10g}" for one in flat if isinstance(one, Ge)), "")
    above = next((f"above {one.gt:.10g}" for one in flat if isinstance(one, Gt)), "")
    high = next((f"{one.le:.10g}" for one in flat if isinstance(one, Le)), "")
    first = f"{low} to {high}" if low and high else f"{low} or more" if low else ""
    found = [part for part in (first, above, f"at most {high}" if high and not low else "") if part]
    return f", {', '.join(found)}" if found else ""


def default_text(value: Any) -> str:
    """Write a default."""
    if value is inspect.Parameter.empty:
        return _NEEDED
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value is None or (isinstance(value, str | tuple | list | dict) and not value) or isinstance(value, BaseModel):
        return NONE
    if isinstance(value, int | float):
        return "no limit" if math.isinf(value) else f"`{value:.10g}`"
    if isinstance(value, str):
        return f"`{value}`"
    return NONE if value == ({},) else f"`[{', '.join(map(str, value))}]`"
