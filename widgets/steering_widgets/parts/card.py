"""The look of a panel: a titled card, and the style sheet that all of them share."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import anywidget
import ipywidgets

from steering_widgets.parts.calm import Calm
from steering_widgets.parts.heard import HeardWidget, code
from steering_widgets.parts.press import PRESS_CODE, Presses
from steering_widgets.parts.units import with_shown_units
from steering_widgets.parts.wording import escape

Kind = TypeVar("Kind", bound=ipywidgets.Widget)

_LOG = logging.getLogger(__name__)
_HERE = Path(__file__).parent


class StyleSheet(anywidget.AnyWidget):
    """Brings ``card.css`` into the page; shows nothing itself."""

    _esm = "export default { render({ el }) { el.style.display = 'none'; } };"
    _css = _HERE / "card.css"


class Guard(HeardWidget):
    """Takes the clicks on a card's buttons, so that none acts long after it was made; see ``press.js``.

    It also brings ``card.css`` into the page.
    """

    _esm = code(PRESS_CODE, _HERE / "focus.js", _HERE / "guard.js")
    _css = _HERE / "card.css"

    def __init__(self, card: ipywidgets.Widget) -> None:
        """Guard the buttons of a card."""
        super().__init__()
        self.add_class("st-guard")
        self._card = card
        self._presses = Presses(self.send, self._act, self._written)
        self.on_msg(self._receive)

    def close(self) -> None:
        """Take it off the screen."""
        self._presses.close()
        super().close()

    def _receive(self, _: object, content: Mapping[str, Any], buffers: object) -> None:
        del buffers
        if not self._presses.receive(content):
            _LOG.warning("a card sent a message of unknown kind %r", content.get("kind"))

    def _act(self, key: str) -> str:
        pressed = next((one for one in _inside(self._card, ipywidgets.Button) if one.model_id == key), None)
        if pressed is None or pressed.disabled:
            return "This cannot be done any more, so nothing was done."
        pressed.click()
        return ""

    def _written(self) -> Callable[[], bool]:
        fields = (*_inside(self._card, ipywidgets.Text), *_inside(self._card, ipywidgets.Dropdown))
        written = [(field, field.value) for field in fields]
        return lambda: all(field.value == value for field, value in written)


class Card(ipywidgets.VBox):
    """A panel's frame: title on the left, a short remark on the right, and a line for what went wrong.

    Attributes:
        name: Which panel it is.
        heading: Its title.
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
        self.name, self.heading = name, heading
        self._remark = Calm[tuple[str, str]](self._write_head, ("", ""))
        self._head = ipywidgets.HTML()
        self._head.add_class("st-head")
        self._said = Line("st-said")
        super().__init__()
        self.children = (self._head, *children, Guard(self), self._said)
        self._remark.write()
        self.add_class("st-panel")
        self.add_class(f"st-panel-{name}")

    def title(self, heading: str) -> None:
        """Write another title."""
        if heading != self.heading:
            self.heading = heading
            self._remark.write()

    def remark(self, text: str, html: str = "") -> None:
        """Write a short text at the right of the title, and behind it HTML such as an age that the page counts.

        Other words stand there at once; where only numbers have moved :meth:`settle` may write them a little later.
        """
        self._remark.put((text, html), f"{text}{bool(html)}")

    def settle(self) -> None:
        """Write what was put off, once it is due."""
        self._remark.settle()

    def say(self, text: str, kind: str = "error") -> None:
        """Show a sentence below the panel's content; empty hides it."""
        self._said.write(text, kind)

    def _write_head(self, remark: tuple[str, str]) -> None:
        text, html = remark
        self._head.value = (
            f'<div class="st-title" role="heading" aria-level="3">{escape(self.heading)}</div>'
            f'<div class="st-remark">{escape(text)}{html}</div>'
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
        # What was done is no news for long: the page takes it away when it is old.
        said = f' data-said="{time.time():.0f}"' if kind == "good" else ""
        shown = escape(with_shown_units(text))
        self.value = f'<div class="st-{escape(kind)}" role="status" aria-live="polite"{said}>{shown}</div>'
        self.layout.display = None if text else "none"


def button(hook: str, text: str, meaning: str, *, strong: bool = False, asks: bool = False) -> ipywidgets.Button:
    """Make a button of a card.

    Args:
        hook: CSS hook.
        text: What stands on it.
        meaning: Tooltip.
        strong: Whether it is the panel's main action.
        asks: Whether it asks whether its meaning is meant before it acts.
    """
    made = ipywidgets.Button(description=text, tooltip=meaning)
    names = ["st-button", "st-guarded", f"st-key-{made.model_id}", hook]
    for name in [*names, *(["st-strong"] if strong else []), *(["st-asks"] if asks else [])]:
        made.add_class(name)
    return made


def mark(widget: ipywidgets.DOMWidget, name: str, *, on: bool) -> None:
    """Give a widget a CSS class, or take it away."""
    if on:
        widget.add_class(name)
    else:
        widget.remove_class(name)


def _inside(widget: ipywidgets.Widget, kind: type[Kind]) -> Iterator[Kind]:
    """Find all widgets of a kind in a widget."""
    for child in getattr(widget, "children", ()):
        if isinstance(child, kind):
            yield child
        yield from _inside(child, kind)


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
