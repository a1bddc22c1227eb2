"""Calls of functions by name with JSON, for places where nothing that is pickled may come from the network."""

import builtins
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, cast

from steering.core.errors import SteeringError, said
from steering.core.json import Json

# Errors of Python itself that are raised again as what they were.
_KINDS = ("ArithmeticError", "ZeroDivisionError", "OverflowError", "KeyError", "IndexError", "TypeError", "ValueError")


def name_of(function: Callable[..., Any]) -> tuple[str, str]:
    """Return module and name by which a function is found in another process.

    Raises:
        SteeringError: If it is none that is found so.
    """
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if module == "__main__" or not name.isidentifier() or getattr(sys.modules.get(module), name, None) is not function:
        raise SteeringError(
            f"{name or type(function).__name__} cannot be found by its name. Allowed: a function that is written with "
            "def in a module that is installed there too."
        )
    return module, name


def plain(arguments: Sequence[Any]) -> list[Json]:
    """Return arguments as they arrive.

    Raises:
        SteeringError: If one is no JSON. NaN and infinity are none.
    """
    try:
        return cast("list[Json]", json.loads(json.dumps(list(arguments), allow_nan=False)))
    except (TypeError, ValueError, RecursionError) as error:
        raise SteeringError(
            f"The arguments cannot be sent ({said(error):.100}). Allowed: what JSON can say, so no array and no NaN."
        ) from None


def call_named(module: str, name: str, arguments: Sequence[Json]) -> dict[str, Json]:
    """Call a function there.

    Args:
        module: In which it is.
        name: Of it.
        arguments: What it is given.

    Returns:
        ``value``, or ``error``: what was raised, by its name, and what it said.
    """
    try:
        return {"value": getattr(import_module(module), name)(*arguments)}
    except Exception as error:  # noqa: BLE001  (whatever it raises is raised again where it was asked for)
        kind = SteeringError if isinstance(error, SteeringError) else type(error)
        return {"error": [kind.__name__, str(error)]}


def value_of(answer: Json, cleaned: Callable[[str], str]) -> Any:
    """Return the value of an answer, or raise what was raised there.

    Args:
        answer: What :func:`call_named` returned; it may be anybody's.
        cleaned: Makes a text that comes from elsewhere fit to be shown.

    Raises:
        SteeringError: If that was raised, or an error that Python does not have itself, or the answer is none.
    """
    given: Mapping[str, Any] = answer if isinstance(answer, Mapping) else {}
    if "value" in given:
        return given["value"]
    match given.get("error"):
        case [str(name), str(text)]:
            if name in _KINDS:
                raise getattr(builtins, name)(cleaned(text))
            raise SteeringError(
                cleaned(text) + "." if name == "SteeringError" else f"{cleaned(name):.60}: {cleaned(text)}."
            )
        case _:
            raise SteeringError("What was answered is no answer of steering. Is the same version installed there?")
