"""The page's side of a widget, for tests without a browser."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, cast

import ipywidgets


class Views:
    """Hears what a widget sends and says what a page would say.

    Attributes:
        sent: Messages with their buffers, oldest first.
    """

    def __init__(self, widget: ipywidgets.Widget) -> None:
        self._widget = widget
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        widget.send = self._hear

    def _hear(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        self.sent.append((content, list(buffers or [])))

    def say(self, **content: Any) -> None:
        self._widget._handle_custom_msg(content, [])

    def heard(self, kind: str) -> list[dict[str, Any]]:
        return [content for content, _ in self.sent if content["kind"] == kind]


class ImageViews(Views):
    """Hears what an image sends, and says what its views would."""

    def look(self, window: Sequence[int] = (0, 0, 0, 0), size: float = 64, *, name: str = "a") -> None:
        """Have a view look at a part of the frame, with as many pixels of its own along each side."""
        self.say(kind="view", view=name, width=size, height=size, visible=True, window=list(window))

    def paint(self) -> tuple[dict[str, Any], list[bytes]]:
        """Paint all that was sent, and give the last of it with its buffers."""
        for message in self.heard("image"):
            self.say(kind="painted", view=message["view"], serial=message["serial"])
        return next(one for one in reversed(self.sent) if one[0]["kind"] == "image")


def refreshed(panel: Any, condition: Callable[[], bool]) -> None:
    """Refresh a panel until a condition holds: what was read comes from another thread."""
    tick = threading.Event()
    for _ in range(500):
        panel.refresh()
        if condition():
            return
        tick.wait(0.01)
    assert condition()


def find(widget: ipywidgets.Widget, hook: str) -> Any:
    """Find the widget with a CSS hook."""
    found = _find(widget, hook)
    if found is None:
        raise LookupError(f"no widget has the hook {hook}")
    return found


def _find(widget: ipywidgets.Widget, hook: str) -> ipywidgets.Widget | None:
    if hook in getattr(widget, "_dom_classes", ()):
        return widget
    for child in getattr(widget, "children", ()):
        found = _find(child, hook)
        if found is not None:
            return found
    return None


def is_shown(widget: ipywidgets.Widget, hook: str) -> bool:
    """Say whether the widget with a CSS hook, and all that it is in, takes part in the page."""
    hidden = cast("Any", widget).layout.display == "none" if isinstance(widget, ipywidgets.DOMWidget) else False
    if hidden:
        return False
    if hook in getattr(widget, "_dom_classes", ()):
        return True
    return any(is_shown(child, hook) for child in getattr(widget, "children", ()))


def text_of(widget: ipywidgets.Widget) -> str:
    """Everything that a panel says in HTML, shown or not."""
    own = widget.value if isinstance(widget, ipywidgets.HTML) else ""
    return own + "".join(text_of(child) for child in getattr(widget, "children", ()))
