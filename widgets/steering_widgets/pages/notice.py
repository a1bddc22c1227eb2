"""A line that says what goes wrong on the session's side, until it is over or has been read."""

from collections.abc import Callable

import ipywidgets

from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import Guard, Line, button


class NoticeLine:
    """The sentences, and a button that takes them away.

    Attributes:
        widget: Takes no room while nothing is wrong.
    """

    def __init__(self, dismiss: Callable[[], None]) -> None:
        """Begin empty.

        Args:
            dismiss: Has the sentences forgotten.
        """
        self._line = Line("st-notice")
        self._dismiss = button("st-dismiss", "Dismiss", "Take this away; it comes again if it happens again")
        answer = Answer()
        self._dismiss.on_click(lambda _: answer.ask(dismiss))
        self.widget = ipywidgets.HBox([self._line, self._dismiss])
        self.widget.children = (*self.widget.children, Guard(self.widget))
        self.widget.add_class("st-notices")
        self.widget.add_class("st-panel")
        self.widget.layout.display = "none"

    def write(self, text: str) -> None:
        """Show sentences; none hides the line."""
        self._line.write(text, "warn")
        self.widget.layout.display = None if text else "none"
