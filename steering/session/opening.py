"""``steering.open()``: attaches to a beamline service and a compute owner, or starts them.

Both take seconds to start, so they do so side by side, in a thread. Whoever waits may be interrupted at any moment:
what was started for a session that never came to be is then ended, and the next ``open()`` waits for that.
"""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from steering.beamline.client import BeamlineClient, GoneError, service_url
from steering.beamline.embedded import EmbeddedService, find_service
from steering.core.errors import SteeringError
from steering.core.facility import Facility
from steering.core.workspace import Workspace, default_workspace
from steering.facilities.named import live_facility, require_live
from steering.machine.array_kinds import look_among_loaded
from steering.machine.beside import beside
from steering.machine.endings import begin_ending
from steering.service.wire import RECORD_PREFIX
from steering.session.session import Session

# One that is found and does not answer is looked for again so often.
_TRIES = 3
# Held while what an interrupted start has left is ended.
_UNDOING = threading.Lock()


def open(  # noqa: A001  (steering.open() is what a notebook says)
    *,
    url: str = "",
    token: str = "",
    facility: str | Facility = "local",
    workspace: Workspace | None = None,
    beamline: str | Path = "",
    speed: float = 5.0,
    record: bool = True,
) -> Session:
    """Attach to a beamline service, or start the embedded one with its simulated beamline.

    Args:
        url: Address of a running service, as somebody else's ``session.invite(...)`` gave it; the embedded one of this
            workspace if left out.
        token: Token for that service.
        facility: Where to analyse: the name of an installed facility, or one. One that analyses finished runs as a
            whole, as Globus Compute does, cannot follow a scan.
        workspace: Where the embedded service keeps its files.
        beamline: YAML file of the beamline that the embedded service serves; the built-in simulated one if left out.
        speed: How many times faster than life a simulated beamline runs, if it has to be started.
        record: Whether an embedded service that has to be started keeps a Tiled record.

    Raises:
        SteeringError: If it cannot be reached or started, serves another beamline, the file is wrong, or the facility
            cannot follow a scan.
    """
    look_among_loaded()
    file = _checked(beamline) if beamline else ""
    place = workspace or default_workspace()
    address = service_url(url) if url else ""
    service = EmbeddedService(place, beamline=file, speed=speed, record=record)
    if not isinstance(facility, str):
        require_live(facility)
    tries = 0
    while True:
        tries += 1
        chosen = live_facility(facility, place) if isinstance(facility, str) else facility
        with _UNDOING:
            starting = _Starting(chosen, service, address, token)
        try:
            return _attached(starting, file, place, find=not address)
        except BaseException as error:
            starting.undo()
            # It had been told to end, and had not heard so yet: the next one is to be had.
            if tries == _TRIES or not isinstance(error, GoneError):
                raise


def _attached(starting: "_Starting", file: str, place: Workspace, *, find: bool) -> Session:
    """Attach to what was started, or found.

    Raises:
        GoneError: If the service was found and has ended, or is ending.
        SteeringError: If one of them cannot be reached.
    """
    connection = starting.connection()
    _require(connection, file)
    # The embedded one may be started anew, by anybody, at another port.
    client = BeamlineClient(
        str(connection["url"]), str(connection["token"]), (lambda: find_service(place)) if find else None
    )
    kept: dict[str, str] = connection.get("record") or {}
    made = starting.session = Session(client, starting.facility, kept, place, starting.began)
    made.attach()
    if find and find_service(place) is None:
        message = "The beamline service ended while it was being attached to. Open a session again."
        raise GoneError(message)
    return made


def _checked(beamline: str | Path) -> str:
    """Read a beamline's file before anything is started; return its whole path."""
    from steering.description.description import read_description

    file = Path(beamline).expanduser().resolve()
    read_description(file)
    return str(file)


def _require(connection: Mapping[str, Any], file: str) -> None:
    """Check that a service serves a beamline's file, if one is wanted.

    Raises:
        SteeringError: If it does not.
    """
    if file and connection.get("file") != file:
        message = (
            f"The beamline service that runs serves {connection.get('beamline')}, and not {file}. End it with "
            "'steering stop', or open another workspace."
        )
        raise SteeringError(message)


class _Starting:
    """A service and a compute owner that are being started, or found running.

    Attributes:
        facility: Whose owner is started.
        session: What stands on them, once there is one.
    """

    def __init__(self, facility: Facility, service: EmbeddedService, url: str, token: str) -> None:
        """Begin, in a thread of its own.

        Args:
            facility: Whose owner is started.
            service: Is started unless a running one is named.
            url: Of that one, or empty.
            token: For that one.
        """
        self.session: Session | None = None
        self.facility, self._service = facility, service
        self._url, self._token = url, token
        self._began_owner = self._began_service = False
        self._connection: Future[Mapping[str, Any]] = Future()
        self._loop = asyncio.new_event_loop()
        self._work: asyncio.Task[Mapping[str, Any]] | None = None
        self._thread = threading.Thread(target=self._run, name="steering-open")
        self._thread.start()

    def connection(self) -> Mapping[str, Any]:
        """Wait for the service's address, with the owner running too.

        Raises:
            SteeringError: If one of them cannot be started or reached.
        """
        return self._connection.result()

    @property
    def began(self) -> frozenset[str]:
        """What had to be started: ``"service"``, ``"facility"``."""
        began = {"service": self._began_service, "facility": self._began_owner}
        return frozenset(name for name, so in began.items() if so)

    def undo(self) -> None:
        """End what was started here; returns at once, and no other start begins before it is done."""
        _UNDOING.acquire()
        begin_ending(threading.Thread(target=self._end, name="steering-undo"))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._work = self._loop.create_task(self._start())
        try:
            self._connection.set_result(self._loop.run_until_complete(self._work))
        except BaseException as error:  # noqa: BLE001  (whatever it is, it is raised where the connection is waited for)
            self._connection.set_exception(error)
        finally:
            self._loop.close()

    async def _start(self) -> Mapping[str, Any]:
        return await beside(self.facility.launch(pool=True), self._find_service(), self._note_owner)

    async def _launch_service(self) -> Mapping[str, Any]:
        """Start a service, or find one that answers; for one that is just ending there is soon another."""
        found, self._began_service = await self._service.launch()
        for _ in range(_TRIES):
            if self._began_service or await _answers(found):
                break
            found, self._began_service = await self._service.launch()
        return found

    def _note_owner(self, began: bool) -> None:  # noqa: FBT001  (called by position, with what a launch returns)
        self._began_owner = began

    async def _find_service(self) -> Mapping[str, Any]:
        if not self._url:
            return await self._launch_service()
        client = BeamlineClient(self._url, self._token)
        try:
            await client.greet()
        finally:
            await client.close()
        # The service's own record, through its door.
        record = {"url": f"{self._url}{RECORD_PREFIX}", "key": self._token, "access": "read"}
        return {"url": self._url, "token": self._token, "record": record}

    def _end(self) -> None:
        try:
            with suppress(RuntimeError):
                # The loop may have ended by itself.
                self._loop.call_soon_threadsafe(lambda: self._work and self._work.cancel())
            self._thread.join()
            # One that fails, since the interpreter ends, must not keep the next from being tried.
            with ExitStack() as rest:
                if self._began_service:
                    rest.callback(self._service.stop)
                if self._began_owner:
                    rest.callback(lambda: asyncio.run(self.facility.close()))
                if self.session is not None:
                    rest.callback(self.session.close)
        finally:
            _UNDOING.release()


async def _answers(connection: Mapping[str, Any]) -> bool:
    client = BeamlineClient(str(connection["url"]), str(connection["token"]))
    try:
        await client.greet()
    except SteeringError:
        return False
    finally:
        await client.close()
    return True
