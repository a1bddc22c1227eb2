"""A menu whose entries follow the data, and that keeps what a person chose."""

from collections.abc import Sequence

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

    @property
    def value(self) -> str:
        """What is chosen; empty while there is nothing."""
        return str(self.widget.value) if self.widget.value in self._offered else ""

    def advance(self) -> bool:
        """Say whether a person chose another one since this was last asked."""
        return self._place.advance()

    def offer(self, names: Sequence[str], usual: str) -> None:
        """Offer names; what was chosen stays chosen while it is among them, else the usual one is."""
        if tuple(names) == self._offered:
            return
        # The menu itself falls back to nothing or to its first entry when its entries change.
        before = self.value or self._wanted.value
        self._offered = tuple(names)
        self.widget.options = self._offered
        chosen = before if before in self._offered else usual
        self.widget.value = chosen if chosen in self._offered else None
        self._place.advance()

    def put(self, name: str) -> None:
        """Choose one in a person's place."""
        if name in self._offered and self.widget.value != name:
            self.widget.value = name
            self._place.advance()

    def _observed(self, change: dict[str, object]) -> None:
        if isinstance(change["new"], str):
            self._wanted.set(change["new"])
