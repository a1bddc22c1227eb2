"""What an endpoint of FastAPI depends on, worked out once.

An app that overrides one dependency, as Tiled's does, has FastAPI work out the signatures of all of them anew at each
request: half of what a request to Tiled costs.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast


class _Remembering:
    """Finds what is asked for once.

    Nothing changes what was found: only what an endpoint itself depends on is added to, and that is found elsewhere.
    """

    def __init__(self, find: Callable[..., Any]) -> None:
        self._find = find
        self._known: dict[tuple[object, ...], Any] = {}

    def __call__(self, **asked: object) -> Any:
        key = tuple((name, _fixed(value)) for name, value in asked.items())
        if key not in self._known:
            self._known[key] = self._find(**asked)
        return self._known[key]


def remember_dependencies() -> None:
    """Have FastAPI keep in this process what each endpoint depends on. Does nothing the second time."""
    room = vars(import_module("fastapi.dependencies.utils"))
    if not isinstance(room["get_dependant"], _Remembering):
        room["get_dependant"] = _Remembering(room["get_dependant"])


def _fixed(value: object) -> object:
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value
