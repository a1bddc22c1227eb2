"""Pause, resume, finish and abort, past a busy kernel.

While a cell blocks the kernel a click on an ordinary widget waits for the cell. So the page itself talks to the
beamline service, over a WebSocket through jupyter-server-proxy, and sees within seconds when that link is dead. Where
the service is not on the Jupyter server's machine, the kernel does it, and asks once more if it was busy.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import traitlets

from steering.core.action import Abort, Action, Finish, Pause, Resume
from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.errors import SteeringError
from steering.core.status import BeamlineStatus
from steering_widgets.parts.heard import HeardWidget, code
from steering_widgets.parts.press import PRESS_CODE, Presses

_LOG = logging.getLogger(__name__)


def _always() -> bool:
    """Nothing is written beside these buttons."""
    return True


_ACTIONS: dict[str, Action] = {
    "pause": Pause(),
    "resume": Resume(),
    "finish": Finish(),
    "abort": Abort("aborted from the notebook"),
}


class ControlBar(HeardWidget):
    """Four buttons and a line of text; the token never becomes a synced trait, so it is in no saved notebook.

    Attributes:
        state: The beamline's, for pages that cannot reach the service themselves.
        problem: Why they cannot, or empty.
        asking: What waits for a person's answer, in a sentence; empty if nothing does.
        wrong: What has gone wrong last on the session's side, likewise.
        hellos: Counts the views that have said that they are there.
    """

    _esm = code(PRESS_CODE, Path(__file__).with_name("alerts.js"), Path(__file__).with_name("control.js"))
    state = traitlets.Unicode().tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)
    asking = traitlets.Unicode().tag(sync=True)
    wrong = traitlets.Unicode().tag(sync=True)

    def __init__(self, desk: Desk) -> None:
        """Build it on a desk."""
        super().__init__()
        self._desk = desk
        self._presses = Presses(self.send, self._act, lambda: _always)
        self.hellos: Cell[int] = Cell(0)
        self._asker, self._warned = "", ""
        self.add_class("st-control")
        self.on_msg(self._receive)

    def write(self, status: BeamlineStatus) -> None:
        """Show a state to pages that cannot reach the service themselves."""
        if self.state != status.state:
            self.state = status.state

    def ask(self, who: str, sentence: str) -> None:
        """Say what waits for a person's answer, such as a suggestion; an empty sentence if nothing does.

        Whoever asks is told of once: with each result an agent may word anew what it asks for.
        """
        if who != self._asker or not (sentence and self.asking):
            self._asker, self.asking = who, sentence

    def warn(self, sentences: str) -> None:
        """Say what is wrong; of several sentences the newest is the first. What is left of them is no news."""
        said, self._warned = self._warned, sentences
        self.wrong = "" if sentences in said else sentences

    def close(self) -> None:
        """Take it off the screen."""
        self._presses.close()
        super().close()

    def _receive(self, _: object, content: Mapping[str, Any], buffers: object) -> None:
        del buffers
        if self._presses.receive(content):
            return
        if content.get("kind") != "hello":
            _LOG.warning("a control bar sent a message of unknown kind %r", content.get("kind"))
            return
        self.hellos.set(self.hellos.value + 1)
        try:
            address = dict(self._desk.control_address())
            self.problem = ""
        except (SteeringError, TimeoutError) as error:
            address, self.problem = {}, str(error)
        self.send({"kind": "address", "view": content.get("view"), **address})

    def _act(self, name: str) -> str:
        try:
            ruling = self._desk.propose(_ACTIONS[name])
        except (SteeringError, TimeoutError) as error:
            return str(error) or "The session did not answer in time. Try again."
        return ruling.reason if not ruling.accepted else f"{ruling.kind} accepted."
