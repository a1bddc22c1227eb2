"""A menu whose entries follow the data, and that keeps what a person chose."""

from collections.abc import Sequence
from threading import get_ident

import ipywidgets

from steering.core.cell import Cell
from steering_widgets.parts.place import Place


class Choice:
    """A menu of names.

    Attributes:
        widget: What is displayed.
    """

    def __init__(self, hook: str, label: str) -> None:
        """Begin without entries.

        Args:
            hook: CSS hook.
            label: What is chosen.
        """
        self.widget = ipywidgets.Dropdown(description=label)
        self.widget.add_class(hook)
        self.widget.observe(self._observed, "value")
        self._wanted: Cell[str] = Cell("")
        self._place = Place(self._wanted)
        self._place.advance()
        self._offered: tuple[str, ...] = ()
        # The thread that changes the menu: what it chooses meanwhile is nobody's choice.
        self._writer = 0

    @property
    def value(self) -> str:
        """What is chosen; empty while there is nothing."""
        return str(self.widget.value) if self.widget.value in self._offered else ""

    def advance(self) -> bool:
        """Say whether a person chose another one since this was last asked."""
        return self._place.advance()

    def offer(self, names: Sequence[str], usual: str) -> None:
        """Offer names; what was chosen stays chosen while it is among them, else the usual one is.

        What was chosen, or was the usual one at first, is chosen again once it is among them again: the first results
        of a run do not have all that the last ones of the run before had.
        """
        if tuple(names) == self._offered:
            return
        wanted = self._wanted.value
        self._offered = tuple(names)
        chosen = wanted if wanted in self._offered else usual
        self._writer = get_ident()
        # The menu itself falls back to nothing or to its first entry when its entries change.
        self.widget.options = self._offered
        self.widget.value = chosen if chosen in self._offered else None
        self._writer = 0
        if not wanted and self.value:
            self._wanted.set(self.value)
        self._place.advance()

    def put(self, name: str) -> None:
        """Choose one in a person's place."""
        if name in self._offered and self.widget.value != name:
            self.widget.value = name
            self._place.advance()

    def _observed(self, change: dict[str, object]) -> None:
        if isinstance(change["new"], str) and self._writer != get_ident():
            self._wanted.set(change["new"])
