"""Stands before every route: nothing of a request is read before its token is known, and then so much only.

The routes themselves know scopes; here it is about who is let in at all, how much is read, and how often.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import orjson

from steering.beamline.pace import FORECASTING, READING, Pace, Paces
from steering.beamline.reading import BODY_BYTES
from steering.beamline.tokens import Person, Tokens
from steering.service.wire import RECORD_PREFIX

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

# A description of the routes, without any content.
_OPEN = ("/docs", "/openapi.json", "/docs/oauth2-redirect")
_RECORD_BYTES = 1 << 20
# Where it is asked what actions would do.
FORECASTS = "/forecasts"
# A route says so in its request's state that it refused what it answers with a ruling, and no error.
REFUSED = "refused"
_FIRST_REFUSAL = 400
_MISSING = "The token is missing, unknown or has run out. Ask for a new one."


class Gate:
    """An ASGI application around another."""

    def __init__(self, app: App, tokens: Tokens, pace_of: Callable[[Person], Pace], paces: Paces) -> None:
        """Stand before an application.

        Args:
            app: The routes.
            tokens: Who may come in.
            pace_of: How often somebody may ask for a change now.
            paces: Where it is counted.
        """
        self._app = app
        self._tokens = tokens
        self._pace_of = pace_of
        self._paces = paces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            # WebSockets say who they are in their own way, and are asked before anything else.
            await self._app(scope, receive, send)
            return
        if scope["method"] == "GET" and scope["path"] in _OPEN:
            await self._app(scope, receive, send)
            return
        person = self._tokens.person(_token(scope))
        if person is None:
            await self._turn_away(send, 401, _MISSING)
            return
        changes = scope["method"] not in ("GET", "HEAD") and not str(scope["path"]).startswith(RECORD_PREFIX)
        pace = self._pace_of(person) if changes else READING
        if scope["path"] == FORECASTS:
            pace = FORECASTING
        refused = await self._paces.turn(person.name, pace)
        if refused is None:
            await self._turn_away(send, 429, f"{person.name} asks too often. Wait a second.")
            return
        allowed = _RECORD_BYTES if str(scope["path"]).startswith(RECORD_PREFIX) else BODY_BYTES
        if _length(scope) > allowed:
            await _refuse(send, 413, f"The message is too large. Allowed: at most {allowed} bytes.")
            return
        answer = _Answer(send)
        state = scope.setdefault("state", {})
        await self._app(scope, _Counted(receive, allowed), answer)
        if answer.status < _FIRST_REFUSAL and not state.get(REFUSED):
            refused.give_back()

    async def _turn_away(self, send: Send, status: int, message: str) -> None:
        await self._paces.turn_away()
        await _refuse(send, status, message)


class _Answer:
    """Sends an answer, and knows its status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
        await self._send(message)


class TooLargeError(Exception):
    """A body without a stated length went on and on."""


class _Counted:
    """What is received, up to a size."""

    def __init__(self, receive: Receive, allowed: int) -> None:
        self._receive = receive
        self._left = allowed

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise TooLargeError
        return message


def token_of(header: str) -> str:
    """Return the token of an ``Authorization`` header; empty if it has none."""
    scheme, _, token = header.partition(" ")
    # Tiled's client, which reads the record, has a scheme of its own.
    return token if scheme.lower() in ("bearer", "apikey") else ""


def _token(scope: Scope) -> str:
    found = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    return token_of(found.decode("latin-1"))


def _length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


async def _refuse(send: Send, status: int, detail: str) -> None:
    body = orjson.dumps({"detail": detail})
    # What was not read must not be taken for the next request.
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
