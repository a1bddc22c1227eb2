"""Keeps a session's board true. Runs on the session's event loop; the only writer of the board."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Any

from steering.advice.runner import AgentRunner
from steering.archive.past import RECORD
from steering.beamline.client import BeamlineClient, Begin, Lost, Moved, News, Welcome
from steering.core import registry
from steering.core.agent import Suggestion
from steering.core.analysis import Analyses, Analysis
from steering.core.binding import Binding, agents_of, bindings_of, make_analysis
from steering.core.board import Board
from steering.core.errors import SteeringError, said
from steering.core.facility import Facility, FacilityStatus
from steering.core.frame import Frame
from steering.core.instrument import Instrument
from steering.core.place import Place
from steering.core.plan import Plan
from steering.core.proposal import Ruling
from steering.core.result import Result
from steering.core.source import RunStarted, Source
from steering.core.status import BeamlineStatus
from steering.core.waiting import end_tasks
from steering.core.workspace import Workspace
from steering.flow_runner.desk import Flows
from steering.journal.journal import Entry
from steering.loop.partial import rehearse
from steering.loop.stopwatch import Stopwatch
from steering.loop.store import Store
from steering.own.trial import try_on
from steering.places.served import seen_here_or_served
from steering.service.wire import RULING
from steering.session.choice import DOCUMENTS, make_source
from steering.session.choice import make_analysis as make_named
from steering.session.companions import Companion, Companions
from steering.session.keeper import ResultKeeper
from steering.session.lasting import lasting
from steering.session.notices import Notices
from steering.session.shown_source import ShownSource, renew
from steering.session.source_follower import SourceFollower
from steering.sources.documents import DocumentSource

_COMPUTE_SECONDS = 1.0
_LATENCY_SECONDS = 0.2
_READY_SECONDS = 60.0
_GONE_SECONDS = 1.0
_MEMORY_STEP = 16 * 2**20


class BoardWriter:
    """Follows a service, runs the loop and the agents, and writes what comes of it on the board."""

    def __init__(
        self,
        client: BeamlineClient,
        facility: Facility,
        board: Board,
        record: dict[str, str],
        workspace: Workspace | None = None,
    ) -> None:
        """Wire it; nothing runs before :meth:`start`."""
        self.name = ""
        self._client = client
        self._facility = facility
        self._board = board
        self._record = record
        self._record_clients: Any = None
        self._record_gone = Event()
        # Whoever does not see the beamline's files is sent its frames.
        self._reach: Callable[[Place], Place] = lambda place: seen_here_or_served(place, client.url, client.secret)
        self._source = DocumentSource(reach=self._reach)
        shared = facility.shared
        store = Store(shared / "states" if shared is not None else None, shared=True)
        self._notices = Notices(board.notice)
        self._documents = SourceFollower(
            DOCUMENTS, self._source, facility, store, self._choose, self._publish, self._notices.of(DOCUMENTS)
        )
        self._store = store
        self._companions = Companions(self._accompany)
        self._shown_source = ShownSource(self._documents, board, facility, store, self._notices)
        self._agents = AgentRunner(client, board, self._notices.say, workspace)
        self._applied = Stopwatch()
        self._timed: set[str] = set()
        self._rulings: dict[str, Ruling] = {}
        self._bindings: dict[str, tuple[Binding, ...]] = {}
        self._ended: dict[str, str] = {}
        self._begun = False
        self._ready = asyncio.Event()
        self._news = asyncio.Event()
        self._keeper = ResultKeeper(self.record_client, lambda sentence: self._notices.say("record", sentence))
        self._tasks: list[asyncio.Task[None]] = []
        self._stopped = False

    @property
    def photon_to_feature(self) -> Stopwatch:
        """Durations from the end of each frame's exposure to the result that holds it."""
        return self._documents.loop.photon_to_feature

    @property
    def proposal_to_applied(self) -> Stopwatch:
        """Durations from a proposal's making to the checkpoint at which the plan took it."""
        return self._applied

    async def start(self, flows: Flows) -> None:
        """Start the facility, follow the service and what flows bring; return once the service's state is known.

        Raises:
            SteeringError: If one of them cannot be reached.
        """
        await self._facility.start()
        await self._rehearse()
        self._board.compute.set(await self._facility.status())
        works = {
            "The link to the beamline service": self._follow,
            "What the agents do": self._agents.run,
            "The look at the compute": self._watch_compute,
            "The measurement of the latency": self._watch_latency,
            "What flows bring": lambda: flows.follow(self._agents.bring, self._notices.say),
        }
        self._tasks = [
            *self._documents.start(frames=False),
            *(
                asyncio.create_task(lasting(what, work, self._ready, self._notices.of(what)))
                for what, work in works.items()
            ),
        ]
        await self._until_ready()

    async def _until_ready(self) -> None:
        ready = asyncio.create_task(self._ready.wait())
        running, deadline = {ready, *self._tasks}, time.monotonic() + _READY_SECONDS
        try:
            while not ready.done() and (left := deadline - time.monotonic()) > 0:
                ended, running = await asyncio.wait(running, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    # One may have nothing to do here, and end; one that fails says why there is no session.
                    task.result()
        finally:
            ready.cancel()
        if not self._ready.is_set():
            message = f"The beamline service at {self._client.url} did not answer within {_READY_SECONDS:g} s."
            raise SteeringError(message)

    async def _rehearse(self) -> None:
        """Have the workers load each installed analysis; one that cannot be loaded is named, and the others are."""
        for name in registry.names("analyses"):
            try:
                make: Any = registry.load("analyses", name)
            except SteeringError:
                # Without the packages that it needs it is listed with what to install, and nobody asks for it.
                continue
            except Exception as error:  # noqa: BLE001  (a stranger's module may raise anything)
                self._cannot_load(name, error)
                continue
            try:
                await self._facility.rehearse(rehearse, make())
            except SteeringError:
                raise
            except Exception as error:  # noqa: BLE001  (likewise)
                self._cannot_load(name, error)

    def _cannot_load(self, name: str, error: Exception) -> None:
        self._notices.say(f"analysis {name}", f"The analysis {name} cannot be loaded: {said(error)}.")

    async def begin(self, scan: str, values: Mapping[str, float | str], continues: str = "") -> str:
        """Start a scan, perhaps the rest of a run that was cut off; return its run uid once the board shows it."""
        run = await self._client.start(scan, values, continues)
        # One that ends at once may have been followed by another before anybody looked.
        while self._board.status.value.run != run and run not in self._ended:
            self._news.clear()
            await self._news.wait()
        return run

    def record_client(self) -> Any:
        """Return the Tiled client; connected when first asked for, from the caller's own thread.

        Raises:
            SteeringError: If the service runs without a record.
        """
        if not self._record:
            message = "This beamline service runs without a record. Start it with one to read back runs."
            raise SteeringError(message)
        if self._record_clients is None:
            from steering.archive.record import connect_record

            self._record_clients = connect_record(self._record["url"], self._record["key"], given_up=self._record_gone)
        return self._record_clients

    def exit_status(self, run: str) -> str:
        """Say how a run ended; empty before its end."""
        return self._ended.get(run, "")

    async def set_mode(self, agent: str, mode: str) -> None:
        """Set an agent's mode."""
        self._agents.set_mode(agent, mode)

    async def forget(self, suggestion: Suggestion) -> None:
        """Take a suggestion off the board.

        Raises:
            SteeringError: If it is not there any more.
        """
        self._agents.forget(suggestion)

    async def dismiss_notices(self) -> None:
        """Take the notices off the board."""
        self._notices.dismiss()

    async def wait_for_end(self) -> str:
        """Wait until the service is idle, its run's last frame is in the result, and the result is in the record."""
        while not self._settled():
            self._news.clear()
            await self._news.wait()
        await self._keeper.written()
        return self._board.status.value.run

    async def close(self) -> None:
        """Stop following and let go of service and facility."""
        await self._stop_following()
        await self._client.close()
        await self._facility.detach()

    async def follow(self, name: str, source: Source, analyses: Analyses) -> None:
        """Follow a source beside the documents, and show it."""
        await self._shown_source.follow(name, source, analyses)
        self._board.detectors.set(())

    async def add_analysis(self, analysis: Any, label: str, parameters: Mapping[str, Any], detector: str = "") -> str:
        """Analyse the shown run in another way too; return the label of its results.

        Raises:
            SteeringError: If there is no run, or it has no such detector.
        """
        shown = self._shown_source.owner(label)
        known = self._companions.detectors
        if detector and detector not in known:
            has = f"It has: {', '.join(known)}." if known else "It has none with frames yet."
            message = f"There is no detector {detector!r:.60} in this scan. {has}"
            raise SteeringError(message)
        if detector in known[1:]:
            shown = self._companions[detector]
        like = self._like(shown)
        made = make_named(analysis, like.axes, like.geometry, **parameters)
        await self._facility.rehearse(rehearse, made)
        if not isinstance(analysis, str):
            # Those that are installed are tested; a person hears of a fault before it is in the run.
            await try_on(self._facility, made, shown.index.blocks()[0])
        await shown.add(label or made.name, made)
        return label or made.name

    async def remove_analysis(self, label: str) -> None:
        """Do not analyse the shown run in that way any more."""
        await self._shown_source.owner(label).leave(label)
        self._shown_source.put()

    def _like(self, shown: SourceFollower) -> Binding:
        """Give the main binding of the shown run, for its axes and geometry, if it is one of the beamline's."""
        bindings = self._bindings.get(shown.run, ()) if shown is self._documents else ()
        return bindings[0] if bindings else Binding("", "")

    async def show(self, run: str, analyses: Analyses, detector: str) -> None:
        """Show a run of the record, in place of another one of it."""
        await self.unfollow(RECORD)
        settings = {"url": self._record["url"], "key": self._record["key"], "run": run, "detector": detector}
        await self.follow(RECORD, make_source("tiled", settings)[1], analyses)

    async def unfollow(self, name: str = "") -> None:
        """Close what is followed beside the documents, of all names or of one, and show what is left."""
        await self._shown_source.unfollow(name)
        shows_documents = self._shown_source.shown is self._documents
        self._board.detectors.set(self._companions.detectors if shows_documents else ())

    async def frame_at(self, index: int) -> Frame:
        """Read a frame of the newest run that is shown."""
        return await self._shown_source.frame_at(index)

    async def end_facility(self) -> None:
        """End the facility's processes, once nothing is left here that would start them again as lost."""
        await self._stop_following()
        await self._facility.close()

    async def _stop_following(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        await self.unfollow()
        for task in self._tasks:
            task.cancel()
        await self._documents.cancel()
        await asyncio.gather(*(followed.cancel() for _, followed in self._companions.all))
        await end_tasks(*self._tasks)
        await self.until_written()

    async def until_written(self) -> None:
        """Wait until the results are in the record; one that has gone with its service is not waited for."""
        writing = asyncio.create_task(self._keeper.written())
        while not (await asyncio.wait([writing], timeout=_GONE_SECONDS))[0]:
            try:
                await self._client.status()
            except SteeringError:
                self._record_gone.set()
        await writing

    def _settled(self) -> bool:
        status = self._board.status.value
        if status.scanning or not status.run:
            return not status.scanning and self._ready.is_set()
        if status.run not in self._ended:
            return False
        if status.run not in self._bindings:
            return True
        return all(
            self._drained(source, followed, status.run)
            for source, followed in ((self._source, self._documents), *self._companions.all)
        )

    def _drained(self, source: DocumentSource, followed: SourceFollower, run: str) -> bool:
        """Say whether the last frame of a run is in the results."""
        if followed.loop.drained != run:
            return False
        # What no analysis is given, or no analysis can take, is waited for by nobody.
        return not followed.labels or source.frames_sent(run) <= followed.loop.counts.came

    async def _follow(self) -> None:
        async for news in self._client.follow():
            self._take(news)

    def _take(self, news: News) -> None:
        self._news.set()
        match news:
            case Moved(connection=connection):
                # Nobody will tell the end of what the lost one had open.
                for source in self._sources:
                    source.end_open()
                self._record, self._record_clients = dict(connection.get("record") or {}), None
            case Welcome(name=name, scans=scans):
                self.name = name
                self._board.scans.set(scans)
                self._agents.know(scans)
            case Begin():
                self._begun = True
                self._rulings = {}
                self._board.rulings.set(())
            case Entry(kind="document", name=name, content=content):
                self._document(name, content)
            case Entry(content=content):
                self._ruling(RULING.validate_python(content))
            case BeamlineStatus():
                renew(self._board.status, news)
                self._agents.look()
                self._ready.set()
            case Plan() | Frame() | Instrument():
                self._see(news)
            case Lost(detail=detail):
                self._board.status.set(replace(self._board.status.value, state="offline", message=detail))

    def _see(self, news: Plan | Frame | Instrument) -> None:
        if isinstance(news, Plan):
            self._board.plan.set(news)
        elif isinstance(news, Instrument):
            self._board.instrument.set(news)
        else:
            self._shown_source.look(news)

    def _document(self, name: str, content: dict[str, Any]) -> None:
        if name == "start":
            self._bindings[content["uid"]] = bindings_of(content)
            self._companions.begin(content, self._bindings[content["uid"]])
            self._name_detectors()
            self._agents.begin(agents_of(content))
            if self._begun:
                # What went wrong with the run before does not concern this one.
                self._notices.say(DOCUMENTS, "")
                # The service tells of one scan after another; an older one that is open has lost its end.
                for source in self._sources:
                    source.end_open(but=content["uid"])
            self._begun = False
            self._shown_source.begin(content["uid"])
        if name == "descriptor":
            self._companions.describe(content)
            self._name_detectors()
        for source in self._sources:
            source.feed(name, content)
        if name == "stop":
            self._ended[content["run_start"]] = str(content["exit_status"])

    @property
    def _sources(self) -> list[DocumentSource]:
        return [self._source, *(source for source, _ in self._companions.all)]

    def _accompany(self, detector: str) -> Companion:
        """Follow another detector's frames, from this run on."""
        source = DocumentSource(detector=detector, reach=self._reach)
        complain = self._notices.of(f"{DOCUMENTS} {detector}")
        followed = SourceFollower(
            DOCUMENTS, source, self._facility, self._store, partial(self._choose, detector=detector), self._publish,
            complain, keeps_main=False,
        )  # fmt: skip
        self._tasks += followed.start(frames=False)
        self._shown_source.accompany(followed)
        return source, followed

    def _name_detectors(self) -> None:
        if self._shown_source.shown is self._documents:
            renew(self._board.detectors, self._companions.detectors)

    def _ruling(self, ruling: Ruling) -> None:
        self._rulings[ruling.id] = ruling
        self._board.rulings.set(tuple(self._rulings.values()))
        if ruling.applied_at and ruling.id not in self._timed and ruling.accepted:
            self._timed.add(ruling.id)
            self._applied.add(ruling.applied_at - ruling.proposed_at)

    def _choose(self, started: RunStarted, detector: str = "") -> Analyses:
        """Make the analyses of a run that look at a detector's frames; at the main one's if none is named."""
        analyses: dict[str, Analysis[Any]] = {}
        wrong: list[str] = []
        for binding in self._bindings.get(started.run, ()):
            if (binding.detector if binding.detector in self._companions else "") != detector:
                continue
            try:
                analyses[binding.label] = make_analysis(binding)
            except SteeringError as error:
                wrong.append(str(error))
            except Exception as error:  # noqa: BLE001  (a stranger's analysis may raise anything, and costs no other one)
                wrong.append(f"The analysis {binding.label} cannot be made: {said(error)}.")
        if wrong:
            self._notices.say(DOCUMENTS, " ".join(wrong))
        return analyses

    def _publish(self, followed: SourceFollower, result: Result) -> None:
        self._shown_source.publish(followed, result)
        self._news.set()
        if result.provenance.run == followed.run:
            # What an analysis still says of a run before is no reason to steer this one.
            alarms = followed.alarms_of(result.provenance.label)
            self._agents.ingest(result, next(iter(self._documents.labels), ""), alarms)
        if self._record and self._record.get("access") != "read" and result.provenance.run in self._ended:
            self._keeper.keep(result)

    async def _watch_compute(self) -> None:
        while True:
            status = await self._facility.status()
            renew(self._board.compute, _steady(status))
            if status.state == "lost":
                # Its owner starts another scheduler; while a run is analysed the loop attaches, else nobody would.
                with suppress(SteeringError, OSError):
                    await self._facility.attach()
            await asyncio.sleep(_COMPUTE_SECONDS)

    async def _watch_latency(self) -> None:
        while True:
            self._shown_source.write(self._applied.quantiles)
            await asyncio.sleep(_LATENCY_SECONDS)


def _steady(status: FacilityStatus) -> FacilityStatus:
    """Round what flickers: an idle session has no news."""
    workers = tuple(
        replace(worker, memory=round(worker.memory / _MEMORY_STEP) * _MEMORY_STEP) for worker in status.workers
    )
    return replace(status, workers=workers)
