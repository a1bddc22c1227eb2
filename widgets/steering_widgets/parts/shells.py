"""The kernel takes what a page sends to a widget in the shell that the page names; else in the main one.

ipykernel 7.4 takes it in the shell out of which the widget was last written to. The thread that writes into widgets has
the shell of some page's first message, and keeps it when that page was reloaded and its shell deleted: all that is
typed and pressed from then on is dropped ("Unknown subshell_id"). While the shell is there, what is typed may be
overtaken by the press that it was typed for. `heard.js` has pages name the main shell.
"""

import sys
from collections.abc import Callable
from typing import Any, TypeAlias

_ROUTE = "_reply_subshell_for"

Route: TypeAlias = Callable[[Any, Any, str | None], str | None]


def take_where_sent() -> None:
    """Have the kernel of this process do so; nothing where it does already, or where there is no kernel."""
    module = sys.modules.get("ipykernel.comm.comm")
    comm: type | None = getattr(module, "BaseComm", None)
    asked: Route | None = getattr(comm, _ROUTE, None)
    if comm is None or asked is None or asked.__module__ == __name__:
        return

    def route(one: Any, data: Any, named: str | None) -> str | None:
        asked(one, data, named)  # it forgets what it remembers of the message
        return named if named in _shells() else None

    setattr(comm, _ROUTE, route)


def _shells() -> list[str]:
    """Name the shells that the kernel has beside the main one."""
    kernel: Any = sys.modules["ipykernel.kernelbase"].Kernel.instance()
    return kernel.shell_channel_thread.manager.list_subshell()
