"""The look of a panel: a titled card, and the style sheet that all of them share."""

from collections.abc import Sequence
from pathlib import Path

import anywidget
import ipywidgets

from steering_widgets.wording import escape

_HERE = Path(__file__).parent


class StyleSheet(anywidget.AnyWidget):
    """Brings ``card.css`` into the page; shows nothing itself."""

    _esm = "export default { render({ el }) { el.style.display = 'none'; } };"
    _css = _HERE / "card.css"


class Card(ipywidgets.VBox):
    """A panel's frame: title on the left, a short remark on the right, and a line for what went wrong.

    Attributes:
        remark: Short text at the right of the title.
        said: A sentence for the person, with the newest answer; empty hides its line.
    """

    def __init__(self, name: str, heading: str, children: Sequence[ipywidgets.Widget]) -> None:
        """Build it.

        Args:
            name: For the CSS hook ``st-panel-{name}``.
            heading: Title.
            children: Below the title.
        """
        self._heading = heading
        self._remark_text = ""
        self._head = ipywidgets.HTML()
        self._head.add_class("st-head")
        self._said = Line("st-said")
        super().__init__([StyleSheet(), self._head, *children, self._said])
        self._write_head()
        self.add_class("st-panel")
        self.add_class(f"st-panel-{name}")

    def remark(self, text: str) -> None:
        """Write a short text at the right of the title."""
        if text != self._remark_text:
            self._remark_text = text
            self._write_head()

    def say(self, text: str, kind: str = "error") -> None:
        """Show a sentence below the panel's content; empty hides it."""
        self._said.write(text, kind)

    def _write_head(self) -> None:
        self._head.value = (
            f'<div class="st-title" role="heading" aria-level="3">{escape(self._heading)}</div>'
            f'<div class="st-remark">{escape(self._remark_text)}</div>'
        )


class Line(ipywidgets.HTML):
    """A line of text that takes no room while it is empty, and that a screen reader announces."""

    def __init__(self, hook: str) -> None:
        """Begin empty and hidden."""
        super().__init__()
        self.add_class("st-line")
        self.add_class(hook)
        self._shown = ("", "")
        self.layout.display = "none"

    def write(self, text: str, kind: str = "plain") -> None:
        """Show a text; ``kind`` is ``"plain"``, ``"good"``, ``"warn"`` or ``"error"`` and sets its colour."""
        if (text, kind) == self._shown:
            return
        self._shown = (text, kind)
        self.value = f'<div class="st-{escape(kind)}" role="status" aria-live="polite">{escape(text)}</div>'
        self.layout.display = None if text else "none"


def button(hook: str, text: str, meaning: str, *, strong: bool = False) -> ipywidgets.Button:
    """Make a button with a CSS hook and a tooltip; a strong one is the panel's main action."""
    made = ipywidgets.Button(description=text, tooltip=meaning)
    made.add_class("st-button")
    made.add_class(hook)
    if strong:
        made.add_class("st-strong")
    return made


def send_again(widget: ipywidgets.Widget) -> None:
    """Send the states of a widget and of everything in it, save for those that bring their own code."""
    for child in getattr(widget, "children", ()):
        send_again(child)
    layout = getattr(widget, "layout", None)
    if isinstance(layout, ipywidgets.Layout):
        layout.send_state()
    if not isinstance(widget, anywidget.AnyWidget):
        widget.send_state()


def close_all(widget: ipywidgets.Widget) -> None:
    """Close a widget and everything in it: its layout and style are widgets too."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    for part in (getattr(widget, "layout", None), getattr(widget, "style", None)):
        if isinstance(part, ipywidgets.Widget):
            part.close()
    widget.close()
