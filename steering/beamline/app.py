"""The service's HTTP and WebSocket face. Thin: every decision is made in :class:`steering.service.service.Beamline`.

* ``GET /status``, ``/scans``, ``/journal``, ``/plan`` and ``POST /runs``, ``/proposals``, ``/forecasts``, ``/lease``,
  ``/tokens``, ``/shutdown``: bearer token in the ``Authorization`` header; described by OpenAPI at ``/docs``.
* ``WS /stream``: everything that is published, from the beginning of the run that is shown; same header.
* ``WS /control``: pause, resume, finish and abort for a browser whose kernel is busy; the token comes in the first
  message, because a browser cannot set the header and a query would end up in logs.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, FastAPI, HTTPException, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steering.beamline.control import serve_control
from steering.beamline.gate import FORECASTS, REFUSED, Gate, TooLargeError, token_of
from steering.beamline.newest import Newest
from steering.beamline.pace import STEERING, WATCHING, Pace, Paces
from steering.beamline.reading import BODY_BYTES, read_json
from steering.beamline.record_door import RecordDoor
from steering.beamline.sockets import serve_stream
from steering.beamline.tokens import LONGEST_LIFE, Person, Scope, Tokens
from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.core.proposal import Ruling
from steering.service.service import Beamline
from steering.service.tenancy import Wish
from steering.service.wire import (
    RECORD_PREFIX,
    ForecastIn,
    ProposalIn,
    dumps,
    encode_forecast,
    encode_plan,
    read_forecast,
    read_outlook,
    read_proposal,
    unreadable,
)

_BEARER = HTTPBearer(auto_error=False)
# What the scope "operate" allows. The guard asks for the lease besides, but for a pause or an abort.
OPERATED = ("pause", "resume", "finish", "abort")


Body = TypeVar("Body", bound=BaseModel)


class RunIn(BaseModel):
    """A scan to start: its name, the parameters that differ from their defaults, and a run that it goes on with."""

    model_config = ConfigDict(extra="forbid")
    scan: str = ""
    values: dict[str, float | str] = {}
    continues: str = ""


class LeaseIn(BaseModel):
    """Take, release, ask for, hand over (to who asks) or keep (from who asks) the lease."""

    model_config = ConfigDict(extra="forbid")
    wish: Wish


class TokenIn(BaseModel):
    """A token for somebody: name, scopes, and for how many seconds."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")
    scopes: frozenset[Scope]
    lifetime: float = Field(default=3600.0, gt=0.0, le=LONGEST_LIFE, allow_inf_nan=False)


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
            newest: Has the newest frame of the preview.
            stop: Ends the service.
            record: Of its runs, if there is one.
        """
        self._record = record
        self._beamline = beamline
        self._tokens = tokens
        self._newest = newest
        self._stop = stop
        self._paces = Paces()
        # One forecast at a time, whoever asks: each may take the processor for a tenth of a second from the scan.
        self._forecasting = asyncio.Lock()

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
        app.add_exception_handler(TooLargeError, _too_large)
        read, steer, admin = self.bearer("read"), self.bearer("steer"), self.bearer("admin")
        app.add_api_route("/status", self.status, dependencies=[read])
        app.add_api_route("/scans", self.scans, dependencies=[read])
        app.add_api_route("/journal", self.journal, dependencies=[read])
        app.add_api_route("/plan", self.plan, dependencies=[read])
        posts = (
            ("/runs", self.start, RunIn, steer),
            ("/proposals", self.propose, ProposalIn, read),
            (FORECASTS, self.forecast, ForecastIn, read),
            ("/lease", self.lease, LeaseIn, steer),
            ("/tokens", self.token, TokenIn, read),
        )
        for path, route, model, needs in posts:
            schema = {"requestBody": {"content": {"application/json": {"schema": model.model_json_schema()}}}}
            app.add_api_route(path, route, methods=["POST"], dependencies=[needs], openapi_extra=schema)
        app.add_api_route("/shutdown", self.shutdown, methods=["POST"], dependencies=[admin])
        app.add_api_route("/frames", self.frames, dependencies=[read])
        methods = ["GET", "HEAD", "POST"]
        app.add_api_route(f"{RECORD_PREFIX}/{{rest:path}}", self.record, methods=methods, dependencies=[read])
        app.add_api_websocket_route("/stream", self.stream)
        app.add_api_websocket_route("/control", self.control)
        app.add_middleware(Gate, tokens=self._tokens, pace_of=self.pace_of, paces=self._paces)
        return app

    def pace_of(self, person: Person) -> Pace:
        """Say how often somebody may ask for a change now: whoever may not steer fills the journal with refusals."""
        steers = "steer" in person.scopes and self._beamline.tenancy.lease.holder in ("", person.name)
        return STEERING if steers else WATCHING

    def bearer(self, scope: Scope) -> Any:
        """Make the dependency that lets in bearers of tokens with a scope."""

        # Not a plain function, which would be called in a thread: each change of thread costs the scan some time.
        async def check(
            request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
        ) -> None:
            given = credentials.credentials if credentials else token_of(request.headers.get("authorization", ""))
            person = self._tokens.person(given)
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

    def plan(self) -> Response:
        """Say where the shown run has measured and where it will: a ``Plan``, as a message of the stream."""
        return Response(encode_plan(self._beamline.plan()), media_type="application/json")

    async def start(self, request: Request) -> dict[str, str]:
        """Start a scan; answers with its run uid."""
        run, name = await _read(request, RunIn), _person(request).name
        return {"run": await asyncio.to_thread(self._beamline.start, run.scan, run.values, name, run.continues)}

    async def propose(self, request: Request) -> Response:
        """Propose an action; answers with a ``Ruling``, also where the proposal could not be read."""
        try:
            content = read_json(await request.body())
        except SteeringError as error:
            raise HTTPException(400, str(error)) from error
        ruling = await asyncio.to_thread(judge_json, self._beamline, content, _person(request))
        setattr(request.state, REFUSED, not ruling.accepted)
        return _json(ruling)

    async def forecast(self, request: Request) -> Response:
        """Say what actions would do, or a scan that is not started, and do nothing; answers with a ``Forecast``."""
        person = _person(request).name
        try:
            content = read_json(await request.body())
        except SteeringError as error:
            raise HTTPException(400, str(error)) from error
        try:
            if isinstance(content, dict) and "scan" in content:
                asked = read_outlook(content)
                outlook = await asyncio.to_thread(self._beamline.outlook, asked.scan, asked.values)
                return Response(encode_forecast(outlook), media_type="application/json")
            actions = read_forecast(content, self._beamline.status().parameters)
        except SteeringError as error:
            raise HTTPException(422, str(error)) from error
        async with self._forecasting:
            forecast = await asyncio.to_thread(self._beamline.forecast, actions, person)
            return Response(await asyncio.to_thread(encode_forecast, forecast), media_type="application/json")

    async def lease(self, request: Request) -> Response:
        """Take, release, ask for, hand over or keep the lease; answers with the ``Lease``."""
        wish = await _read(request, LeaseIn)
        lease = self._beamline.tenancy.wish(wish.wish, _person(request).name)
        self._beamline.hub.touch()
        return _json(lease)

    async def token(self, request: Request) -> dict[str, str]:
        """Make a token, for oneself with no more scopes than one has, or as admin for anybody; it ends with theirs."""
        person, wish = _person(request), await _read(request, TokenIn)
        if not wish.scopes <= person.scopes or ("admin" not in person.scopes and wish.name != person.name):
            raise HTTPException(403, f"{person.name} cannot give away what {person.name} does not have.")
        try:
            return {"token": self._tokens.derive(person, wish.name, wish.scopes, wish.lifetime)}
        except SteeringError as error:
            raise HTTPException(429, str(error)) from error

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
        # Whoever has gone, at whatever moment, is no fault of ours.
        with suppress(WebSocketDisconnect):
            await serve_stream(socket, self._beamline, person, self._newest)

    async def control(self, socket: WebSocket) -> None:
        """Take pause, resume, finish and abort from a browser."""
        with suppress(WebSocketDisconnect):
            await serve_control(socket, self._beamline, self._tokens, judge_json, self._paces, self.pace_of)


def judge_json(beamline: Beamline, content: Json, person: Person) -> Ruling:
    """Judge a proposal as it came: read it, check the scope, propose; whatever is wrong becomes a refusal."""
    try:
        proposal = read_proposal(content, person.name)
    except ValidationError as error:
        return beamline.refuse(unreadable(content, person.name, error, beamline.status().parameters), person.name)
    _need(person, "operate" if proposal.action.kind in OPERATED else "steer")
    return beamline.propose(proposal, person.name)


def _need(person: Person, scope: Scope) -> None:
    if scope not in person.scopes:
        raise HTTPException(403, f"{person.name} may not {scope} here. Ask for a token with that scope.")


def _person(request: Request) -> Person:
    return cast("Person", request.state.person)


async def _read(request: Request, model: type[Body]) -> Body:
    """Read the body of a request."""
    try:
        return model.model_validate(read_json(await request.body()))
    except SteeringError as error:
        raise HTTPException(400, str(error)) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the message"
        raise HTTPException(422, f"{place:.100}: {first['msg']}, not {first['input']!r:.60}.") from error


async def _too_large(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse({"detail": f"The message is too large. Allowed: at most {BODY_BYTES} bytes."}, 413)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 409)


def _json(content: Any) -> Response:
    return Response(dumps(content), media_type="application/json")
