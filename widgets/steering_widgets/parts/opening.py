"""Makes many widgets at once, and tells a page of each of them once.

A widget is told to a page when it is made, and again at each change: a page of a thousand widgets begins with two
thousand messages, of which one in two says what is old already. Within :func:`opened_together` nothing is told until
all are made. Each is then told after those that it holds, which is how a page can make it at once.
"""

import threading
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast
from uuid import uuid4

import comm
import ipywidgets

_LOCK = threading.RLock()


class _Waiting:
    """Stands for a widget's way to a page until all are made.

    Attributes:
        comm_id: The id that the way will have.
        widget: Whose way it is; None until that has it.
        said: What is not in its state, and is sent after it.
    """

    def __init__(self, comm_id: str) -> None:
        self.comm_id = comm_id
        self.widget: ipywidgets.Widget | None = None
        self.said: list[Mapping[str, Any]] = []

    def on_msg(self, callback: Any) -> None:
        """Learn whose it is: the widget wants to hear with it."""
        self.widget = callback.__self__

    def send(self, data: Mapping[str, Any], **parts: Any) -> None:
        """Keep a message, unless it is of the widget's state, which is told as it will be."""
        if data.get("method") == "custom":
            self.said.append({"data": data, **parts})

    def close(self) -> None:
        """Forget it: no page has heard of it."""
        self.widget = None


@contextmanager
def opened_together() -> Generator[None]:
    """Hold back what this thread's new widgets tell a page, until the block ends; then tell it in order.

    What other threads make meanwhile is told at once. Within another such block it does nothing.
    """
    with _LOCK:
        usual, thread = comm.create_comm, threading.get_ident()
        waiting: list[_Waiting] = []

        def create(*args: Any, **parts: Any) -> Any:
            if threading.get_ident() != thread:
                return usual(*args, **parts)
            waiting.append(_Waiting(parts.get("comm_id") or uuid4().hex))
            return waiting[-1]

        if getattr(usual, "holds_back", False):
            yield
            return
        create.holds_back = True  # type: ignore[attr-defined]
        comm.create_comm = create
        try:
            yield
        finally:
            comm.create_comm = usual
            begun: set[int] = set()
            for one in waiting:
                if one.widget is not None:
                    _open(one.widget, begun)


def _open(widget: Any, begun: set[int]) -> None:
    """Tell a page of a widget, after those that it holds."""
    way: object = widget.comm
    if not isinstance(way, _Waiting) or id(widget) in begun:
        return
    begun.add(id(widget))
    for name in widget.keys:
        for held in _widgets_in(getattr(widget, name)):
            _open(held, begun)
    widget.comm = None
    widget.open()  # under the id that it had
    opened: Any = widget.comm
    for message in way.said:
        opened.send(**message)


def _widgets_in(value: Any) -> Iterator[ipywidgets.Widget]:
    if isinstance(value, ipywidgets.Widget):
        yield value
    elif isinstance(value, list | tuple):
        for one in cast("Iterable[Any]", value):
            yield from _widgets_in(one)
