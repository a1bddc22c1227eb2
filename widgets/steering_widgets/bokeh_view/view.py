"""A Bokeh plot in a notebook: one small view of ours.

jupyter_bokeh 4.1.0 echoes every change back, loses rows between threads and shows stale second views, so plots
travel through one anywidget instead: one message a patch with all its buffers, a fresh snapshot for each view, and
what is done in one view reaches the others. BokehJS comes from the installed package, once a page, over the same
channel: no CDN, and nothing of it is saved in the notebook.
"""

import json
import logging
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any

import bokeh
import traitlets
from bokeh.core.json_encoder import serialize_json
from bokeh.document import Document
from bokeh.document.events import DocumentPatchedEvent
from bokeh.model import Model
from bokeh.protocol import Protocol

from steering.core.cell import Cell
from steering_widgets.parts.heard import HeardWidget, code

_HERE = Path(__file__).parent
_LOG = logging.getLogger(__name__)


@cache
def _bokeh_source() -> bytes:
    return (Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js").read_bytes()


class BokehView(HeardWidget):
    """Shows one Bokeh model, in any number of views.

    All changes of the model from Python must be made within :meth:`edit`.

    Attributes:
        zoomed: The axes, ``"x"`` and ``"y"``, along which a person has zoomed or moved a view last; each time anew.
    """

    _esm = code(*(_HERE / name for name in ("calm_styles.js", "company.js", "drags.js", "view.js")))
    _css = _HERE / "view.css"
    bokeh_version = traitlets.Unicode(bokeh.__version__).tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)

    def __init__(self, root: Model, *, label: str, shared: Sequence[Model] = ()) -> None:
        """Show a model.

        Args:
            root: A figure or layout.
            label: What it shows, for screen readers: Bokeh says nothing to them.
            shared: Models whose changes in a browser count: they reach Python and the other views. All else that
                happens in a view, such as zooming, stays there.
        """
        super().__init__(label=label)
        self._lock = RLock()
        self._held: list[DocumentPatchedEvent] = []
        self._editing = False
        self._shared = [model.id for model in shared]
        self.zoomed: Cell[frozenset[str]] = Cell(frozenset())
        self._axes_held: list[str] = []
        self._document = Document()
        self._document.add_root(root)
        self._document.on_change_dispatch_to(self)
        self.on_msg(self._receive)

    @contextmanager
    def edit(self) -> Generator[None]:
        """Change the model: other threads wait, and all changes leave in one message at the end."""
        with self._lock:
            outer, self._editing = self._editing, True
            try:
                yield
            finally:
                self._editing = outer
                if not outer:
                    self._flush()

    def hold(self, axes: Collection[str]) -> None:
        """Have each view keep what it shows along some axes, and follow all data along the others.

        Args:
            axes: Of ``"x"`` and ``"y"``.
        """
        with self._lock:
            self._axes_held = sorted(axes)
            self.send({"kind": "hold", "axes": self._axes_held})

    def _document_patched(self, event: DocumentPatchedEvent) -> None:
        """Take a change from Bokeh (which calls this method by its name)."""
        if event.setter is self:
            return
        with self._lock:
            self._held.append(event)
            if not self._editing:
                self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        events, self._held = self._held, []
        message = Protocol().create("PATCH-DOC", events)
        buffers = message.buffers
        self.send(
            {"kind": "patch", "patch": json.loads(message.content_json), "ids": [item.ref["id"] for item in buffers]},
            [item.to_bytes() for item in buffers],
        )

    def _receive(self, _: object, content: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        del buffers  # views send their patches with arrays as base64
        match content.get("kind"):
            case "source":
                # That it was asked for is known at once; what was asked for takes a second to come.
                self.send({"kind": "coming", "view": content["view"]})
                self.send({"kind": "source", "view": content["view"]}, [_bokeh_source()])
            case "hello":
                with self._lock:
                    snapshot = json.loads(serialize_json(self._document.to_json(deferred=False)))
                    told = {"document": snapshot, "shared": self._shared, "axes": self._axes_held}
                    self.send({"kind": "snapshot", "view": content["view"], **told})
            case "patch":
                with self.edit():
                    self._document.apply_json_patch(content["patch"], setter=self)
                    self.send({"kind": "patch", "patch": content["patch"], "ids": [], "not": content["view"]})
            case "zoomed":
                self.zoomed.set(frozenset(str(axis) for axis in content["axes"]) & {"x", "y"})
            case other:
                _LOG.warning("a Bokeh view sent a message of unknown kind %r", other)
