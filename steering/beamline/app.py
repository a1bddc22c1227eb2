"""The service's HTTP and WebSocket face. Thin: every decision is made in :class:`steering.beamline.service.Beamline`.

* ``GET /status``, ``/scans``, ``/journal`` and ``POST /runs``, ``/proposals``, ``/lease``, ``/tokens``, ``/shutdown``:
  bearer token in the ``Authorization`` header; described by OpenAPI at ``/docs``.
* ``WS /stream``: everything that is published, from the beginning of the run that is shown; same header.
* ``WS /control``: pause, resume and abort for a browser whose kernel is busy; the token comes in the first message,
  because a browser cannot set the header and a query would end up in logs.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, ValidationError

from steering.beamline.service import Beamline
from steering.beamline.sockets import serve_control, serve_stream
from steering.beamline.tokens import Person, Scope, Tokens
from steering.beamline.wire import dumps, read_proposal, unreadable
from steering.core.errors import SteeringError
from steering.core.frame import Frame
from steering.core.json import Json
from steering.core.proposal import Ruling

Value = TypeVar("Value")

_BEARER = HTTPBearer(auto_error=False)


class RunIn(BaseModel):
    """A scan to start: its name, and the parameters that differ from their defaults."""

    model_config = ConfigDict(extra="forbid")
    scan: str
    values: dict[str, float] = {}


class LeaseIn(BaseModel):
    """Take (``hold`` true) or release the lease."""

    model_config = ConfigDict(extra="forbid")
    hold: bool


class TokenIn(BaseModel):
    """A token for somebody: name, scopes, and for how many seconds."""

    model_config = ConfigDict(extra="forbid")
    name: str
    scopes: frozenset[Scope]
    lifetime: float = 3600.0


def build(
    beamline: Beamline, tokens: Tokens, newest: Callable[[], tuple[int, Frame | None]], stop: Callable[[], None]
) -> FastAPI:
    """Build the application.

    Args:
        beamline: What it serves.
        tokens: Who may do what.
        newest: Gives version and value of the newest preview frame.
        stop: Ends the service.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        beamline.hub.attach(asyncio.get_running_loop())
        yield

    app = FastAPI(title="steering beamline service", version="1", lifespan=lifespan)

    def bearer(scope: Scope) -> Callable[..., Person]:
        def check(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> Person:
            person = tokens.person(credentials.credentials) if credentials else None
            if person is None:
                raise HTTPException(401, "The token is missing, unknown or has run out. Ask for a new one.")
            if scope not in person.scopes:
                raise HTTPException(403, f"{person.name} may not {scope} here. Ask for a token with that scope.")
            return person

        return check

    @app.exception_handler(SteeringError)
    async def _refused(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 409)

    @app.get("/status", dependencies=[Depends(bearer("read"))])
    def _status() -> Response:
        return _json(beamline.status())

    @app.get("/scans", dependencies=[Depends(bearer("read"))])
    def _scans() -> Response:
        return _json(list(beamline.scans()))

    @app.get("/journal", dependencies=[Depends(bearer("read"))])
    def _journal() -> Response:
        _, entries = beamline.hub.since(-1, 0)
        return _json([entry.content for entry in entries if entry.kind == "ruling"])

    @app.post("/runs")
    def _start(run: RunIn, person: Annotated[Person, Depends(bearer("steer"))]) -> dict[str, str]:
        return {"run": beamline.start(run.scan, run.values, person.name)}

    @app.post("/proposals")
    async def _propose(request: Request, person: Annotated[Person, Depends(bearer("read"))]) -> Response:
        content = await _body(request)
        ruling = await asyncio.to_thread(judge_json, beamline, content, person)
        return _json(ruling)

    @app.post("/lease")
    def _lease(wish: LeaseIn, person: Annotated[Person, Depends(bearer("steer"))]) -> Response:
        lease = beamline.tenancy.take(person.name) if wish.hold else beamline.tenancy.release(person.name)
        beamline.hub.touch()
        return _json(lease)

    @app.post("/tokens")
    def _token(wish: TokenIn, person: Annotated[Person, Depends(bearer("read"))]) -> dict[str, str]:
        if not wish.scopes <= person.scopes or ("admin" not in person.scopes and wish.name != person.name):
            raise HTTPException(403, f"{person.name} cannot give away what {person.name} does not have.")
        return {"token": tokens.issue(wish.name, wish.scopes, min(wish.lifetime, 86400.0))}

    @app.post("/shutdown", dependencies=[Depends(bearer("admin"))])
    def _shutdown() -> dict[str, bool]:
        stop()
        return {"stopping": True}

    @app.websocket("/stream")
    async def _stream(socket: WebSocket) -> None:
        scheme, _, token = socket.headers.get("authorization", "").partition(" ")
        person = tokens.person(token) if scheme.lower() == "bearer" else None
        await serve_stream(socket, beamline, person, newest)

    @app.websocket("/control")
    async def _control(socket: WebSocket) -> None:
        await serve_control(socket, beamline, tokens, judge_json)

    # The decorators have registered them; naming them here says so to readers and to the type checker.
    app.state.routes_made = (
        _refused, _status, _scans, _journal, _start, _propose, _lease, _token, _shutdown, _stream, _control
    )  # fmt: skip
    return app


def judge_json(beamline: Beamline, content: Json, person: Person) -> Ruling:
    """Judge a proposal as it came: read it, check the scope, propose; whatever is wrong becomes a refusal."""
    try:
        proposal = read_proposal(content, person.name)
    except ValidationError as error:
        return beamline.refuse(unreadable(content, person.name, error, beamline.status().parameters))
    needed: Scope = "operate" if proposal.action.kind in ("pause", "resume", "abort") else "steer"
    if needed not in person.scopes:
        raise HTTPException(403, f"{person.name} may not {needed} here. Ask for a token with that scope.")
    return beamline.propose(proposal, person.name)


async def _body(request: Request) -> Json:
    try:
        return cast("Json", await request.json())
    except ValueError as error:
        raise HTTPException(400, f"The proposal is not JSON: {error}.") from error


def _json(content: Any) -> Response:
    return Response(dumps(content), media_type="application/json")
