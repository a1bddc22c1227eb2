"""What a notebook holds: beamline client, loop, facility, record and agents, wired together.

Everything lives on one thread with one event loop, which is the only writer of the board's cells: it follows the
service, feeds the source, runs the loop and the agents. The methods of :class:`Session` are called from any other
thread, hand their work to that loop and wait for the answer: they return in milliseconds.

Closing a session, or its kernel, stops nothing but the session: the scan goes on, and the next ``steering.open()``
attaches, is sent the whole run so far, and has its results made again from the same frames.
"""

import asyncio
import math
import threading
import time
import uuid
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar, cast
from urllib.parse import urlsplit

from steering.beamline.client import BeamlineClient
from steering.beamline.embedded import ensure_service, stop_service
from steering.core import registry
from steering.core.action import Abort, Action, Finish, InsertRegion, Pause, Resume, SetParameter, Skip
from steering.core.agent import Suggestion
from steering.core.analysis import Analysis
from steering.core.board import Board
from steering.core.errors import SteeringError
from steering.core.facility import Facility
from steering.core.frame import Frame
from steering.core.json import Json
from steering.core.pool import PoolRequest, Urgency
from steering.core.proposal import Ruling
from steering.core.source import Source
from steering.core.workspace import Workspace, default_workspace
from steering.session.choice import make_analysis, make_source
from steering.session.follower import Follower

Value = TypeVar("Value")

_ANSWER_SECONDS = 120.0
_CONTROL_TOKEN_SECONDS = 8 * 3600.0


class Session:
    """One person's place at the beamline, from a notebook or a script. Made by :func:`open`."""

    def __init__(
        self, client: BeamlineClient, facility: Facility, record: Mapping[str, str], workspace: Workspace
    ) -> None:
        """Wire a session; :func:`open` does so for a notebook.

        Args:
            client: Of the beamline service.
            facility: Where to analyse; it is started here.
            record: ``url`` and ``key`` of the Tiled server, or empty for none.
            workspace: Where the embedded service, if it is one, keeps its files.
        """
        self.board = Board()
        self.workspace = workspace
        self._client = client
        self._facility = facility
        self._record_address = dict(record)
        self._follower = Follower(client, facility, self.board, self._record_address)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="steering-session", daemon=True)
        self._thread.start()
        self._closed = False
        try:
            self._do(self._follower.start())
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """Who this session is, as the service knows it."""
        return self._follower.name

    @property
    def record(self) -> Any:
        """The record: ``session.record[run]["primary"]`` gives xarray.

        Raises:
            SteeringError: If the service runs without one.
        """
        from steering.archive.record import Record

        return Record(self._follower.record_client())

    def start(self, scan: str, **values: float) -> str:
        """Start a scan with some of its parameters changed; return its run uid once the board shows that run."""
        return self._do(self._follower.begin(scan, values))

    def propose(self, action: Action, basis: str = "") -> Ruling:
        """Propose an action for the running scan; the ruling says what was decided and why.

        Args:
            action: What to do.
            basis: The result that it rests on; the newest one if left out.
        """
        result = self.board.result.value
        rests_on = basis or (result.basis if result is not None else "")
        asked = self._client.propose(action, id=uuid.uuid4().hex, basis=rests_on, agent="", proposed_at=time.time())
        return self._do(asked)

    def propose_json(self, proposal: Mapping[str, Json]) -> Ruling:
        """Propose something as it came from a file; what cannot be read is refused with a sentence."""
        return self._do(self._client.propose_json({"proposed_at": time.time(), **proposal}))

    def exit_status(self, run: str) -> str:
        """Say how a run that this session has seen ended: ``success``, ``abort``, ``fail``; empty before its end."""
        return self._follower.exit_status(run)

    def set(self, parameter: str, value: float) -> Ruling:
        """Change a parameter of the running scan from the next point on; ``value`` is in the parameter's unit."""
        return self.propose(SetParameter(parameter, value))

    def look_finer(self, step: float, **region: tuple[float, float]) -> Ruling:
        """Measure a region on a finer grid first, then go on: ``look_finer(0.5, sx=(2, 8), sy=(-4, 1))``."""
        return self.propose(InsertRegion(region, dict.fromkeys(region, step)))

    def skip(self, points: int) -> Ruling:
        """Leave out the next points."""
        return self.propose(Skip(points))

    def finish(self) -> Ruling:
        """End the scan before its next point; the run is complete."""
        return self.propose(Finish())

    def pause(self) -> Ruling:
        """Wait before the next point."""
        return self.propose(Pause())

    def resume(self) -> Ruling:
        """Go on after a pause."""
        return self.propose(Resume())

    def abort(self, reason: str = "") -> Ruling:
        """Stop now, in the middle of a point if need be."""
        return self.propose(Abort(reason))

    def wait(self, timeout: float = 600.0) -> str:
        """Block until the scan has ended and its last frame is in the result; return the run uid.

        Args:
            timeout: Longest wait in seconds.

        Raises:
            TimeoutError: If it took longer.
        """
        return self._do(asyncio.wait_for(self._follower.wait_for_end(), timeout), timeout + _ANSWER_SECONDS)

    def set_mode(self, agent: str, mode: str) -> None:
        """Set an agent's mode: ``"off"``, ``"suggest"`` (shown, you accept) or ``"automatic"`` (proposed at once)."""
        self._do(self._follower.set_mode(agent, mode))

    def accept(self, suggestion: Suggestion) -> Ruling:
        """Propose what an agent suggested, with its basis, in this person's name."""
        ruling = self.propose(suggestion.action, suggestion.basis)
        self._do(self._follower.forget(suggestion))
        return ruling

    def compute(
        self,
        nodes: int = 1,
        urgency: Urgency = "live",
        *,
        pool: str = "",
        most_nodes: int = 0,
        walltime: float = math.nan,
    ) -> str:
        """Ask the facility for a pool of workers, another size of one, or (``nodes=0``) its end.

        Args:
            nodes: Nodes wanted at all times.
            urgency: ``"live"`` (a running scan waits for it), ``"soon"`` or ``"batch"``.
            pool: Name of the pool; that of the urgency if left out.
            most_nodes: Nodes up to which it may grow with its backlog.
            walltime: Seconds that one job should last; the policy's choice if left out.

        Returns:
            A sentence: which queue, how many jobs of how many nodes, for how long, and why.

        Raises:
            SteeringError: If it cannot be had; with cause and cure.
        """
        return self.ask_compute(PoolRequest(pool, urgency, nodes, most_nodes, walltime))

    def ask_compute(self, request: PoolRequest) -> str:
        """Ask the facility for what a request says; see :meth:`compute`."""
        return self._do(self._facility.ask(request))

    def follow(self, source: str | Source, analysis: str | Analysis[Any] = "centre_of_mass", **settings: Any) -> None:
        """Follow a source beside the beamline's documents, and show it: ``follow("pva", channel="13SIM1:Pva1:Image")``.

        Several may be followed; the newest is shown. Each is analysed by a loop of its own on the same facility.

        Args:
            source: Name of an installed source (``"pva"``, ``"hdf5"``, ``"tiled"``, ``"replay"``, ``"watch"``), or a
                source, which is then the session's to close.
            analysis: What each of its runs gets: the name of an installed analysis, or an analysis.
            **settings: What the source of that name takes.

        Raises:
            SteeringError: If there is no such source or analysis, or the settings are not what it takes.
        """
        chosen = make_analysis(analysis)
        name, made = make_source(source, settings)
        self._do(self._follower.follow(name, made, chosen))

    def unfollow(self) -> None:
        """End what is followed beside the beamline's documents, and show these again."""
        self._do(self._follower.unfollow())

    def frame_at(self, index: int) -> Frame:
        """Read a frame of the shown run again, as it was recorded, with the positions at which it was taken.

        Args:
            index: Of the frame in its run, from 0; ``board.span`` says which there are.

        Raises:
            SteeringError: If nothing refers to it any more, or it cannot be read.
        """
        return self._do(self._follower.frame_at(index))

    def take_lease(self) -> None:
        """Become the one who may steer."""
        self._do(self._client.lease(hold=True))

    def release_lease(self) -> None:
        """Let others steer."""
        self._do(self._client.lease(hold=False))

    def invite(self, name: str, *, steer: bool = False, hours: float = 8.0) -> dict[str, str]:
        """Let somebody in; hand the result to ``steering.open(url=..., token=...)`` on the other side.

        Args:
            name: How that person appears in leases and rulings.
            steer: Whether that person may steer (when holding the lease) or only watch, pause and abort.
            hours: For how long.
        """
        scopes = frozenset(("read", "operate", "steer") if steer else ("read", "operate"))
        token = self._do(self._client.token(name, scopes, hours * 3600.0))
        return {"url": self._client.url, "token": token}

    def control_address(self) -> dict[str, str]:
        """Return what a browser on this machine's Jupyter needs to pause and abort past a busy kernel."""
        address = urlsplit(self._client.url)
        if address.hostname != "127.0.0.1" or address.port is None:
            return {}
        token = self._do(self._client.token(self.name, frozenset(("read", "operate")), _CONTROL_TOKEN_SECONDS))
        return {"port": str(address.port), "token": token}

    def close(self) -> None:
        """Let go. The scan, the service and the facility run on."""
        if self._closed:
            return
        self._closed = True
        self._do(self._follower.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def shutdown(self) -> None:
        """Close, and end the embedded service, the record and the facility: no process of ours stays."""
        # Each takes seconds to end; they do so side by side.
        with ThreadPoolExecutor(1) as beside:
            stopped = beside.submit(stop_service, self.workspace)
            if not self._closed:
                self._do(self._follower.end_facility())
                self.close()
            stopped.result()

    def __enter__(self) -> Self:
        """Use as a context: closed at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _do(self, coroutine: Coroutine[Any, Any, Value], timeout: float = _ANSWER_SECONDS) -> Value:
        if self._closed and not self._loop.is_running():
            coroutine.close()
            message = "This session is closed. Open another: session = steering.open()."
            raise SteeringError(message)
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout)


def open(  # noqa: A001  (steering.open() is what a notebook says)
    *,
    url: str = "",
    token: str = "",
    facility: str | Facility = "local",
    workspace: Workspace | None = None,
    speed: float = 5.0,
    record: bool = True,
) -> Session:
    """Attach to a beamline service, or start the embedded one with its simulated beamline.

    Args:
        url: Address of a running service, as somebody else's ``session.invite(...)`` gave it; the embedded one of this
            workspace if left out.
        token: Token for that service.
        facility: Where to analyse: the name of an installed facility, or one.
        workspace: Where the embedded service keeps its files.
        speed: How many times faster than life a simulated beamline runs, if it has to be started.
        record: Whether an embedded service that has to be started keeps a Tiled record.

    Raises:
        SteeringError: If it cannot be reached or started.
    """
    place = workspace or default_workspace()
    chosen = facility
    if isinstance(chosen, str):
        make = registry.load("facilities", chosen)
        chosen = cast("Facility", make(workspace=place))
    # Both take seconds to start; they do so side by side.
    with ThreadPoolExecutor(1) as beside:
        launched = beside.submit(asyncio.run, chosen.launch(pool=True))
        try:
            if url:
                connection: Mapping[str, Any] = {"url": url, "token": token}
            else:
                connection = ensure_service(place, speed=speed, record=record)
        except BaseException:
            # What was started for this session must not stay without it.
            if launched.result():
                # On the other thread: a notebook's own has an event loop that runs already.
                beside.submit(asyncio.run, chosen.close()).result()
            raise
        launched.result()
    client = BeamlineClient(str(connection["url"]), str(connection["token"]))
    return Session(client, chosen, cast("Mapping[str, str]", connection.get("record") or {}), place)
