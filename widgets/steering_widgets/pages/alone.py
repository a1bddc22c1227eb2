"""Panels of a page that stand alone, each in a tab of its own."""

from collections.abc import Sequence

import ipywidgets

from steering_widgets.pages.window import Window
from steering_widgets.parts.card import Card, StyleSheet


class Alone:
    """The tabs of single panels. A panel in a tab is another view of the one in the page, and costs no second panel."""

    def __init__(self, page: ipywidgets.Box, presence: ipywidgets.Widget) -> None:
        """Begin without tabs.

        Args:
            page: In which the panels are.
            presence: Stands at the top of each tab too: it counts ages, and says when nothing there is live.
        """
        self._page = page
        self._presence = presence
        self._tabs: dict[str, tuple[Window, ipywidgets.VBox, StyleSheet]] = {}

    def open(self, name: str) -> str:
        """Open a panel in a tab; one that was opened before is replaced. Return why it cannot be, or an empty text."""
        card = _card(self._page.children, name)
        if card is None:
            return f"This page has no panel {name!r} to open in a tab."
        self._shut(name)
        sheet = StyleSheet()
        box = ipywidgets.VBox([sheet, self._presence, card])
        box.add_class("st-dashboard")
        box.add_class("st-alone")
        self._tabs[name] = Window(box, f"Steering: {card.heading}", "tab-after"), box, sheet
        return ""

    def close(self) -> None:
        """Close all tabs; what they showed lives on in the page."""
        for name in list(self._tabs):
            self._shut(name)

    def _shut(self, name: str) -> None:
        if name not in self._tabs:
            return
        window, box, sheet = self._tabs.pop(name)
        window.close()
        # Not its children: they are the page's.
        for one in (sheet, box.layout, box):
            one.close()


def _card(widgets: Sequence[ipywidgets.Widget], name: str) -> Card | None:
    for widget in widgets:
        if isinstance(widget, Card) and widget.name == name:
            return widget
        found = _card(getattr(widget, "children", ()), name)
        if found is not None:
            return found
    return None
