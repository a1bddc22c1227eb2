"""The contract of a panel."""

from collections.abc import Callable
from typing import Any

from steering.contract.broken import require
from steering.core.desk import Desk


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
    try:
        for _ in range(2):
            built.refresh()
            again = built.refresh()
            require(again is False, f"{name} returns {again!r}, not False, when it is refreshed without news")
            # The same value set again is news to a panel, but it must be done with it after one look.
            desk.board.status.set(desk.board.status.value)
    finally:
        built.close()
        built.close()
