"""The service's ``/control`` WebSocket over a fake desk: the real one, on a thread of its own."""

import socket
import threading
from types import SimpleNamespace
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket

from steering.machine.loading import loading

# As the service loads it: this kernel is nobody's.
with loading():
    import event_model  # noqa: F401  (for what it loads in turn)

from steering.beamline.control import serve_control as serve
from steering.beamline.pace import STEERING, Paces
from steering.beamline.tokens import Person, Tokens
from steering.core.action import Abort, Action, Finish, Pause, Resume
from steering.core.proposal import Ruling
from tests.widgets.fake import FakeDesk

_ACTIONS: dict[str, Action] = {
    "pause": Pause(),
    "resume": Resume(),
    "finish": Finish(),
    "abort": Abort("from the page"),
}


def serve_control(desk: FakeDesk) -> str:
    """Serve a desk and tell it the address; returns the token."""
    tokens = Tokens()
    token = tokens.issue("ana", frozenset(("read", "operate")))
    beamline = SimpleNamespace(status=lambda: desk.board.status.value)

    def judge(_: Any, content: Any, __: Person) -> Ruling:
        return desk.propose(_ACTIONS[content["action"]["kind"]])

    async def control(websocket: WebSocket) -> None:
        await serve(websocket, beamline, tokens, judge, Paces(), lambda _: STEERING)

    app = FastAPI()
    app.add_api_websocket_route("/control", control)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    threading.Thread(target=server.run, args=([listening],), daemon=True).start()
    desk.address = {"port": str(listening.getsockname()[1]), "token": token}
    return token
