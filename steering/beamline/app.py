"""The service's HTTP and WebSocket face. Thin: every decision is made in :class:`steering.beamline.service.Beamline`.

* ``GET /status``, ``/scans``, ``/journal`` and ``POST /runs``, ``/proposals``, ``/lease``, ``/tokens``, ``/shutdown``:
  bearer token in the ``Authorization`` header; described by OpenAPI at ``/docs``.
* ``WS /stream``: everything that is published, from the beginning of the run that is shown; same header.
* ``WS /control``: pause, resume, finish and abort for a browser whose kernel is busy; the token comes in the first
  message, because a browser cannot set the header and a query would end up in logs.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, cast

from fastapi import Depends, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, ValidationError

from steering.beamline.control import serve_control
from steering.beamline.record_door import RecordDoor
from steering.beamline.service import Beamline
from steering.beamline.sockets import serve_stream
from steering.beamline.tenancy import Wish
from steering.beamline.tokens import Person, Scope, Tokens
from steering.beamline.wire import RECORD_PREFIX, ProposalIn, dumps, read_proposal, unreadable
from steering.core.errors import SteeringError
from steering.core.frame import Frame
from steering.core.json import Json
from steering.core.proposal import Ruling

Newest = Callable[[], tuple[int, Frame | None]]

_BEARER = HTTPBearer(auto_error=False)
_LONGEST_LIFE = 7 * 86400.0
# What the scope "operate" allows. The guard asks for the lease besides, but for a pause or an abort.
OPERATED = ("pause", "resume", "finish", "abort")


class RunIn(BaseModel):
    """A scan to start: its name, and the parameters that differ from their defaults."""

    model_config = ConfigDict(extra="forbid")
    scan: str
    values: dict[str, float] = {}


class LeaseIn(BaseModel):
    """Take, release, ask for, hand over (to who asks) or keep (from who asks) the lease."""

    model_config = ConfigDict(extra="forbid")
    wish: Wish


class TokenIn(BaseModel):
    """A token for somebody: name, scopes, and for how many seconds."""

    model_config = ConfigDict(extra="forbid")
    name: str
    scopes: frozenset[Scope]
    lifetime: float = 3600.0


class Face:
    """The routes of one beamline."""

    def __init__(
        self,
        beamline: Beamline,
        tokens: Tokens,
        newest: Newest,
        stop: Callable[[], None],
        record: RecordDoor | None = None,
    ) -> None:
        """Wire the routes.

        Args:
            beamline: What is served.
            tokens: Who may do what.
            newest: Gives version and value of the newest preview frame.
            stop: Ends the service.
            record: Of its runs, if there is one.
        """
        self._record = record
        self._beamline = beamline
        self._tokens = tokens
        self._newest = newest
        self._stop = stop

    def build(self) -> FastAPI:
        """Build the application."""

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
            self._beamline.hub.attach(asyncio.get_running_loop())
            yield
            if self._record is not None:
                await self._record.close()

        app = FastAPI(title="steering beamline service", version="1", lifespan=lifespan)
        app.add_exception_handler(SteeringError, _refused)
        read, steer, admin = self.bearer("read"), self.bearer("steer"), self.bearer("admin")
        app.add_api_route("/status", self.status, dependencies=[read])
        app.add_api_route("/scans", self.scans, dependencies=[read])
        app.add_api_route("/journal", self.journal, dependencies=[read])
        app.add_api_route("/runs", self.start, methods=["POST"], dependencies=[steer])
        described = {"requestBody": {"content": {"application/json": {"schema": ProposalIn.model_json_schema()}}}}
        app.add_api_route("/proposals", self.propose, methods=["POST"], dependencies=[read], openapi_extra=described)
        app.add_api_route("/lease", self.lease, methods=["POST"], dependencies=[steer])
        app.add_api_route("/tokens", self.token, methods=["POST"], dependencies=[read])
        app.add_api_route("/shutdown", self.shutdown, methods=["POST"], dependencies=[admin])
        app.add_api_route("/frames", self.frames, dependencies=[read])
        methods = ["GET", "HEAD", "POST"]
        app.add_api_route(f"{RECORD_PREFIX}/{{rest:path}}", self.record, methods=methods, dependencies=[read])
        app.add_api_websocket_route("/stream", self.stream)
        app.add_api_websocket_route("/control", self.control)
        return app

    def bearer(self, scope: Scope) -> Any:
        """Make the dependency that lets in bearers of tokens with a scope."""

        def check(
            request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
        ) -> None:
            # Tiled's client has a scheme of its own.
            scheme, _, key = request.headers.get("authorization", "").partition(" ")
            given = credentials.credentials if credentials else key if scheme.lower() == "apikey" else ""
            person = self._tokens.person(given) if given else None
            if person is None:
                raise HTTPException(401, "The token is missing, unknown or has run out. Ask for a new one.")
            _need(person, scope)
            request.state.person = person

        return Depends(check)

    def status(self) -> Response:
        """Say how things are: a ``BeamlineStatus``."""
        return _json(self._beamline.status())

    def scans(self) -> Response:
        """Describe what can be started: a list of ``ScanDescription``."""
        return _json(list(self._beamline.scans()))

    def journal(self) -> Response:
        """List the rulings of the shown run, oldest first; a ruling comes again when it is applied."""
        _, entries = self._beamline.hub.since(-1, 0)
        return _json([entry.content for entry in entries if entry.kind == "ruling"])

    def start(self, run: RunIn, request: Request) -> dict[str, str]:
        """Start a scan; answers with its run uid."""
        return {"run": self._beamline.start(run.scan, run.values, _person(request).name)}

    async def propose(self, request: Request) -> Response:
        """Propose an action; answers with a ``Ruling``, also where the proposal could not be read."""
        try:
            content = cast("Json", await request.json())
        except ValueError as error:
            raise HTTPException(400, f"The proposal is not JSON: {error}.") from error
        return _json(await asyncio.to_thread(judge_json, self._beamline, content, _person(request)))

    def lease(self, wish: LeaseIn, request: Request) -> Response:
        """Take, release, ask for, hand over or keep the lease; answers with the ``Lease``."""
        lease = self._beamline.tenancy.wish(wish.wish, _person(request).name)
        self._beamline.hub.touch()
        return _json(lease)

    def token(self, wish: TokenIn, request: Request) -> dict[str, str]:
        """Make a token, for oneself with no more scopes than one has, or as admin for anybody."""
        person = _person(request)
        if not wish.scopes <= person.scopes or ("admin" not in person.scopes and wish.name != person.name):
            raise HTTPException(403, f"{person.name} cannot give away what {person.name} does not have.")
        return {"token": self._tokens.issue(wish.name, wish.scopes, min(wish.lifetime, _LONGEST_LIFE))}

    def frames(self, path: str, first: int, stop: int, dataset: str = "", times: str = "") -> Response:
        """Send frames of a file that a run has named, to a guest who does not see it."""
        message = self._beamline.files.read(path, dataset, times, first, stop)
        return Response(message, media_type="application/octet-stream")

    async def record(self, request: Request, rest: str) -> Response:
        """Pass on what is asked of the record."""
        if self._record is None:
            raise HTTPException(404, "This beamline service runs without a record, as it was started with --no-record.")
        return await self._record.ask(request, rest)

    def shutdown(self) -> dict[str, bool]:
        """End the service."""
        self._stop()
        return {"stopping": True}

    async def stream(self, socket: WebSocket) -> None:
        """Send everything that is published."""
        scheme, _, token = socket.headers.get("authorization", "").partition(" ")
        person = self._tokens.person(token) if scheme.lower() == "bearer" else None
        await serve_stream(socket, self._beamline, person, self._newest)

    async def control(self, socket: WebSocket) -> None:
        """Take pause, resume, finish and abort from a browser."""
        await serve_control(socket, self._beamline, self._tokens, judge_json)


def judge_json(beamline: Beamline, content: Json, person: Person) -> Ruling:
    """Judge a proposal as it came: read it, check the scope, propose; whatever is wrong becomes a refusal."""
    try:
        proposal = read_proposal(content, person.name)
    except ValidationError as error:
        return beamline.refuse(unreadable(content, person.name, error, beamline.status().parameters))
    _need(person, "operate" if proposal.action.kind in OPERATED else "steer")
    return beamline.propose(proposal, person.name)


def _need(person: Person, scope: Scope) -> None:
    if scope not in person.scopes:
        raise HTTPException(403, f"{person.name} may not {scope} here. Ask for a token with that scope.")


def _person(request: Request) -> Person:
    return cast("Person", request.state.person)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 409)


def _json(content: Any) -> Response:
    return Response(dumps(content), media_type="application/json")
