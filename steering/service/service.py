"""The beamline itself: engine, devices, docket, lease, journal. Everything that may be asked of it is a method here.

Data walk: the RunEngine's thread hands documents to :meth:`Beamline._document`, whose feed journals and publishes them;
clients (HTTP and WebSocket, see :mod:`steering.beamline.app`) call the other methods from the service's own event loop
in worker threads, because judging a proposal may ask a motor for its limits.
"""

import secrets
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, replace
from itertools import pairwise
from statistics import median
from threading import Event, RLock
from typing import Any

from steering.core import burst
from steering.core.action import Abort, Action
from steering.core.errors import SteeringError
from steering.core.instrument import Instrument
from steering.core.plan import Forecast, Plan
from steering.core.proposal import Proposal, Ruling
from steering.core.status import BeamlineState, BeamlineStatus, EndedRun, ScanDescription
from steering.core.workspace import Workspace
from steering.description.description_entries import BeamlineDescription
from steering.devices.devices import BeamlineDevices
from steering.journal.journal import Entry
from steering.paths.path import Point
from steering.paths.scan import Scan
from steering.plans.devices import Devices
from steering.plans.docket import Docket
from steering.plans.engine import Engine
from steering.plans.own import own
from steering.plans.remarks import BEAMLINE
from steering.plans.steerable import steerable
from steering.scans.entry import ScanEntry
from steering.service.cut_off import CutOff, find
from steering.service.ended import ended_run, why_not_open, why_waiting
from steering.service.feed import Feed
from steering.service.room import full_disk
from steering.service.starting import check_path, check_present, choose, no_scan, no_such, scan_of, starting_with
from steering.service.tenancy import Tenancy
from steering.service.told_plan import ToldPlan, before_start, forecast

# A run must have opened (devices staged) after so many seconds.
_OPEN_SECONDS = 60.0
# A scan that is aborted as the service ends has so long to end in order.
_FINISH_SECONDS = 15.0
# The remaining time follows from this many of the newest points.
_POINTS_TIMED = 20


class Beamline:
    """One beamline: at most one scan runs at a time, and it runs on whether or not anybody listens."""

    def __init__(
        self,
        description: BeamlineDescription,
        devices: BeamlineDevices,
        engine: Engine,
        workspace: Workspace,
        haste: float = 1.0,
    ) -> None:
        """Take over connected devices and an idle engine.

        Args:
            description: Of the beamline.
            devices: Its devices.
            engine: Runs its plans.
            workspace: Where it writes.
            haste: How many times faster than life its devices are, where they are simulated.
        """
        self.description = description
        self._haste = haste
        self._workspace = workspace
        self._feed = Feed(workspace)
        self.hub, self.files = self._feed.hub, self._feed.files
        self.tenancy = Tenancy()
        self._devices = devices
        self._engine = engine
        self._lock = RLock()
        self._scans: dict[str, tuple[ScanEntry, Scan]] = {
            entry.name: (entry, scan_of(entry, description.signals)) for entry in description.scans
        }
        self._closing = False
        # Set once it is known how the last scan ended.
        self._over = Event()
        self._docket: Docket | None = None
        self._running: Future[None] | None = None
        # The run that is shown, and those that are open, the newest last.
        self._run, self._open = "", list[str]()
        self._opened: Future[str] = Future()
        self._message = ""
        self._last = EndedRun()
        self._stopped: dict[str, Any] = {}
        self._streams: dict[str, str] = {}
        self._told_plan = ToldPlan()
        self._times: deque[float] = deque(maxlen=_POINTS_TIMED + 1)
        engine.subscribe(self._document)

    def scans(self) -> tuple[ScanDescription, ...]:
        """Describe what can be started, with the motors' limits as they were last read; asks no device."""
        known = self._devices.known
        signals = {name: signal.known for name, signal in self._devices.signals.items()}
        return tuple(
            ScanDescription(
                scan.name,
                scan.title,
                tuple(known[axis] for axis in scan.axes),
                starting_with(entry, scan, signals).parameters,
                scan.analyses,
                scan.agents,
                region=scan.region,
                sample=entry.sample,
            )
            for entry, scan in self._scans.values()
        )

    def status(self) -> BeamlineStatus:
        """Say how things are; asks no device."""
        docket, running = self._docket, self._scanning()
        # Entries that waited for room are written as soon as there is some, and somebody looks.
        trouble = self._feed.trouble
        status = BeamlineStatus(
            state=self._state(docket) if running and docket is not None else "idle",
            beamline=self.description.name,
            run=self._run,
            lease=self.tenancy.lease,
            message=self._message,
            ended=self._last,
            haste=self._haste,
        )
        if docket is None:
            return status
        progress = docket.progress
        return replace(
            status,
            scan=docket.scan.name,
            points_done=progress.done,
            points_left=progress.left if running else 0,
            endless=docket.scan.endless,
            frames=docket.scan.frames * docket.scan.parts_of(progress.values),
            seconds_left=self._seconds_left(docket) if running else 0.0,
            parameters=tuple(replace(item, value=progress.values[item.name]) for item in docket.scan.parameters),
            pending=docket.pending if running else {},
            axes=docket.axes,
            message=" ".join(filter(None, (*docket.remarks, trouble))) or self._message,
            why=why_waiting(docket) if running else "",
        )

    def instrument(self) -> Instrument:
        """Say how the signals of the strip are now; asks no device."""
        return self._devices.strip.instrument()

    def plan(self) -> Plan:
        """Say where the shown run has measured and where it will; the same object until its path changes."""
        run = self._run
        return self._told_plan.of(self._docket, run)

    def forecast(self, actions: Sequence[Action], person: str) -> Forecast:
        """Say what actions would do if a person proposed them now, one after another; nothing is done or written."""
        holder, a_point = self.tenancy.lease.holder, self._seconds_a_point()
        return forecast(self._docket, self._run, actions, person, holder, a_point, self._haste)

    def outlook(self, name: str, values: Mapping[str, float | str]) -> Forecast:
        """Say how many points a scan would have if it were started now, and how long it would take; nothing is done.

        Args:
            name: Of the scan.
            values: The parameters that would differ from their defaults.
        """
        if name not in self._scans:
            return Forecast(no_such(name, self._scans))
        if self._scanning():
            return Forecast("A scan is running. Wait for its end.")
        entry, scan = self._scans[name]
        try:
            chosen = choose(scan.parameters, values)
            check_path(scan, chosen, self._engine.call(self._devices.limits(scan.axes)), entry.points_allowed)
        except SteeringError as error:
            return Forecast(str(error))
        return before_start(scan, chosen, self._docket, self._seconds_a_point(), self._haste)

    def start(self, name: str, values: Mapping[str, float | str], person: str, continues: str = "") -> str:
        """Start a scan with some of its parameters changed; return its run uid.

        Args:
            name: Of the scan; that of the run that is gone on with if left out.
            values: The parameters that differ from their defaults.
            person: Who starts it.
            continues: Uid, or its beginning, of a run that was cut off: the points that it measured are left out.

        Raises:
            SteeringError: If there is no such scan, one is running, somebody else holds the lease, a value or the path
                is not allowed, a device does not answer, there is no room for its data, or the scan ended before its
                run was open.
        """
        cut = self._cut_off(continues) if continues else None
        if cut is not None:
            name, values = name or cut.scan, {**cut.values, **values}
        with self._lock:
            if self._closing:
                message = "The beamline service is ending. Start another one, then the scan."
                raise SteeringError(message)
            if self._scanning():
                message = "A scan is running. Wait for its end, finish it or abort it before starting another."
                raise SteeringError(message)
            if name not in self._scans:
                raise SteeringError(no_such(name, self._scans))
            entry, scan = self._scans[name]
            if cut is not None and scan.own_path:
                message = f"{name} is a plan of the instrument: what it had measured cannot be left out. Start it anew."
                raise SteeringError(message)
            signals = entry.signals(self.description.signals)
            steered = [one for one in entry.parameters if one in signals]
            present = self._engine.call(self._devices.present(steered))
            scan = starting_with(entry, scan, present)
            chosen = choose(scan.parameters, values)
            # A signal is sent somewhere if the scan or the person says where to.
            told = [one for one in steered if one in values or entry.parameters[one].value is not None]
            begin_with = {one: chosen[one] for one in told}
            for one in steered:
                if one not in told:
                    check_present(one, present[one], entry.parameters[one])
            self.tenancy.take(person)
            axes = self._engine.call(self._devices.limits(scan.axes))
            check_path(scan, chosen, axes, entry.points_allowed)
            full = self._room()
            if full:
                raise SteeringError(full)
            docket = Docket(scan, chosen, axes, entry.points_allowed, self._ruling, begin_with)
            read = [name for name in entry.read if name in self.description.devices]
            picked = self._devices.of(scan.axes, entry.before, signals, entry.detectors, read)
            devices = replace(picked, room=self._room, suspending=self._devices.suspending(scan.name))
            opened, running = self._launch(docket, devices, person, cut)
        return self._opening(docket, opened, running)

    def propose(self, proposal: Proposal, person: str) -> Ruling:
        """Judge a proposal now; if accepted it is applied before the next point, an abort at once.

        Each accepted abort acts: the first ends the scan, a later one no longer waits for a device that is silent.
        """
        docket = self._docket
        if docket is None:
            return no_scan(proposal)
        if self._scanning():
            self.tenancy.acted(person, agent=proposal.who != person)
        ruling = docket.propose(proposal, person, self.tenancy.lease.holder)
        if ruling.accepted and isinstance(proposal.action, Abort):
            self._end(docket, proposal.action.reason or f"aborted by {proposal.who}")
        self.hub.touch()
        return ruling

    def refuse(self, ruling: Ruling, person: str) -> Ruling:
        """Enter a refusal of a person's proposal that could not be read, so that it is in the run like any other."""
        docket = self._docket
        return ruling if docket is None else docket.record(ruling, person, self.tenancy.lease.holder)

    def finish(self) -> bool:
        """Abort what runs, wait until its devices are safe and its run is closed, and start nothing any more.

        Returns:
            Whether something ran. Asked again it does nothing.
        """
        with self._lock:
            first, self._closing = not self._closing, True
            docket = self._docket
        if not first or docket is None or not self._scanning():
            return False
        self._abort(docket, "the beamline service is closing")
        self._over.wait(_FINISH_SECONDS)
        return True

    def close(self) -> None:
        """Do that, and let go of the devices."""
        self.finish()
        if self._docket is not None and self._scanning():
            # It waits for a device that does not answer.
            self._abort(self._docket, "the beamline service is closing")
        self._engine.close()
        self._feed.close()

    def _abort(self, docket: Docket, reason: str) -> None:
        """Abort because of the beamline, and nobody's wish."""
        proposal = Proposal(secrets.token_hex(16), BEAMLINE, Abort(reason), "", time.time())
        docket.propose(proposal, BEAMLINE, "")
        self._end(docket, reason)

    def _end(self, docket: Docket, reason: str) -> None:
        # A plan that ends already no longer waits for what it waits for.
        self._engine.insist(reason, lambda: docket.noticed)

    def remark(self, sentence: str) -> None:
        """Say something that holds until the next scan starts."""
        self._message = sentence
        self.hub.touch()

    def _room(self) -> str:
        """Say why there is no room for another point; empty if there is."""
        folders = [folder for folder in (self._workspace.directory, self._workspace.frames) if folder.exists()]
        return full_disk(folders) or self._feed.trouble

    def _cut_off(self, run: str) -> CutOff:
        cut = find(self._workspace, run)
        if cut is None:
            message = f"No run that was cut off begins with {run!r:.60}. Start the scan anew."
            raise SteeringError(message)
        return cut

    def _launch(
        self, docket: Docket, devices: Devices, person: str, cut: CutOff | None
    ) -> "tuple[Future[str], Future[None]]":
        metadata: dict[str, Any] = {"beamline": self.description.name, "operator": person}
        geometry = self.description.geometry()
        if geometry:
            metadata["geometry"] = geometry
        sample = self._scans[docket.scan.name][0].sample
        if sample:
            metadata["sample"] = sample
        measured: list[Point] = []
        if cut is not None:
            metadata["continues"] = cut.run
            # A point is the same wherever in a grid it stands: what counts is the new path's step.
            measured = [Point(dict(positions), {}) for positions in cut.positions]
        made = self._devices.own_plans.get(docket.scan.name)
        if made is not None:
            plan = own(docket, devices, metadata, made(docket.progress.values))
        else:
            plan = steerable(docket, devices, metadata, measured)
        self._feed.begin(docket.scan.name)
        self._docket, self._message, self._run, self._stopped = docket, "", "", {}
        self._open = []
        opened: Future[str] = Future()
        self._opened = opened
        self._times.clear()
        self._over.clear()
        running = self._engine.run(plan)
        self._running = running
        running.add_done_callback(lambda ended: self._ended(docket, ended))
        self.hub.touch()
        return opened, running

    def _opening(self, docket: Docket, opened: "Future[str]", running: "Future[None]") -> str:
        """Wait until the run is open; whatever else happens is said."""
        either: list[Future[Any]] = [opened, running]
        wait(either, _OPEN_SECONDS, FIRST_COMPLETED)
        if opened.done():
            return opened.result()
        if not running.done() and docket.scan.own_path:
            message = (
                f"The plan {docket.scan.name} has begun, but has not opened a run within {_OPEN_SECONDS:g} s. "
                "It goes on: wait for it, or abort it."
            )
            raise SteeringError(message)
        if not running.done():
            self._abort(docket, f"it did not open its run within {_OPEN_SECONDS:g} s")
            message = f"The scan did not open its run within {_OPEN_SECONDS:g} s and is being aborted."
            raise SteeringError(message)
        message = why_not_open(docket, running.exception())
        raise SteeringError(message)

    def _state(self, docket: Docket) -> BeamlineState:
        if docket.aborting:
            return "aborting"
        if docket.paused and (self._run or docket.scan.own_path):
            return "paused"
        return "running" if self._run else "opening"

    def _scanning(self) -> bool:
        # Until it is known how it ended: who sees that nothing runs sees how the last scan ended, too.
        return self._running is not None and not self._over.is_set()

    def _ended(self, docket: Docket, running: "Future[None]") -> None:
        """Note how a scan ended."""
        try:
            docket.end()
            self._last = ended_run(self._run, docket, running, self._stopped)
            if self._last.status == "fail":
                docket.remark(f"The scan ended early. {self._last.reason}")
        finally:
            self._feed.end()
            self._over.set()
            self.hub.touch()

    def _document(self, name: str, document: dict[str, Any]) -> None:
        """Journal and publish one document, on the RunEngine's thread."""
        if name == "start":
            self._run = document["uid"]
            self._open.append(self._run)
            if not self._opened.done():
                self._opened.set_result(self._run)
        if name == "stop" and document["run_start"] in self._open:
            # A plan may open one inside another: then the one around it goes on, and ends last.
            self._open.remove(document["run_start"])
            self._run, self._stopped = [document["run_start"], *self._open][-1], document
        if name == "descriptor":
            self._streams[document["uid"]] = document["name"]
        primary = name == "event" and self._streams.get(document["descriptor"]) == "primary"
        if primary and not document["data"].get(burst.PART):
            # A burst in parts has an event a part, and is one point.
            self._times.append(document["time"])
        self._feed.publish(Entry("document", name, document))

    def _ruling(self, ruling: Ruling) -> None:
        self._feed.publish(Entry("ruling", "", asdict(ruling)))

    def _seconds_left(self, docket: Docket) -> float:
        return float("nan") if docket.scan.endless else self._seconds_a_point() * docket.progress.left

    def _seconds_a_point(self) -> float:
        if len(self._times) < 2:
            return float("nan")
        # The median: a pause between two points says nothing of the others.
        # Taken at once: the RunEngine's thread adds to them meanwhile.
        return median(later - earlier for earlier, later in pairwise(tuple(self._times)))
