"""Pause, resume and abort past a busy kernel.

While a cell blocks the kernel a click on an ordinary widget waits for the cell. So the page itself talks to the
beamline service, over a WebSocket through jupyter-server-proxy.
"""

import logging
from collections.abc import Mapping
from typing import Any

from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.errors import SteeringError
from steering_widgets.heard import HeardWidget, code

_LOG = logging.getLogger(__name__)


class ControlBar(HeardWidget):
    """Three buttons and a line of text; the token never becomes a synced trait, so it is in no saved notebook.

    Attributes:
        hellos: Counts the views that have said that they are there.
    """

    _esm = code("control.js")

    def __init__(self, desk: Desk) -> None:
        """Build it on a desk."""
        super().__init__()
        self._desk = desk
        self.hellos: Cell[int] = Cell(0)
        self.add_class("st-control")
        self.on_msg(self._receive)

    def _receive(self, _: object, content: Mapping[str, Any], buffers: object) -> None:
        del buffers
        if content.get("kind") != "hello":
            _LOG.warning("a control bar sent a message of unknown kind %r", content.get("kind"))
            return
        self.hellos.set(self.hellos.value + 1)
        try:
            address = dict(self._desk.control_address())
            problem = "" if address else "The beamline service is not on this machine."
        except (SteeringError, TimeoutError) as error:
            address, problem = {}, str(error)
        self.send({"kind": "address", "view": content.get("view"), "problem": problem, **address})
