"""A client of the service: asks over HTTP, follows over a WebSocket, comes back by itself when the service does."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import httpx
from pydantic import TypeAdapter
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from steering.core.action import Action
from steering.core.errors import SteeringError, said
from steering.core.frame import Frame
from steering.core.instrument import Instrument
from steering.core.plan import Forecast, Plan
from steering.core.proposal import Ruling
from steering.core.status import BeamlineStatus, Lease, ScanDescription
from steering.journal.journal import Entry
from steering.machine.direct import MOUNTS
from steering.service.tenancy import Wish
from steering.service.wire import (
    READINGS,
    RULING,
    SCANS,
    STATUS,
    UNAUTHORISED,
    action_json,
    decode_forecast,
    decode_frame,
    decode_plan,
    dumps,
)

_LEASE: TypeAdapter[Lease] = TypeAdapter(Lease)
_TIMEOUT = 90.0
_GREETING_SECONDS = 4.0
_PORTS = 1 << 16
_RETRY_SECONDS = 0.5
# A long run's documents come as many messages, none of them large; a frame is at most 1024 x 1024 pixels of 8 bytes.
_LARGEST_MESSAGE = 16 * 2**20


@dataclass(frozen=True)
class Welcome:
    """The service has let us in. ``name`` is who we are there."""

    name: str
    scans: tuple[ScanDescription, ...]


@dataclass(frozen=True)
class Begin:
    """What follows belongs to another run than what came before (or is sent again from its beginning)."""


@dataclass(frozen=True)
class Lost:
    """The service does not answer; ``detail`` says why and what happens next."""

    detail: str


@dataclass(frozen=True)
class Moved:
    """Another service runs in the place of the one that was lost; what that one had open has ended.

    Attributes:
        connection: Of the new one.
    """

    connection: Mapping[str, Any]


class GoneError(SteeringError):
    """The service that was found had ended before it told how things are; another one is to be looked for."""


News: TypeAlias = Moved | Welcome | Begin | Entry | BeamlineStatus | Plan | Instrument | Frame | Lost


class BeamlineClient:
    """One person's connection to a beamline service."""

    def __init__(self, url: str, token: str, find: Callable[[], Mapping[str, Any] | None] | None = None) -> None:
        """Prepare the connection; nothing is sent yet.

        Args:
            url: For example ``"http://127.0.0.1:8123"``.
            token: Bearer token.
            find: Looks where the service is now, after it was lost: it may have been started anew. Left out for one
                that only its address is known of: it may come back there.
        """
        self._find = find
        self.url, self.secret = url, token
        self._headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(base_url=url, headers=self._headers, timeout=_TIMEOUT, mounts=MOUNTS)

    async def greet(self) -> None:
        """Ask whether the service is there and lets us in, for a few seconds.

        Raises:
            SteeringError: If it is not, or does not.
        """
        try:
            answer = await self._http.get("/status", timeout=_GREETING_SECONDS)
        except (httpx.HTTPError, OSError) as error:
            what = said(error)
            message = (
                f"No beamline service answers at {self.url} ({what}). Check the address and the port, that the service "
                "runs, and that the tunnel to it is open. session.invite(...) of whoever runs it gives both anew."
            )
            raise SteeringError(message) from error
        _content(answer)

    async def status(self) -> BeamlineStatus:
        """Ask how things are."""
        return STATUS.validate_python(await self._get("/status"))

    async def scans(self) -> tuple[ScanDescription, ...]:
        """Ask what can be started."""
        return SCANS.validate_python(await self._get("/scans"))

    async def start(self, scan: str, values: Mapping[str, float | str], continues: str = "") -> str:
        """Start a scan; return its run uid.

        Args:
            scan: Its name.
            values: The parameters that differ from their defaults.
            continues: Uid, or its beginning, of a run that was cut off and whose rest is measured.

        Raises:
            SteeringError: If it may not be started; the sentence is the service's.
        """
        answer = await self._post("/runs", {"scan": scan, "values": dict(values), "continues": continues})
        return str(answer["run"])

    async def propose(self, action: Action, *, id: str, basis: str, agent: str, proposed_at: float) -> Ruling:  # noqa: A002  (a ruling's field)
        """Propose an action; return what was decided."""
        return await self.propose_json(
            {
                "id": id,
                "action": action_json(action),
                "basis": basis,
                "agent": agent,
                "proposed_at": proposed_at,
            }
        )

    async def propose_json(self, proposal: Any) -> Ruling:
        """Propose something that may be malformed, as it came from a file; the refusal says what is wrong."""
        return RULING.validate_python(await self._post("/proposals", proposal))

    async def forecast(self, actions: Sequence[Action]) -> Forecast:
        """Ask what actions would do, one after another; nothing is done.

        Raises:
            SteeringError: If the service cannot read them, or is asked too often.
        """
        return await self.forecast_json({"actions": [action_json(action) for action in actions]})

    async def outlook(self, scan: str, values: Mapping[str, float | str]) -> Forecast:
        """Ask how many points a scan would have if it were started, and how long it would take.

        Raises:
            SteeringError: If the service is asked too often.
        """
        return await self.forecast_json({"scan": scan, "values": dict(values)})

    async def forecast_json(self, question: Any) -> Forecast:
        """Ask with something that may be malformed.

        Raises:
            SteeringError: If it is; the sentence says what is wrong.
        """
        return decode_forecast(await self._post("/forecasts", question))

    async def lease(self, wish: Wish) -> Lease:
        """Take, release, ask for, hand over or keep the lease."""
        return _LEASE.validate_python(await self._post("/lease", {"wish": wish}))

    async def token(self, name: str, scopes: frozenset[str], lifetime: float) -> str:
        """Ask for a token for somebody, good for ``lifetime`` seconds."""
        answer = await self._post("/tokens", {"name": name, "scopes": sorted(scopes), "lifetime": lifetime})
        return str(answer["token"])

    async def shutdown(self) -> None:
        """Tell the service to end."""
        await self._post("/shutdown", {})

    async def follow(self) -> AsyncIterator[News]:
        """Yield everything that the service publishes, for ever; reconnect when it is lost.

        After each (re)connection comes ``Welcome``, then ``Begin`` and the whole run so far.

        Raises:
            GoneError: If it was lost before it told its state, and none is where it was found.
            SteeringError: If the token is not accepted.
        """
        heard = False
        while True:
            address = self.url.replace("http", "ws", 1) + "/stream"
            refused = ""
            try:
                async with connect(
                    address, additional_headers=self._headers, max_size=_LARGEST_MESSAGE, proxy=None
                ) as socket:
                    async for message in socket:
                        news = _news(message)
                        heard = heard or isinstance(news, BeamlineStatus)
                        yield news
            except (OSError, WebSocketException, TimeoutError) as error:
                # Also a handshake that is cut off, as by a tunnel whose far end is down.
                if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code == UNAUTHORISED:
                    refused = error.rcvd.reason
                detail = f"does not answer ({said(error)}); trying again."
                yield Lost(
                    f"The beamline service at {self.url} {f'does not let you in: {refused}' if refused else detail}"
                )
            except (ValueError, KeyError, TypeError) as error:
                # A service of another version, or something else that answers there.
                yield Lost(
                    f"The beamline service at {self.url} says what cannot be read ({said(error)}); trying again. "
                    "Is it of the same version? See: steering check."
                )
            else:
                yield Lost(f"The beamline service at {self.url} has closed the connection; trying again.")
            found = await asyncio.to_thread(self._find or _nowhere)
            if found is not None and (str(found["url"]), str(found["token"])) != (self.url, self.secret):
                await self._move(str(found["url"]), str(found["token"]))
                yield Moved(found)
            elif refused:
                raise SteeringError(refused)
            elif self._find is not None and not heard:
                message = (
                    f"The beamline service at {self.url} ended while it was being attached to. Open a session again."
                )
                raise GoneError(message)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _move(self, url: str, token: str) -> None:
        before, self.url, self.secret = self._http, url, token
        self._headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(base_url=url, headers=self._headers, timeout=_TIMEOUT, mounts=MOUNTS)
        await before.aclose()

    async def close(self) -> None:
        """Let go; the service runs on."""
        await self._http.aclose()

    async def _get(self, path: str) -> Any:
        return _content(await self._ask(self._http.get(path)))

    async def _post(self, path: str, content: Any) -> Any:
        body = dumps(content)
        return _content(
            await self._ask(self._http.post(path, content=body, headers={"Content-Type": "application/json"}))
        )

    async def _ask(self, request: Any) -> httpx.Response:
        try:
            return cast("httpx.Response", await request)
        except httpx.HTTPError as error:
            message = (
                f"The beamline service at {self.url} does not answer ({type(error).__name__}). "
                "Check that it runs: steering check."
            )
            raise SteeringError(message) from error


def _nowhere() -> None:
    """Find nothing."""


def service_url(text: str) -> str:
    """Read a service's address as a person writes it.

    Raises:
        SteeringError: If it is none.
    """
    url = text.strip() if "://" in text else f"http://{text.strip()}"
    try:
        found = httpx.URL(url)
        usable = found.scheme in ("http", "https") and bool(found.host) and (found.port or 0) < _PORTS
    except (httpx.InvalidURL, ValueError):
        usable = False
    if not usable:
        message = f"{text!r:.200} is no address of a beamline service. Write one such as http://127.0.0.1:8123."
        raise SteeringError(message)
    return url.rstrip("/")


def _content(response: httpx.Response) -> Any:
    try:
        content = json.loads(response.content)
    except ValueError:
        content = {"detail": response.text[:200]}
    if response.is_success:
        return content
    detail = cast("dict[str, Any]", content).get("detail") if isinstance(content, dict) else content
    raise SteeringError(detail if isinstance(detail, str) else f"The service refused the request: {detail}")


def _news(message: str | bytes) -> News:
    if isinstance(message, bytes):
        return decode_frame(message)
    content = json.loads(message)
    match content["kind"]:
        case "welcome":
            return Welcome(content["name"], SCANS.validate_python(content["scans"]))
        case "begin":
            return Begin()
        case "status":
            return STATUS.validate_python(content["status"])
        case "plan":
            return decode_plan(content["plan"])
        case "instrument":
            return Instrument(READINGS.validate_python(content["readings"]))
        case kind:
            return Entry(kind, content["name"], content["content"])
