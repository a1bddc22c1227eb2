"""Reads settings by their kind: each function takes what YAML gave and says in words what it cannot be."""

import math
from collections.abc import Callable, Mapping
from typing import Any, get_args

from steering.compute.clock import seconds


def time(value: Any) -> float:
    """Read a time, as HH:MM:SS or a number, into seconds."""
    found = float(value) if isinstance(value, int | float) else seconds(str(value))
    if math.isnan(found) or found < 0:
        message = "write a time as HH:MM:SS or as a number of seconds"
        raise ValueError(message)
    return found


def memory(value: Any) -> int:
    """Read an amount of memory into bytes."""
    from dask.utils import parse_bytes

    return int(parse_bytes(value))


def texts(value: Any) -> tuple[str, ...]:
    """Read a list of texts."""
    if isinstance(value, str):
        message = "write a list"
        raise TypeError(message)
    return tuple(str(item) for item in value or ())


def whole(value: Any) -> int:
    """Read a whole number."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        message = "write a whole number"
        raise ValueError(message)
    return value


def count(value: Any) -> int:
    """Read a whole number above 0."""
    if whole(value) < 1:
        message = "write a whole number above 0"
        raise ValueError(message)
    return value


def truth(value: Any) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        message = "write true or false"
        raise TypeError(message)
    return value


def text(value: Any) -> str:
    """Read a text; nothing is an empty one."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        message = "write a text"
        raise TypeError(message)
    return "" if value is None else str(value)


def one_of(allowed: Any) -> Callable[[Any], str]:
    """Return a reader of one of the names that a Literal allows."""
    names: tuple[str, ...] = get_args(allowed)

    def read(value: Any) -> str:
        if value not in names:
            message = f"allowed: {', '.join(name or 'nothing' for name in names)}"
            raise ValueError(message)
        return str(value)

    return read


def amounts(value: Mapping[str, Any]) -> dict[str, float]:
    """Read numbers by name."""
    return {str(name): float(amount) for name, amount in value.items()}


def named_texts(value: Mapping[str, Any]) -> dict[str, str]:
    """Read texts by name."""
    return {str(name): text(item) for name, item in value.items()}
