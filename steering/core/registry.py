"""The six doors: extensions by entry point, ours and a stranger's alike.

Beside the door of the sources stand their benches: what the contract kit feeds each source with.
"""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, TypeAlias

from steering.core.errors import SteeringError

Door: TypeAlias = Literal["analyses", "facilities", "scans", "sources", "agents", "widgets", "benches"]


def names(door: Door) -> list[str]:
    """Name what is installed behind a door, sorted."""
    return sorted(point.name for point in _points(door))


def load(door: Door, name: str) -> Callable[..., Any]:
    """Load the class or factory that an extension registered.

    Args:
        door: Which kind of extension.
        name: Its entry-point name.

    Raises:
        SteeringError: If nothing of that name is installed; the message lists what is.
    """
    for point in _points(door):
        if point.name == name:
            return point.load()
    message = f"There is no {name!r} among the {door}. Installed: {', '.join(names(door)) or 'none'}."
    raise SteeringError(message)


def _points(door: Door) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=f"steering.{door}"))
