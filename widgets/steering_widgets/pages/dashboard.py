"""Everything on one page."""

import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, cast

from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.errors import SteeringError

if TYPE_CHECKING:
    from steering_widgets.pages.page import Page

_LOCK = threading.Lock()
# One page a session, whoever shows it, and however often.
_NEWEST: "list[weakref.ref[Dashboard]]" = []
_PAGES: "dict[int, tuple[weakref.ref[Any], Page]]" = {}


class Dashboard:
    """All panels of a session, laid out; displays itself in a cell, or in a tab of its own, as often as one likes.

    Dashboards of one session share their widgets, so a second one costs nothing. When the last of them has been
    deleted, or is replaced by that of another session, the widgets go.
    """

    def __init__(self, session: Desk) -> None:
        """Show a session.

        Args:
            session: Whose panels. One that a notebook has given a name lives as long as that name: its dashboards do
                not keep it from being closed when the name is deleted, or given to another session.
        """
        self._page = _page_of(session)
        _NEWEST[:] = [weakref.ref(self)]
        self._kept = None if _is_named(session) else session
        self._release = weakref.finalize(self, _leave, self._page)
        self._release.atexit = False

    @property
    def widget(self) -> Any:
        """What is displayed."""
        return self._page.widget

    @property
    def opened(self) -> bool:
        """Whether it, or another dashboard of the same session, has a tab of its own."""
        return self._page.opened_by is not None

    @property
    def hellos(self) -> Cell[int]:
        """Counts the pages that have drawn it, each time anew when one is loaded again."""
        return self._page.hellos

    def open(self, *, beside: bool = False) -> None:
        """Show it in a tab of JupyterLab that it fills; the same again when the page is loaded anew.

        A tab of the same session that was opened before is replaced.

        Args:
            beside: Whether to stand to the right of the notebook instead of in a tab after it.
        """
        # The tab shows it, whether or not a notebook keeps a name for it.
        self._page.opened_by = self
        self._page.open("Steering", "split-right" if beside else "tab-after")

    def close(self) -> None:
        """Take it off the screen, unless another dashboard shows the same session; the session stays open."""
        if self._page.opened_by is self:
            self._page.opened_by = None
            self._page.shut()
        self._release()

    def _repr_mimebundle_(self, **_: object) -> Any:
        """Display, as IPython asks."""
        return self._page.widget._repr_mimebundle_()


def show_newest() -> None:
    """Open the dashboard that was made last in a tab, unless it has one; for a page that reconnects."""
    newest = _NEWEST[0]() if _NEWEST else None
    if newest is None:
        message = "This cell makes no dashboard. Run the notebook's cells from the first."
        raise SteeringError(message)
    if not newest.opened:
        newest.open()


def _page_of(session: Desk) -> "Page":
    # Plots and tables load slowly, and only who shows something needs them.
    from steering_widgets.pages.page import Page
    from steering_widgets.parts.opening import opened_together

    with _LOCK:
        for key, (owner, page) in list(_PAGES.items()):
            if owner() is None:
                # Its session has gone; whoever still holds a dashboard of it sees an empty cell.
                del _PAGES[key]
                page.close()
        held = _PAGES.get(id(session))
        if held is None:
            shown = _Shown(session)
            with opened_together():
                page = Page(cast("Desk", shown), shown.is_gone)
            page.follow()
            held = _PAGES[id(session)] = weakref.ref(session), page
        held[1].users += 1
        return held[1]


class _Shown:
    """A session for its panels: they do not keep it from going when nobody else holds it."""

    def __init__(self, session: Desk) -> None:
        self._session = weakref.ref(session)
        self.board = session.board

    def is_gone(self) -> bool:
        """Say whether nobody holds the session any more."""
        return self._session() is None

    def __getattr__(self, name: str) -> Any:
        session = self._session()
        if session is None:
            message = "This session was deleted, or replaced by another one. Run the cell that shows the dashboard."
            raise SteeringError(message)
        return getattr(session, name)


def _leave(page: "Page") -> None:
    # Whoever lets go may be any thread at any moment, one that holds the lock among them, or the ticker's own.
    threading.Thread(target=_let_go, args=(page,), name="steering-page", daemon=True).start()


def _let_go(page: "Page") -> None:
    with _LOCK:
        page.users -= 1
        if page.users > 0:
            return
        for key, (_, one) in list(_PAGES.items()):
            if one is page:
                del _PAGES[key]
    page.close()


def _is_named(session: Desk) -> bool:
    """Say whether a session is a variable of the notebook, which then decides how long it lives."""
    return any(value is session for value in list(vars(sys.modules["__main__"]).values()))
