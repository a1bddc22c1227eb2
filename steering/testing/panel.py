"""The contract of a panel."""

from collections.abc import Callable
from typing import Any

from steering.core.desk import Desk
from steering.testing.broken import require


def check_panel(panel: Callable[[Desk], Any], desk: Desk) -> None:
    """Check that a panel builds on an empty session, changes nothing without news, and closes.

    Args:
        panel: Its class.
        desk: A session that has seen nothing yet.

    Raises:
        ContractError: If it does not keep its contract.
    """
    built = panel(desk)
    name = type(built).__name__
    require(hasattr(built, "widget"), f"{name} has no widget")
    built.refresh()
    require(not built.refresh(), f"{name} changes something although there is no news")
    desk.board.status.set(desk.board.status.value)
    built.refresh()
    require(not built.refresh(), f"{name} changes something although there is no news")
    built.close()
    built.close()
