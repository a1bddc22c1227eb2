"""What a notebook holds: beamline client, loop, facility, record and agents, wired together.

Everything lives on one thread with one event loop, which is the only writer of the board's cells: it follows the
service, feeds the source, runs the loop and the agents. The methods of :class:`Session` are called from any other
thread, hand their work to that loop and wait for the answer: they return in milliseconds.

Closing a session, or its kernel, stops nothing but the session: the scan goes on, and the next ``steering.open()``
attaches, is sent the whole run so far, and has its results made again from the same frames.
"""

import asyncio
import math
import time
import uuid
import weakref
from collections.abc import Collection, Coroutine, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any, TypeVar
from urllib.parse import urlsplit

from steering.archive.past import Past, exports_folder
from steering.beamline.client import BeamlineClient
from steering.beamline.embedded import stop_service
from steering.catalogue.catalogue import Catalogue
from steering.core.action import Abort, Action, EndBurst, Finish, InsertRegion, Pause, Resume, SetParameter, Skip
from steering.core.agent import Suggestion
from steering.core.analysis import Analysis
from steering.core.board import Board
from steering.core.errors import LateError
from steering.core.facility import Facility
from steering.core.frame import Frame
from steering.core.json import Json
from steering.core.plan import Forecast
from steering.core.pool import PoolRequest, Urgency
from steering.core.proposal import Ruling, with_author
from steering.core.result import Result
from steering.core.source import Source
from steering.core.waiting import within
from steering.core.workspace import Workspace
from steering.flow_runner.desk import Flows
from steering.ingest.launch import end_ingests
from steering.machine.kept_layout import keep_layout, read_layout
from steering.session.board_writer import BoardWriter
from steering.session.choice import analyses_of, make_analysis, make_source
from steering.session.results import Results
from steering.session.works import ANSWER_SECONDS, Ending, Works

Value = TypeVar("Value")

FORGOTTEN = "This session was deleted, or another one was given its name."
_CONTROL_TOKEN_SECONDS = 8 * 3600.0
# The newest results take a second; a record that hangs must not keep the rest from ending.
_WRITTEN_SECONDS = 10.0


class Session(AbstractContextManager["Session"]):
    """One person's place at the beamline, from a notebook or a script. Made by :func:`steering.open`."""

    def __init__(
        self,
        client: BeamlineClient,
        facility: Facility,
        record: Mapping[str, str],
        workspace: Workspace,
        began: Collection[str] = (),
    ) -> None:
        """Wire a session; :func:`steering.open` does so for a notebook, and has it attach.

        Args:
            client: Of the beamline service.
            facility: Where to analyse.
            record: ``url`` and ``key`` of the Tiled server, or empty for none.
            workspace: Where the embedded service, if it is one, keeps its files.
            began: What had to be started for it: ``"service"``, ``"facility"``.
        """
        self._began = frozenset(began)
        self.board = Board()
        self.workspace = workspace
        self._client = client
        self._facility = facility
        self._record_address = dict(record)
        self._writer = BoardWriter(client, facility, self.board, self._record_address, workspace)
        self._works = Works(self._writer, self.board)
        self.catalogue = Catalogue(workspace)
        self.flows = Flows(workspace, self.board)
        self.past = Past(self._writer.record_client, exports_folder(workspace.directory))
        # Whoever forgets a session, or gives its name to another one, has closed it.
        self._forgotten = weakref.finalize(self, self._works.end, FORGOTTEN)
        self._forgotten.atexit = False

    def __repr__(self) -> str:
        """Say where it is, what goes on there, and what one may do."""
        status = self.board.status.value
        what = f"{status.scan} {status.state}" if status.scanning else status.state
        if self._works.closed:
            what = "closed"
        return f"<Session {self.name or 'of nobody yet'} at {status.beamline or self._client.url}: {what}>"

    def attach(self) -> None:
        """Attach to facility and service; return once their states are known.

        Raises:
            SteeringError: If one of them cannot be reached.
        """
        self._do(self._writer.start(self.flows))

    @property
    def name(self) -> str:
        """Who this session is, as the service knows it."""
        return self._writer.name

    @property
    def record(self) -> Any:
        """The record: ``session.record[run]["primary"]`` gives xarray.

        Raises:
            SteeringError: If the service runs without one.
        """
        from steering.archive.record import Record

        return Record(self._writer.record_client())

    def start(self, scan: str, **values: float | str) -> str:
        """Start a scan with some of its parameters changed; return its run uid once the board shows that run.

        Args:
            scan: Name of the scan.
            **values: Parameters that are to be others than the scan says: a number, or the name of a choice.

        Raises:
            SteeringError: If it cannot be started, with what is wrong.
        """
        return self._do(self._writer.begin(scan, values))

    def go_on(self, run: str, **values: float | str) -> str:
        """Measure the rest of a run that was cut off, as a new run that names the first; return its uid.

        Args:
            run: Uid of that run, or the beginning of it.
            **values: Parameters that are to be others than when it was cut off.

        Raises:
            SteeringError: If no such run was cut off, or it cannot be started.
        """
        return self._do(self._writer.begin("", values, run))

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

    def forecast(self, actions: Action | tuple[Action, ...]) -> Forecast:
        """Say what actions would do to the running scan, one after another, and do nothing.

        Args:
            actions: One, or several in the order in which they would be proposed.

        Returns:
            Why one would be refused, or where the scan would measure, and how long that would take.
        """
        asked = actions if isinstance(actions, tuple) else (actions,)
        return self._do(self._client.forecast(asked))

    def outlook(self, scan: str, **values: float | str) -> Forecast:
        """Say how many points a scan would have if it were started so, and how long it would take; do nothing.

        Args:
            scan: Name of the scan.
            **values: Parameters that are to be others than the scan says.

        Returns:
            Why it would be refused, or its points and its seconds (NaN before the first scan of its kind). Of a plan
            of the instrument's own, and of a scan without end, nobody knows: 0 points.
        """
        return self._do(self._client.outlook(scan, values))

    def propose_json(self, proposal: Mapping[str, Json]) -> Ruling:
        """Propose something as it came from a file; what cannot be read is refused with a sentence."""
        return self._do(self._client.propose_json({"proposed_at": time.time(), **proposal}))

    def exit_status(self, run: str) -> str:
        """Say how a run that this session has seen ended: ``success``, ``abort``, ``fail``; empty before its end."""
        return self._writer.exit_status(run)

    def set(self, parameter: str, value: float | str) -> Ruling:
        """Change a parameter of the running scan from the next point on.

        Args:
            parameter: Its name.
            value: In the parameter's unit, or the name of a choice.

        Raises:
            SteeringError: If a name is given that is no choice of the parameter.
        """
        known = {item.name: item for item in self.board.status.value.parameters}
        # What is no parameter of the scan is refused by its name, whatever it is to be.
        number = known[parameter].value_of(value) if parameter in known else math.nan
        return self.propose(SetParameter(parameter, number))

    def look_finer(self, step: float, **region: tuple[float, float]) -> Ruling:
        """Measure a region on a finer grid first, then go on: ``look_finer(0.5, sx=(2, 8), sy=(-4, 1))``."""
        return self.propose(InsertRegion(region, dict.fromkeys(region, step)))

    def skip(self, points: int) -> Ruling:
        """Leave out the next points."""
        return self.propose(Skip(points))

    def end_burst(self) -> Ruling:
        """Stop the detector in the middle of the burst that runs; what it took is kept, and the next point follows."""
        return self.propose(EndBurst())

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

        Whoever stops waiting, or does not wait at all, changes nothing: results are made and kept all the same.

        Args:
            timeout: Longest wait in seconds.

        Raises:
            LateError: If it took longer.
        """
        try:
            return self._do(within(timeout, self._writer.wait_for_end()), timeout + ANSWER_SECONDS)
        except LateError:
            raise
        except TimeoutError as error:
            message = f"The scan has not ended after {timeout:g} s, and goes on. Wait again, for longer if need be."
            raise LateError(message) from error

    def set_mode(self, agent: str, mode: str) -> None:
        """Set an agent's mode: ``"off"``, ``"suggest"`` (shown, you accept) or ``"automatic"`` (proposed at once)."""
        self._do(self._writer.set_mode(agent, mode))

    def accept(self, suggestion: Suggestion) -> Ruling:
        """Propose what an agent suggested, with its basis, in this person's name; the ruling names the agent too.

        Raises:
            SteeringError: If it does not hold any more: its run is over, or the agent suggests something newer.
        """
        self._do(self._writer.forget(suggestion))
        return self.propose(suggestion.action, with_author(suggestion.basis, suggestion.agent))

    def dismiss(self, suggestion: Suggestion) -> None:
        """Take an agent's suggestion off the board.

        Raises:
            SteeringError: If it is not there any more.
        """
        self._do(self._writer.forget(suggestion))

    def dismiss_notices(self) -> None:
        """Take the notices off the board; what is still wrong is said again when it happens again."""
        self._do(self._writer.dismiss_notices())

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
            source: Name of an installed source (``"pva"``, ``"hdf5"``, ``"tiled"``, ``"replay"``, ``"watch"``,
                ``"events"``, ``"timepix"``), or a source, which is then the session's to close.
            analysis: What each of its runs gets: the name of an installed analysis, or an analysis.
            **settings: What the source of that name takes.

        Raises:
            SteeringError: If there is no such source or analysis, or the settings are not what it takes.
        """
        chosen = make_analysis(analysis)
        name, made = make_source(source, settings, self.workspace)
        self._do(self._writer.follow(name, made, {chosen.name: chosen}))

    def show(self, run: str, analysis: str = "", **parameters: Any) -> None:
        """Show a run of the record in all panels, its results made again; :meth:`unfollow` shows the beamline again.

        Args:
            run: Uid, or the beginning of it.
            analysis: Name of another analysis than those that its scan named.
            **parameters: What the analysis of that name takes.

        Raises:
            SteeringError: If there is no record or no such run, or the analysis does not take the parameters.
        """
        record = self.past.record(run)
        analyses, detector = analyses_of(record.start, analysis, parameters)
        self.past.forget(record.uid)
        self._do(self._writer.show(record.uid, analyses, detector))

    @property
    def results(self) -> Mapping[str, Result]:
        """The newest results of the shown run, by label, the main analysis' first: ``session.results["curve"]``."""
        return Results(self.board.results.value)

    def add_analysis(self, analysis: Any, label: str = "", *, detector: str = "", **parameters: Any) -> str:
        """Analyse the shown run in another way too, from its first frame on, while it goes on or after its end.

        One of the same label goes on until this one has its first result, and is replaced then.

        Args:
            analysis: Name of an installed one; or what you wrote (:func:`steering.own.analysis.own_analysis`), which
                is first tried on the run's first frames.
            label: What its results are called; its name if left out.
            detector: Whose frames it is given, of a scan with several; the main one's if left out.
            **parameters: What the analysis of that name takes; of what you wrote ``name``, ``units`` and
                ``alarms``.

        Returns:
            The label.

        Raises:
            SteeringError: If there is no such analysis, it fails, does not take these parameters, or no frame has come.
        """
        return self._do(self._writer.add_analysis(analysis, label, parameters, detector))

    def remove_analysis(self, label: str) -> None:
        """Do not analyse the shown run in that way any more, and take its results off the board.

        Raises:
            SteeringError: If the run has no analysis of that label, or it is the main one.
        """
        self._do(self._writer.remove_analysis(label))

    def unfollow(self) -> None:
        """End what is followed beside the beamline's documents, and show these again."""
        self._do(self._writer.unfollow())

    def frame_at(self, index: int) -> Frame:
        """Read a frame of the shown run again, as it was recorded, with the positions at which it was taken.

        Args:
            index: Of the frame in its run, from 0; ``board.span`` says which there are.

        Raises:
            SteeringError: If nothing refers to it any more, or it cannot be read.
        """
        return self._do(self._writer.frame_at(index))

    def take_lease(self) -> None:
        """Become the one who may steer."""
        self._do(self._client.lease("take"))

    def release_lease(self) -> None:
        """Let others steer; whoever asked for the lease has it then."""
        self._do(self._client.lease("release"))

    def ask_for_lease(self) -> None:
        """Ask its holder for the lease; it is yours when it is handed over or runs out, and at once if it is free."""
        self._do(self._client.lease("ask"))

    def give_lease(self) -> None:
        """Hand the lease to whoever asks for it."""
        self._do(self._client.lease("give"))

    def keep_lease(self) -> None:
        """Turn down who asks for the lease."""
        self._do(self._client.lease("keep"))

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

    def layout(self) -> dict[str, Json]:
        """Return how the page was laid out in this workspace; empty if nobody has changed it."""
        return read_layout(self.workspace)

    def keep_layout(self, layout: Mapping[str, Json]) -> None:
        """Keep how the page is laid out, for the next session in this workspace.

        Raises:
            SteeringError: If it cannot be written.
        """
        keep_layout(self.workspace, layout)

    def control_address(self) -> dict[str, str]:
        """Return what a browser on this machine's Jupyter needs to pause and abort past a busy kernel."""
        address = urlsplit(self._client.url)
        if address.hostname != "127.0.0.1" or address.port is None:
            return {}
        token = self._do(self._client.token(self.name, frozenset(("read", "operate")), _CONTROL_TOKEN_SECONDS))
        return {"port": str(address.port), "token": token}

    def close(self) -> None:
        """Let go. The scan, the service and the facility run on. Does nothing the second time."""
        self._works.end().wait()

    def shutdown(self, *, begun_only: bool = False) -> None:
        """Close, and end the embedded service, the record, the facility and all ingests: no process of ours stays.

        It may be closed before, and whoever is interrupted while waiting for this has it done all the same.

        Args:
            begun_only: End only what had to be started when this session was opened; what ran before goes on.
        """
        # Each takes seconds to end; they do so side by side.
        ends = {"facility": self._end_facility, "service": self._end_service}
        endings = [
            Ending("steering-shutdown", end) for name, end in ends.items() if not begun_only or name in self._began
        ]
        with ExitStack() as rest:
            if not begun_only:
                # After all else: what is followed here would start its ingest again.
                rest.callback(end_ingests, self.workspace)
            # Last of all: the facility is ended by the session's own connection.
            rest.callback(self.close)
            for ending in endings:
                rest.callback(ending.wait)

    def _end_service(self) -> None:
        """End the service, once the newest results are in the record, which goes with it."""
        self._works.wait_written(_WRITTEN_SECONDS)
        stop_service(self.workspace)

    def _end_facility(self) -> None:
        """End the facility, by the session's own connection while there is one."""
        connected = not self._works.closed
        self._works.end(facility=True).wait()
        if not connected:
            asyncio.run(self._facility.close())

    def __exit__(self, *_: object) -> None:
        """Close; a session is a context."""
        self.close()

    def _do(self, coroutine: Coroutine[Any, Any, Value], timeout: float = ANSWER_SECONDS) -> Value:
        return self._works.ask(coroutine, timeout)
