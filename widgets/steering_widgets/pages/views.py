"""Which panel shows the result that is looked at: each says what it can show, and the best that can is shown."""

from collections.abc import Sequence
from typing import Protocol

import ipywidgets
import xarray as xr

from steering.core.result import Result
from steering_widgets.pages.guests import Guest
from steering_widgets.parts.card import Card, close_all
from steering_widgets.parts.choice import Choice


class ResultPanel(Protocol):
    """A panel of results."""

    @property
    def widget(self) -> Card:
        """Where it is shown."""
        ...

    @staticmethod
    def fits(data: xr.Dataset) -> bool:
        """Say whether a result has something to show here."""
        ...

    def refresh(self) -> bool:
        """Pull newer versions; say whether anything changed."""
        ...


class View:
    """A panel of ours among the views; one that is not shown does nothing.

    Attributes:
        name: What the menu calls it.
        panel: The panel.
        place: Where it stands in the page; hidden unless it is the one. The panel may be seen in a tab of its own too.
        shown: Whether it is the one.
        alone: Whether it is seen in a tab of its own.
    """

    def __init__(self, name: str, panel: ResultPanel) -> None:
        """Begin hidden."""
        self.name = name
        self.panel = panel
        self.place = ipywidgets.Box([panel.widget])
        self.place.add_class("st-place")
        self.shown = True
        self.alone = False

    def refresh(self) -> bool:
        """Refresh the panel if it is seen."""
        return (self.shown or self.alone) and self.panel.refresh()


class Views:
    """Ours, the best first, and those that others have installed, which go before ours.

    Attributes:
        widget: A menu of the views that fit; there only if there is something to choose.
    """

    def __init__(self, views: Sequence[View], guests: Sequence[Guest]) -> None:
        """Begin with the first view shown."""
        self._views = tuple(views)
        self._guests = tuple(guests)
        self._choice = Choice("st-view", "View")
        self._picked = ""
        self.widget = ipywidgets.HBox([self._choice.widget])
        self.widget.add_class("st-look")
        self.widget.layout.display = "none"

    def advance(self) -> bool:
        """Say whether a person chose another one since this was last asked."""
        chosen = self._choice.advance()
        if chosen:
            self._picked = self._choice.value
        return chosen

    def show(self, result: Result | None, usual: str) -> None:
        """Show the panel that fits a result.

        Args:
            result: The newest one of what is looked at.
            usual: Name of the view while there is no result.
        """
        own = {view.name: view for view in self._views if result is not None and view.panel.fits(result.outcome.data)}
        strange = {guest.name: guest for guest in self._guests if result is not None and guest.shows.value}
        names = (*strange, *(name for name in own if name not in strange))
        if result is not None:
            self._choice.offer(names, next(iter(names), ""))
            if self._picked not in names:
                # What only was the best before is no person's choice.
                self._choice.put(next(iter(names), ""))
            # Between two runs there is no result: the menu stays, so that nothing on the page jumps.
            self.widget.layout.display = None if len(names) > 1 else "none"
        wanted = (self._choice.value or next(iter(names), "")) if result is not None else usual
        for view in self._views:
            view.shown = view.name == wanted and wanted not in strange
            view.place.layout.display = None if view.shown else "none"
            view.panel.widget.layout.display = None if view.shown or view.alone else "none"
        for guest in self._guests:
            chosen = guest.name in strange and guest.name == wanted
            guest.widget.layout.display = None if chosen or not guest.of_results else "none"

    def close(self) -> None:
        """Take the menu off the screen."""
        close_all(self.widget)
