"""The beamline itself: engine, devices, docket, lease, journal. Everything that may be asked of it is a method here.

Data walk: the RunEngine's thread hands documents to :meth:`Beamline._document`, which journals and publishes them;
clients (HTTP and WebSocket, see :mod:`steering.beamline.app`) call the other methods from the service's own event loop
in worker threads, because judging a proposal may ask a motor for its limits.
"""

import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, replace
from threading import Lock, RLock
from typing import Any

from steering.archive.journal import Entry, Journal
from steering.beamline.description import BeamlineDescription, ScanEntry
from steering.beamline.devices import BeamlineDevices
from steering.beamline.hub import Hub
from steering.beamline.tenancy import Tenancy
from steering.core.action import Abort
from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.core.proposal import Proposal, Ruling
from steering.core.status import Axis, BeamlineStatus, ScanDescription
from steering.core.workspace import Workspace
from steering.guard import judge_value
from steering.plans.docket import Docket
from steering.plans.engine import Engine
from steering.plans.scan import Scan, reach_of
from steering.plans.steerable import steerable

# A run must have opened (devices staged) after so many seconds.
_OPEN_SECONDS = 60.0
# The remaining time follows from this many of the newest points.
_POINTS_TIMED = 20


class Beamline:
    """One beamline: at most one scan runs at a time, and it runs on whether or not anybody listens."""

    def __init__(
        self, description: BeamlineDescription, devices: BeamlineDevices, engine: Engine, workspace: Workspace
    ) -> None:
        """Take over connected devices and an idle engine."""
        self.description = description
        self.hub = Hub()
        self.tenancy = Tenancy()
        self._devices = devices
        self._engine = engine
        self._workspace = workspace
        self._lock = RLock()
        # Innermost of all locks: the RunEngine's thread takes it with each document.
        self._publishing = Lock()
        self._scans: dict[str, tuple[ScanEntry, Scan]] = {
            entry.name: (entry, entry.scan()) for entry in description.scans
        }
        self._docket: Docket | None = None
        self._axes: dict[str, Axis] = {}
        self._journal: Journal | None = None
        self._running: Future[None] | None = None
        self._run = ""
        self._opened: Future[str] = Future()
        self._message = ""
        self._aborting = False
        self._streams: dict[str, str] = {}
        self._times: deque[float] = deque(maxlen=_POINTS_TIMED + 1)
        engine.subscribe(self._document)

    def scans(self) -> tuple[ScanDescription, ...]:
        """Describe what can be started, with the motors' limits as they are now."""
        found: list[ScanDescription] = []
        for _, scan in self._scans.values():
            axes = self._engine.call(self._devices.limits(scan.axes))
            found.append(
                ScanDescription(
                    scan.name, scan.title, tuple(axes.values()), scan.parameters, scan.analysis, region=scan.region
                )
            )
        return tuple(found)

    def status(self) -> BeamlineStatus:
        """Say how things are."""
        docket, running = self._docket, self._scanning()
        state = "idle"
        if running and docket is not None:
            state = "aborting" if self._aborting else "paused" if docket.paused else "running"
        status = BeamlineStatus(
            state=state, beamline=self.description.name, run=self._run, lease=self.tenancy.lease, message=self._message
        )
        if docket is None:
            return status
        progress = docket.progress
        return replace(
            status,
            scan=docket.scan.name,
            points_done=progress.done,
            points_left=progress.left if running else 0,
            seconds_left=self._seconds_a_point() * progress.left if running else 0.0,
            parameters=tuple(replace(item, value=progress.values[item.name]) for item in docket.scan.parameters),
            pending=docket.pending,
            axes=self._axes,
        )

    def start(self, name: str, values: Mapping[str, float], person: str) -> str:
        """Start a scan with some of its parameters changed; return its run uid.

        Raises:
            SteeringError: If there is no such scan, one is running, somebody else holds the lease, or a value or the
                path is not allowed.
        """
        with self._lock:
            if self._scanning():
                message = "A scan is running. Wait for its end, finish it or abort it before starting another."
                raise SteeringError(message)
            if name not in self._scans:
                message = f"There is no scan {name!r}. This beamline has: {', '.join(self._scans)}."
                raise SteeringError(message)
            self.tenancy.take(person)
            entry, scan = self._scans[name]
            chosen = _chosen(scan.parameters, values)
            self._axes = self._engine.call(self._devices.limits(scan.axes))
            self._check_path(scan, chosen, entry.points_allowed)
            docket = Docket(scan, chosen, self._axes, entry.points_allowed, self._ruling)
            self._engine.call(self._before(entry))
            return self._launch(docket, person)

    def propose(self, proposal: Proposal, person: str) -> Ruling:
        """Judge a proposal now; if accepted it is applied before the next point, an abort at once."""
        docket = self._docket
        if docket is None:
            return _no_scan(proposal)
        self.tenancy.heard_of(person)
        ruling = docket.propose(proposal, person, self.tenancy.lease.holder)
        if ruling.accepted and isinstance(proposal.action, Abort) and not self._aborting:
            self._aborting = True
            self._engine.abort(proposal.action.reason or f"aborted by {proposal.who}")
        self.hub.touch()
        return ruling

    def refuse(self, ruling: Ruling) -> Ruling:
        """Enter a refusal of a proposal that could not be read, so that it is in the run like any other."""
        docket = self._docket
        return ruling if docket is None else docket.record(ruling)

    def close(self) -> None:
        """Abort what runs and let go of the devices."""
        self._engine.close()
        if self._journal is not None:
            self._journal.close()

    def _launch(self, docket: Docket, person: str) -> str:
        self._docket, self._aborting, self._message, self._run = docket, False, "", ""
        self._opened = Future()
        self._times.clear()
        with self._publishing:
            self.hub.begin()
            if self._journal is not None:
                self._journal.close()
            self._journal = Journal(self._workspace.journal, docket.scan.name)
        metadata = {"beamline": self.description.name, "operator": person}
        running = self._engine.run(steerable(docket, self._devices.of(docket.scan.axes), metadata))
        self._running = running
        running.add_done_callback(self._ended)
        either: list[Future[Any]] = [self._opened, running]
        wait(either, _OPEN_SECONDS, FIRST_COMPLETED)
        if not self._opened.done():
            message = self._message or f"The scan did not open its run within {_OPEN_SECONDS:g} s."
            raise SteeringError(message)
        return self._run

    def _scanning(self) -> bool:
        return self._running is not None and not self._running.done()

    def _ended(self, running: "Future[None]") -> None:
        error = running.exception()
        if error is not None:
            self._message = f"The scan ended early: {type(error).__name__}: {error}"
        self._aborting = False
        self.hub.touch()

    async def _before(self, entry: ScanEntry) -> None:
        """Set the PVs that the scan wants set before it starts."""
        from aioca import caput

        for channel, value in entry.before.items():
            await caput(channel, value, wait=True)

    def _check_path(self, scan: Scan, values: Mapping[str, float], allowed: int) -> None:
        count = scan.count(values)
        if count > allowed:
            message = f"The scan would have {count} points. Allowed: at most {allowed}. Take a larger step."
            raise SteeringError(message)
        for name, (low, high) in reach_of(scan.points(values)).extent.items():
            axis = self._axes[name]
            if low < axis.low or high > axis.high:
                message = (
                    f"The scan would move {name} from {low:g} to {high:g} {axis.units}. "
                    f"The motor allows {axis.low:g} to {axis.high:g} {axis.units}."
                )
                raise SteeringError(message)

    def _document(self, name: str, document: dict[str, Any]) -> None:
        """Journal and publish one document, on the RunEngine's thread."""
        if name == "start":
            self._run = document["uid"]
            self._opened.set_result(self._run)
        if name == "descriptor":
            self._streams[document["uid"]] = document["name"]
        if name == "event" and self._streams.get(document["descriptor"]) == "primary":
            self._times.append(document["time"])
        self._publish(Entry("document", name, document))

    def _ruling(self, ruling: Ruling) -> None:
        self._publish(Entry("ruling", "", asdict(ruling)))

    def _publish(self, entry: Entry) -> None:
        with self._publishing:
            if self._journal is not None:
                self._journal.write(entry)
            self.hub.publish(entry)

    def _seconds_a_point(self) -> float:
        if len(self._times) < 2:
            return float("nan")
        return (self._times[-1] - self._times[0]) / (len(self._times) - 1)


def _chosen(parameters: tuple[Parameter, ...], values: Mapping[str, float]) -> dict[str, float]:
    """Merge chosen values into the defaults; at the start any value within the limits may be taken in one step."""
    free = {item.name: replace(item, largest_step=float("inf")) for item in parameters}
    for name, value in values.items():
        refusal = judge_value(name, value, free)
        if refusal:
            raise SteeringError(refusal)
    return {item.name: item.value for item in parameters} | dict(values)


def _no_scan(proposal: Proposal) -> Ruling:
    return Ruling(
        id=proposal.id,
        who=proposal.who,
        kind=proposal.action.kind,
        subject="",
        old="",
        new="",
        verdict="refused",
        reason="No scan is running, so there is nothing to change. Start a scan first.",
        basis=proposal.basis,
        proposed_at=proposal.proposed_at,
        decided_at=time.time(),
    )
