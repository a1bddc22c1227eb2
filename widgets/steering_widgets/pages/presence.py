"""Whether anybody sees a dashboard, and whether what it shows is live; see ``presence.js``.

A view that is not shown costs nothing: while there is none, nothing is refreshed. Ages are counted in the page. When
the session is closed, the kernel has ended or cannot be reached, or the view is a saved one, the page says so and greys
what it shows.
"""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import traitlets

from steering.core.cell import BELLS, Cell
from steering_widgets.parts.heard import HeardWidget, code

_LOG = logging.getLogger(__name__)

# A dashboard that no page has asked for yet is kept up to date for so long (seconds): its page is on its way.
_FIRST_SECONDS = 60.0


class Presence(HeardWidget):
    """Stands at the top of a dashboard; shows a line only when what is below it is not live.

    Attributes:
        ended: Why nothing changes any more, or empty.
        holds: Whether who looks at it holds a lease that looking renews.
        scans: Whether a scan runs.
        looked: Counts how often a page has said that it is looked at.
        mended: Counts how often a page has made widgets anew that it could not make, and lacks what became of them.
        alone: The panels that a person wants in a tab of their own, in the order of the presses.
    """

    _esm = code(*(Path(__file__).with_name(name) for name in ("sight.js", "looking.js", "mend.js", "presence.js")))
    ended = traitlets.Unicode().tag(sync=True)
    holds = traitlets.Bool(default_value=False).tag(sync=True)
    scans = traitlets.Bool(default_value=False).tag(sync=True)
    _readings = 0

    def __init__(self) -> None:
        """Begin without a view."""
        super().__init__()
        # No trait: what a cell says is in its notebook already, and belongs into no other.
        self._again = written_now()
        self.alone: Cell[tuple[str, ...]] = Cell(())
        self.looked: Cell[int] = Cell(0)
        self.mended: Cell[int] = Cell(0)
        # The panels that each view has in sight; None until it has said so.
        self._views: dict[str, frozenset[str] | None] = {}
        self._seen = False
        self._made = time.monotonic()
        self.on_msg(self._receive)

    def open(self) -> None:
        """Tell pages of it; what that reads of the state does not count."""
        own: Any = super()
        own.open()
        self._readings = 0

    def get_state(self, key: Any = None, **how: Any) -> Any:
        """Return the state, and notice when all of it is asked for."""
        own: Any = super()
        self._readings += key is None
        return own.get_state(key, **how)

    @property
    def read(self) -> bool:
        """Whether a page has read the whole state, as one does that is loaded when the widget is there already."""
        return self._readings > 0

    @property
    def seen(self) -> bool:
        """Whether there is a view, or may soon be the first one."""
        return bool(self._views) or (not self._seen and time.monotonic() - self._made < _FIRST_SECONDS)

    def sees(self, panel: str) -> bool:
        """Say whether a panel is in sight of any view. One that has not said yet may see all."""
        # A copy: messages come in on another thread than that which refreshes.
        views = tuple(self._views.values())
        return not views or any(seen is None or panel in seen for seen in views)

    def _receive(self, _: object, content: Mapping[str, Any], buffers: object) -> None:
        del buffers
        view = str(content.get("view"))
        match content.get("kind"):
            case "here":
                self._seen = True
                self._views.setdefault(view, None)
                clock = {"now": time.time(), "asked": content.get("asked")}
                self.send({"kind": "clock", "view": view, "again": self._again, **clock})
            case "looking":
                self.looked.set(self.looked.value + 1)
            case "mended":
                self.mended.set(self.mended.value + 1)
            case "alone":
                self.alone.set((*self.alone.value, str(content.get("panel"))))
            case "sees":
                if view in self._views:
                    self._views[view] = frozenset(map(str, content.get("panels", ())))
            case "left":
                self._views.pop(view, None)
            case other:
                _LOG.warning("a dashboard sent a message of unknown kind %r", other)
        BELLS.ring()


def written_now() -> str:
    """Return the code of the cell that runs now: what a person would run again after a restart; empty if none does."""
    from IPython.core.getipython import get_ipython

    # Of a kernel only; a plain IPython has no request that it answers.
    shell: Any = get_ipython()
    request: Any = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return str(request.get("content", {}).get("code", ""))
