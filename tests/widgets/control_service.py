"""The service's ``/control`` WebSocket over a fake desk, on threads of its own."""

import json
import threading
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from steering.core.action import Abort, Action, Pause, Resume
from tests.widgets.fake import FakeDesk

TOKEN = "token-of-this-test"
_ACTIONS: dict[str, Action] = {"pause": Pause(), "resume": Resume(), "abort": Abort("from the page")}


def serve_control(desk: FakeDesk) -> None:
    """Serve a desk and tell it the address."""

    def handle(socket: ServerConnection) -> None:
        hello = json.loads(socket.recv())
        if hello.get("kind") != "hello" or hello.get("token") != TOKEN:
            socket.close(4401, "The token is missing, unknown or has run out.")
            return
        lock = threading.Lock()

        def push() -> None:
            seen = -1
            try:
                while True:
                    news = desk.board.status.newer(seen)
                    if news is not None:
                        seen, status = news
                        say = {"kind": "status", "state": status.state, "points_done": status.points_done}
                        with lock:
                            socket.send(json.dumps(say | {"points_left": status.points_left}))
                    threading.Event().wait(0.05)
            except ConnectionClosed:
                return

        threading.Thread(target=push, daemon=True).start()
        for text in socket:
            message: dict[str, Any] = json.loads(text)
            ruling = desk.propose(_ACTIONS[message["action"]["kind"]])
            answer = {"kind": ruling.kind, "verdict": ruling.verdict, "reason": ruling.reason, "id": message["id"]}
            with lock:
                socket.send(json.dumps({"kind": "ruling", "ruling": answer}))

    server = serve(handle, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    desk.address = {"port": str(server.socket.getsockname()[1]), "token": TOKEN}
