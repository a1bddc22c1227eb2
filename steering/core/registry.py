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
        SteeringError: If nothing of that name is installed, with what is; or it lacks a package, with what to install.
    """
    for point in _points(door):
        if point.name == name:
            try:
                return point.load()
            except ImportError as error:
                package = f"{point.dist.name if point.dist is not None else 'its package'}"
                wanted = f"{package}[{','.join(point.extras)}]" if point.extras else error.name or package
                message = f"{name} needs what is not installed ({error}). Install it: pip install '{wanted}'."
                raise SteeringError(message) from error
    message = f"There is no {name!r} among the {door}. Installed: {', '.join(names(door)) or 'none'}."
    raise SteeringError(message)


def _points(door: Door) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=f"steering.{door}"))
