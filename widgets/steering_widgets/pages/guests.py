"""Panels that others have installed, through the door ``steering.widgets``.

Each is built and refreshed in a thread of its own. So a panel that raises, hangs, or returns nonsense costs itself
only, and is named; the other panels go on.
"""

import inspect
import math
import threading
import time
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

import ipywidgets

from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.errors import said
from steering_widgets.pages.ticker import Ticker
from steering_widgets.parts.card import close_all
from steering_widgets.parts.place import Place
from steering_widgets.plots.look import Look

_OURS = "steering_widgets."
# A panel that has not answered for so long (seconds) is named.
PATIENCE = 5.0


class Guest:
    """A panel from elsewhere.

    Attributes:
        name: Its entry-point name.
        widget: Where it is shown.
        complaint: What is wrong with it, as a sentence; empty if nothing is.
        built: Whether it is there.
        shows: Whether it shows the result that is looked at.
    """

    def __init__(self, name: str, load: Callable[[], Any], desk: Desk, look: Look, seen: Callable[[], bool]) -> None:
        """Begin to build it.

        Args:
            name: Its entry-point name.
            load: Loads its class.
            desk: What it is built on.
            look: The analysis that is looked at, for a panel that takes one.
            seen: Says whether anybody sees the page.
        """
        self.name = name
        self.widget = ipywidgets.VBox()
        self.widget.add_class("st-guest")
        self.complaint = Cell("")
        self.built = Cell(False)  # noqa: FBT003  (a cell of a truth value)
        self.shows = Cell(False)  # noqa: FBT003  (as above)
        self._looked = Place(look.result)
        self._panel: Any = None
        self._ticker: Ticker | None = None
        self._since = math.inf
        self._closed = threading.Event()
        self._waiting = threading.Timer(PATIENCE, self._late)
        self._waiting.daemon = True
        self._waiting.start()
        work = threading.Thread(target=self._build, args=(load, desk, look, seen), name=f"steering-{name}", daemon=True)
        work.start()

    @property
    def of_results(self) -> bool:
        """Whether it is a panel of results: it then says which it shows."""
        return hasattr(self._panel, "fits")

    def refresh(self) -> bool:
        """Refresh the panel, in its own thread; what it raises is its own."""
        self._since = time.monotonic()
        try:
            if self.of_results and self._looked.advance():
                result = self._looked.value
                self.shows.set(result is not None and bool(self._panel.fits(result.outcome.data)))
            moved = bool(self._panel.refresh())
        except Exception as error:  # noqa: BLE001  (as above)
            self.complaint.set(f"The panel {self.name} cannot be shown: {said(error)}. The other panels go on.")
            return False
        finally:
            self._since = math.inf
        if self.complaint.value:
            self.complaint.set("")
        return moved

    def check(self) -> None:
        """Name it if it hangs."""
        if time.monotonic() - self._since > PATIENCE and not self.complaint.value:
            self.complaint.set(f"The panel {self.name} has not answered for {PATIENCE:g} s. The other panels go on.")

    def stop(self) -> None:
        """Refresh it no more; returns at once, whatever it does."""
        self._closed.set()
        self._waiting.cancel()
        if self._ticker is not None:
            self._apart(self._ticker.stop)

    def close(self) -> None:
        """Take it off the screen; one that hangs is left alone."""
        self.stop()
        if self._panel is not None:
            self._apart(self._panel.close)
        close_all(self.widget)

    def _apart(self, work: Callable[[], object]) -> None:
        threading.Thread(target=work, name=f"steering-{self.name}", daemon=True).start()

    def _build(self, load: Callable[[], Any], desk: Desk, look: Look, seen: Callable[[], bool]) -> None:
        try:
            make = load()
            panel = make(desk, look) if "look" in inspect.signature(make).parameters else make(desk)
            self.widget.children = (panel.widget,)
        except Exception as error:  # noqa: BLE001  (as above)
            self._waiting.cancel()
            self.complaint.set(f"The panel {self.name} cannot be built: {said(error)}. The other panels go on.")
            return
        self._waiting.cancel()
        self.complaint.set("")
        self._panel = panel
        self._ticker = Ticker((), (self,), (), self.complaint.set, seen)
        if self._closed.is_set():
            panel.close()
            return
        self._ticker.start()
        self.built.set(True)

    def _late(self) -> None:
        self.complaint.set(f"The panel {self.name} is not there after {PATIENCE:g} s. The other panels go on.")


def invite(desk: Desk, look: Look, seen: Callable[[], bool]) -> list[Guest]:
    """Begin to build each installed panel that is not ours."""
    strange = [point for point in entry_points(group="steering.widgets") if not point.value.startswith(_OURS)]
    return [Guest(point.name, point.load, desk, look, seen) for point in sorted(strange, key=lambda one: one.name)]
