"""The double as a whole: one HTTP server on loopback, and the environment that leads the SDK to it."""

import base64
import binascii
import os
import secrets
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qsl

import orjson
import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from steering.globus_double.actions import Actions, Services
from steering.globus_double.compute import Compute
from steering.globus_double.control import Control
from steering.globus_double.flows import Flows
from steering.globus_double.web_inputs import WebInputs
from steering.globus_double_data.auth import Auth
from steering.globus_double_data.call import Call, Document, Page, RefusedError, Route, Service
from steering.globus_double_data.collection import Collection, Collections
from steering.globus_double_data.ground import Ground
from steering.globus_double_data.search import Search
from steering.globus_double_data.transfer import Transfer

_HOST = "127.0.0.1"
_MOST_BYTES = 12 << 20
_MOST_HEAD = 16 << 10
_JSON_TYPES = "application/json"
# What the SDK calls each service in its variables.
SERVICES = ("auth", "transfer", "search", "compute", "flows")


class DoubleGlobus:
    """A double of Globus that runs until it is closed.

    Attributes:
        control: Orders faults, reads the counts.
        auth: Knows the service account and the person.
        key: Opens ``/control`` to other processes.
    """

    def __init__(self, *, time_scale: float = 1.0, port: int = 0) -> None:
        """Start.

        Args:
            time_scale: By how much a flow's waits are shortened: 0.01 makes 100 s one second.
            port: On loopback; 0 takes a free one.

        Raises:
            OSError: If the port is taken.
        """
        self._ground = Ground(time_scale=time_scale)
        self.auth = Auth(self._ground)
        self.key = secrets.token_urlsafe(24)
        self.collections = Collections(self._ground)
        self.transfer = Transfer(self._ground, self.collections, self.auth.service)
        self.search = Search(self._ground, self.auth.service)
        self.compute = Compute(self._ground)
        asked = WebInputs(self._ground)
        on = Services(self._ground, self.collections, self.transfer, self.search, self.compute, asked)
        self.flows = Flows(self._ground, Actions(on), asked)
        self.control = Control(self._ground, self.auth, self.compute.preempt)
        self._services: tuple[Service, ...] = (self.auth, self.transfer, self.search, self.compute, self.flows)
        self._socket = socket.create_server((_HOST, port))
        self.port = int(self._socket.getsockname()[1])
        self.auth.address = f"{self.address}auth/"
        self._server = uvicorn.Server(
            uvicorn.Config(self._app(), log_level="critical", lifespan="off", timeout_graceful_shutdown=2)
        )
        self._thread = threading.Thread(target=self._serve, name="double-globus", daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self.close()

    @property
    def address(self) -> str:
        """Where it is, with a slash at the end."""
        return f"http://{_HOST}:{self.port}/"

    def collection(self, name: str, folder: Path, id: str = "") -> Collection:  # noqa: A002  (as Globus names it)
        """Let a folder stand for a collection; it is made if it is not there."""
        return self.collections.add(name, folder, id)

    def environment(self) -> dict[str, str]:
        """Say which variables lead the SDK, unmodified, and our clients to the double."""
        urls = {f"GLOBUS_SDK_SERVICE_URL_{name.upper()}": f"{self.address}{name}/" for name in SERVICES}
        direct = ",".join(dict.fromkeys([_HOST, *filter(None, os.environ.get("NO_PROXY", "").split(","))]))
        return {
            **urls,
            "NO_PROXY": direct,
            "no_proxy": direct,
            "STEERING_GLOBUS_CLIENT_ID": self.auth.service.identity,
            "STEERING_GLOBUS_CLIENT_SECRET": self.auth.secret,
            "STEERING_GLOBUS_APP_ID": self.auth.native,
            "STEERING_GLOBUS_DOUBLE": f"{self.address}control",
            "STEERING_GLOBUS_DOUBLE_KEY": self.key,
        }

    def close(self) -> None:
        """End the server, and all work that it began."""
        self._server.should_exit = True
        self._ground.close()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

    def _app(self) -> FastAPI:
        app = FastAPI(title="A double of Globus", openapi_url=None)
        for service in self._services:
            for route in service.routes():
                self._add(app, service, route)
        app.add_api_route("/control", self._counted, methods=["GET"])
        app.add_api_route("/control/{order}", self._ordered, methods=["POST"])
        return app

    def _add(self, app: FastAPI, service: Service, route: Route) -> None:
        async def endpoint(request: Request) -> Response:
            return await self._asked(request, service, route)

        app.add_api_route(f"/{service.name}{route.path}", endpoint, methods=[route.method], response_model=None)

    async def _asked(self, request: Request, service: Service, route: Route) -> Response:
        path = request.url.path.removeprefix(f"/{service.name}")
        with self._ground.lock:
            fault = self._ground.faults.answer(service.name, route.method, path)
        try:
            if fault is not None and fault.kind == "refuse":
                more = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
                code = {429: "TooManyRequests"}.get(fault.status, "ServiceUnavailable")
                refused = service.refusal(RefusedError(fault.status, code, "This was ordered by a test."))
                return JSONResponse(refused, fault.status, more)
            call = await self._read(request, service, route)
            answer = await run_in_threadpool(route.handler, call)
            made = HTMLResponse(answer.html) if isinstance(answer, Page) else _json(answer, route.status)
        except RefusedError as error:
            made = JSONResponse(service.refusal(error), error.status)
        if fault is None:
            return made
        return _broken() if fault.kind == "lose" else Response(fault.content, media_type=_JSON_TYPES)

    async def _read(self, request: Request, service: Service, route: Route) -> Call:
        body = await _body(request)
        scheme, _, word = request.headers.get("authorization", "").partition(" ")
        basic = _basic(word) if scheme.lower() == "basic" else None
        grant = self.auth.grant_of(word) if scheme.lower() == "bearer" else None
        if grant is None and not route.open:
            raise RefusedError(401, "AuthenticationFailed", "The token is missing, unknown or expired.")
        server = str(request.path_params["id"]) if route.server_in_path else service.server
        if grant is not None and grant.server != server and not (route.open or route.any_server):
            raise RefusedError(403, "Forbidden", f"The token is for {grant.server}, not for {server}.")
        parts = cast("Mapping[str, str]", request.path_params)
        path = request.url.path.removeprefix(f"/{service.name}")
        return Call(route.method, path, parts, dict(request.query_params), body, grant, basic)

    def _counted(self, request: Request) -> Response:
        return _json(dict(self.control.effects())) if self._may(request) else _closed()

    async def _ordered(self, request: Request, order: str) -> Response:
        if not self._may(request):
            return _closed()
        try:
            return _json(await run_in_threadpool(self.control.order, order, await _body(request)))
        except RefusedError as error:
            return JSONResponse({"detail": error.message}, error.status)

    def _may(self, request: Request) -> bool:
        return secrets.compare_digest(request.headers.get("authorization", ""), f"Bearer {self.key}")


def _json(content: Document, status: int = 200) -> Response:
    return Response(orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS), status, media_type=_JSON_TYPES)


def _closed() -> Response:
    return JSONResponse({"detail": "The key is wrong. It is in STEERING_GLOBUS_DOUBLE_KEY."}, 401)


def _broken() -> Response:
    """Promise more than is sent: whoever asks finds the connection broken, and knows nothing."""
    return StreamingResponse(iter([b"{"]), headers={"Content-Length": "4096"}, media_type=_JSON_TYPES)


async def _body(request: Request) -> Document:
    """Read a body: JSON or a form.

    Raises:
        RefusedError: If it is too large, or cannot be read.
    """
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > _MOST_BYTES:
            raise RefusedError(413, "PayloadTooLarge", f"The message is larger than {_MOST_BYTES} bytes.")
    if not read:
        return {}
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(read.decode(errors="replace")))
    try:
        content: Any = orjson.loads(read)
    except orjson.JSONDecodeError as error:
        raise RefusedError(400, "BadRequest", f"The message is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise RefusedError(400, "BadRequest", "The message is no JSON object.")
    return cast("Document", content)


def _basic(word: str) -> tuple[str, str] | None:
    try:
        name, _, secret = base64.b64decode(word[:_MOST_HEAD]).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, secret
