"""A desk without a beamline: a real board, the real guard, and scans whose data are computed."""

import itertools
import math
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import xarray as xr

from steering.core.action import Abort, Action, Finish, InsertRegion, Pause, Resume, SetParameter, Skip
from steering.core.agent import Suggestion
from steering.core.binding import Binding, make_analysis
from steering.core.board import Board
from steering.core.errors import SteeringError
from steering.core.facility import FacilityStatus, WorkerStatus
from steering.core.frame import Frame
from steering.core.history import FrameSpan, SeenRun
from steering.core.json import Json
from steering.core.latency import LatencySummary, Quantiles
from steering.core.parameter import Parameter
from steering.core.plan import Forecast, Plan
from steering.core.pool import JobStatus, PoolRequest, PoolStatus
from steering.core.proposal import Ruling, with_author
from steering.core.result import Feature, Outcome, Provenance, Result, parameters_hash
from steering.core.source import FollowedSource, SourceStatus
from steering.core.status import Axis, BeamlineStatus, EndedRun, Lease, ScanDescription
from steering.guard import Situation, judge
from steering.loop.trend import TrendGatherer
from tests.widgets.fake_flows import FakeFlows
from tests.widgets.fake_past import FakePast

TH = Axis("th", "deg", -2.0, 2.0)
SY, SX = Axis("sy", "um", -20.0, 20.0), Axis("sx", "um", -30.0, 30.0)
ROCKING = ScanDescription(
    "rocking",
    "Rocking curve (34-ID-C scan 54)",
    (TH,),
    (
        Parameter("centre", "deg", 0.22, -0.5, 1.0, 0.5, "Middle of the range", 4),
        Parameter("range", "deg", 1.0, 0.01, 1.5, 1.0, "Full width of the range", 4),
        Parameter("step", "deg", 0.02, 0.0005, 0.1, 0.05, "Distance between points", 4),
        Parameter("exposure", "s", 0.25, 0.01, 5.0, 2.0, "Exposure of one frame", 3),
    ),
    (Binding("rocking_curve", "rocking_curve", ("th",)),),
    sample="Ni pillar",
)
MAP = ScanDescription(
    "map",
    "Dark-field map (26-ID WSe2)",
    (SY, SX),
    (
        Parameter("step", "um", 2.5, 0.1, 10.0, 5.0, "Distance between points", 2),
        Parameter("exposure", "s", 0.1, 0.01, 5.0, 2.0, "Exposure of one frame", 3),
    ),
    (Binding("map_features", "map_features", ("sy", "sx")),),
    region=True,
)
PEAK, WIDTH = 0.2213, 0.031
SHAPING = {"centre", "range", "step"}


class FakeDesk:
    """Implements ``Desk``. ``advance`` measures one point; ``run`` does so in a thread.

    Attributes:
        actions: Every action that was proposed, in order.
        started: Every scan that was started, with its values.
        asked: Every request for compute.
        forecasts: Everything that a forecast was asked for.
        added: Every analysis that was added: name, label and parameters.
        past: Runs that are over.
        flows: Flows of a beamline that has none before :meth:`FakeFlows.fill`.
        shown: Every run of the past that was shown: uid, analysis and parameters.
        labelled: Whether results are shown by label too, as a session does.
        monitored: Whether the ring current was recorded at each point of a curve.
    """

    def __init__(self, size: int = 256) -> None:
        self._board = Board()
        self.actions: list[Action] = []
        self.forecasts: list[tuple[Action, ...]] = []
        self.asked: list[PoolRequest] = []
        self.started: list[tuple[str, dict[str, float]]] = []
        self.added: list[tuple[str, str, dict[str, object]]] = []
        self.looked_at: list[str] = []
        self.labelled = False
        self.monitored = False
        self.address: dict[str, str] = {}
        self.fail = ""
        self.geometry: dict[str, float] = {}
        self.laid_out: dict[str, Json] = {}
        self._size = size
        self._lock = threading.RLock()
        self._path: list[tuple[float, ...]] = []
        self._done: list[tuple[float, ...]] = []
        self._random = np.random.default_rng(1)
        self._number = 0
        self._version = 0
        self._stop = threading.Event()
        self.past = FakePast()
        self.flows = FakeFlows()
        self.shown: list[tuple[str, str, dict[str, object]]] = []
        self._trend = TrendGatherer()
        self.board.source.set(FollowedSource("documents"))
        self.board.status.set(BeamlineStatus("idle", "Simulated APS beamline"))
        self.board.scans.set((ROCKING, MAP))
        self.board.modes.set({"recentre": "suggest"})
        self.board.compute.set(
            FacilityStatus(
                "local",
                "running",
                "Two workers on this machine.",
                (WorkerStatus("local-0", 1, 412 << 20, 1, 4711), WorkerStatus("local-1", 1, 398 << 20, 0, 4712)),
                3,
                128,
                urgencies=("live", "soon", "batch"),
            )
        )

    @property
    def board(self) -> Board:
        return self._board

    @property
    def name(self) -> str:
        return "ana"

    def start(self, scan: str, **values: float) -> str:
        with self._lock:
            if self.board.status.value.scanning:
                raise SteeringError(
                    "A scan is running. Wait for its end, finish it or abort it before starting another."
                )
            description = {item.name: item for item in self.board.scans.value}[scan]
            parameters = tuple(
                replace(item, value=values.get(item.name, item.value)) for item in description.parameters
            )
            self.started.append((scan, values))
            run = str(uuid.uuid4())
            self._path = _path(scan, {item.name: item.value for item in parameters})
            self._done = []
            self._version = 0
            self.board.rulings.set(())
            self.board.result.set(None)
            self.board.results.set({})
            self._trend.begin(run)
            self.board.trend.set(self._trend.trend)
            self.board.span.set(FrameSpan(run))
            self.board.runs.set((*self.board.runs.value, SeenRun(run, scan, time.time(), geometry=self.geometry)))
            self.board.status.set(
                BeamlineStatus(
                    "running",
                    "Simulated APS beamline",
                    scan,
                    run,
                    0,
                    len(self._path),
                    math.nan,
                    parameters,
                    {},
                    {axis.name: axis for axis in description.axes},
                    Lease(self.name, time.time() + 600),
                    ended=self.board.status.value.ended,
                )
            )
            self._lay()
            return run

    def _lay(self) -> None:
        """Tell where it measures, as the path has changed."""
        self.board.plan.set(self._plan(self._path))

    def _plan(self, path: list[tuple[float, ...]]) -> Plan:
        status = self.board.status.value
        kept = [point[: len(status.axes)] for point in (*self._done, *path)]
        return Plan.of(status.run, tuple(status.axes), kept, len(kept), len(self._done))

    def outlook(self, scan: str, **values) -> Forecast:
        with self._lock:
            if self.fail:
                raise SteeringError(self.fail)
            offered = next(one for one in self.board.scans.value if one.name == scan)
            known = {one.name: one.value for one in offered.parameters} | values
            if known.get("exposure", 0.0) > 5:
                return Forecast("exposure is 99 s. Allowed: 0.01 to 5 s.")
            points = round(known["range"] / known["step"]) + 1 if "range" in known else 0
            return Forecast("", Plan(), points, points * known.get("exposure", math.nan))

    def forecast(self, actions: Action | tuple[Action, ...]) -> Forecast:
        with self._lock:
            if self.fail:
                raise SteeringError(self.fail)
            actions = actions if isinstance(actions, tuple) else (actions,)
            self.forecasts.append(actions)
            parameters, path, laid = self._pending(), list(self._path), False
            for action in actions:
                reason = judge(action, self._situation(parameters))
                if reason:
                    return Forecast(reason, self._plan(self._path), len(self._path), 0.3 * len(self._path))
                match action:
                    case SetParameter(parameter=name, value=value):
                        parameters[name] = replace(parameters[name], value=value)
                        laid = laid or name in SHAPING
                    case InsertRegion():
                        path = _grid(action.region["sy"], action.region["sx"], action.step["sx"]) + path
                    case Skip(points=points):
                        path = path[points:]
                    case Finish() | Abort():
                        path = []
                    case _:
                        pass
            if laid:
                path = self._laid({name: item.value for name, item in parameters.items()})
            return Forecast("", self._plan(path), len(path), 0.3 * len(path))

    def _laid(self, values: dict[str, float]) -> list[tuple[float, ...]]:
        """Lay the path anew, without what is measured."""
        known = {tuple(round(value, 6) for value in point) for point in self._done}
        path = _path(self.board.status.value.scan, values)
        return [point for point in path if tuple(round(value, 6) for value in point) not in known]

    def _pending(self) -> dict[str, Parameter]:
        status = self.board.status.value
        return {item.name: replace(item, value=status.pending.get(item.name, item.value)) for item in status.parameters}

    def _situation(self, parameters: Mapping[str, Parameter]) -> Situation:
        status = self.board.status.value
        return Situation(
            status.scanning, status.state == "paused", self.name, status.lease.holder, parameters, status.axes,
            status.scan == "map", status.points_left,
        )  # fmt: skip

    def propose(self, action: Action, basis: str = "") -> Ruling:
        with self._lock:
            if self.fail:
                raise SteeringError(self.fail)
            self.actions.append(action)
            pending = self._pending()
            reason = judge(action, self._situation(pending))
            now = time.time()
            subject, old, new = _words(action, pending)
            ruling = Ruling(
                uuid.uuid4().hex,
                self.name,
                action.kind,
                subject,
                old,
                new,
                "refused" if reason else "accepted",
                reason,
                basis,
                now,
                now,
            )
            self.board.rulings.set((*self.board.rulings.value, ruling))
            if not reason:
                self._take(action)
            return ruling

    def _take(self, action: Action) -> None:
        status = self.board.status.value
        match action:
            case SetParameter(parameter=name, value=value):
                self.board.status.set(replace(status, pending={**status.pending, name: value}))
            case Pause():
                self.board.status.set(replace(status, state="paused"))
            case Resume():
                self.board.status.set(replace(status, state="running"))
            case InsertRegion():
                self._path = _grid(action.region["sy"], action.region["sx"], action.step["sx"]) + self._path
                self.board.status.set(replace(status, points_left=len(self._path)))
                self._lay()
            case Skip(points=points):
                self._path = self._path[points:]
                self.board.status.set(replace(status, points_left=len(self._path)))
                self._lay()
            case Finish() | Abort():
                reason = action.reason if isinstance(action, Abort) else ""
                how = "abort" if isinstance(action, Abort) else "success"
                ended = EndedRun(status.run, status.scan, how, reason, self.name, time.time(), status.points_done)
                self.board.status.set(replace(status, state="idle", points_left=0, ended=ended))
            case _:
                pass

    def add_analysis(self, analysis: str, label: str = "", *, detector: str = "", **parameters) -> str:
        if self.fail:
            raise SteeringError(self.fail)
        label = label or analysis
        self.added.append((analysis, label, parameters))
        self.looked_at.append(detector)
        made = make_analysis(Binding(label, analysis, tuple(self.board.status.value.axes), parameters))
        main = self.board.result.value
        hashed = parameters_hash(analysis, made.parameters)
        source = replace(
            main.provenance, analysis=analysis, parameters=made.parameters, parameters_hash=hashed, label=label
        )
        self.board.results.set({**self.board.results.value, label: Result(1, main.outcome, source)})
        return label

    def show(self, run: str, analysis: str = "", **parameters) -> None:
        """Show a run of the past, of which half is analysed so far."""
        if self.fail:
            raise SteeringError(self.fail)
        result = self.past.result(run)
        self.shown.append((run, analysis, parameters))
        uid = result.provenance.run
        source = replace(result.provenance, frames=result.provenance.frames // 2)
        self.board.result.set(Result(1, result.outcome, source))
        self.board.runs.set((SeenRun(uid, "rocking", 1e9, result.provenance.frames),))
        seen = SourceStatus("live", f"Run {uid[:8]}.", result.provenance.frames)
        self.board.source.set(FollowedSource("record", seen))

    def shown_to_the_end(self) -> None:
        """Have the run of the past analysed to its end."""
        run = self.shown[-1][0]
        result = self.past.result(run)
        self.board.result.set(Result(2, result.outcome, result.provenance))
        seen = SourceStatus("ended", "Ended.", result.provenance.frames)
        self.board.source.set(FollowedSource("record", seen))

    def unfollow(self) -> None:
        self.board.source.set(FollowedSource("documents"))

    def remove_analysis(self, label: str) -> None:
        self.board.results.set({name: one for name, one in self.board.results.value.items() if name != label})

    def set_mode(self, agent: str, mode: str) -> None:
        self.board.modes.set({**self.board.modes.value, agent: mode})

    def accept(self, suggestion: Suggestion) -> Ruling:
        self.board.suggestions.set(tuple(item for item in self.board.suggestions.value if item is not suggestion))
        return self.propose(suggestion.action, with_author(suggestion.basis, suggestion.agent))

    def dismiss(self, suggestion: Suggestion) -> None:
        self.board.suggestions.set(tuple(item for item in self.board.suggestions.value if item is not suggestion))

    def frame_at(self, index: int) -> Frame:
        span = self.board.span.value
        if not span.first <= index < span.stop:
            raise SteeringError(f"Frame {index} cannot be looked at: frames {span.first} to {span.stop - 1} can be.")
        pixels = np.full((self._size, self._size), index, "u2")
        return Frame(pixels, index, time.time(), columns={"th": index / 100}, units={"th": "deg"})

    def ask_compute(self, request: PoolRequest) -> str:
        if self.fail:
            raise SteeringError(self.fail)
        self.asked.append(request)
        return f"Pool {request.urgency} on debug: one job of {request.nodes} nodes for 1 h."

    def pools(self) -> None:
        """Show three pools of Polaris: one at strength, one pre-empted and waiting again, one that failed."""
        now = time.time()
        nodes = tuple(f"x3001c0s{n}b0n0" for n in range(4))
        live = JobStatus("7014", 0, "running", "", nodes, 16, 16, started=now - 600, ends=now + 3000)
        gone = JobStatus("7009", 0, "preempted", "Job run ... and terminated by Scheduler@pbs-login")
        next_ = JobStatus("7015", 1, "queued", "Not Running: Not enough free nodes available", expected_start=now + 900)
        broken = JobStatus("7016", 0, "failed", "exit code 1")
        failed = (
            "Given up after 3 tries. The worker environment has no package 'steering'. "
            "Build it: steering compute prepare polaris."
        )
        chosen = {
            "live": "demand: one job of 4 nodes for 1 h, can start now.",
            "soon": "preemptable: 2 jobs of 1 node for 2 h, the first choice for soon that fits.",
            "batch": "capacity: one job of 1 node for 6 h.",
        }
        waits = "Job 7009 was pre-empted; another follows."
        pools = (
            PoolStatus("live", "demand", "live", chosen["live"], "running", "", 4, 1, (live,), 0.67),
            PoolStatus("soon", "preemptable", "soon", chosen["soon"], "starting", waits, 1, 2, (gone, next_), 1.4),
            PoolStatus("batch", "capacity", "batch", chosen["batch"], "failed", failed, 1, 1, (broken,), 0.0),
        )
        workers = tuple(WorkerStatus(f"live3fa2-0-1-{n}", 8, 900 << 20, n % 2, 100 + n) for n in range(16))
        detail = " ".join(f"{pool.name}: {pool.detail}" for pool in pools if pool.detail)
        self.board.compute.set(
            FacilityStatus(
                "polaris", "running", detail, workers, 12, 480, "", pools, ("live", "soon", "batch"), 2.07, 50.0
            )
        )

    def take_lease(self) -> None:
        self._lease(self.name)

    def release_lease(self) -> None:
        self._lease("")

    def ask_for_lease(self) -> None:
        lease = self.board.status.value.lease
        self.board.status.set(replace(self.board.status.value, lease=replace(lease, asked=self.name)))

    def give_lease(self) -> None:
        self.board.status.set(
            replace(self.board.status.value, lease=Lease(self.board.status.value.lease.asked, time.time() + 600))
        )

    def keep_lease(self) -> None:
        lease = self.board.status.value.lease
        self.board.status.set(replace(self.board.status.value, lease=replace(lease, asked="")))

    def _lease(self, holder: str) -> None:
        held = self.board.status.value.lease.holder
        if held not in ("", self.name):
            raise SteeringError(f"The lease is held by {held}. Ask {held} to release it, or wait until it runs out.")
        until = time.time() + 600 if holder else 0.0
        self.board.status.set(replace(self.board.status.value, lease=Lease(holder, until)))

    def layout(self) -> Mapping[str, Json]:
        return self.laid_out

    def keep_layout(self, layout: Mapping[str, Json]) -> None:
        if self.fail:
            raise SteeringError(self.fail)
        self.laid_out |= layout

    def control_address(self) -> Mapping[str, str]:
        return self.address

    def advance(self, points: int = 1) -> None:
        """Measure points: apply what is pending, then take frames."""
        with self._lock:
            status = self.board.status.value
            if status.state != "running":
                return
            done = status.points_done
            self._apply(done + 1)
            status = self.board.status.value
            for _ in range(min(points, len(self._path))):
                self._done.append(self._path.pop(0))
                done += 1
            self._number += 1
            self.board.frame.set(self.frame())
            status = replace(status, points_done=done, points_left=len(self._path), seconds_left=0.3 * len(self._path))
            if not self._path:
                ended = EndedRun(status.run, status.scan, "success", "", "", time.time(), done)
                status = replace(status, state="idle", ended=ended)
            self.board.status.set(status)
            self.publish()

    def _apply(self, point: int) -> None:
        status = self.board.status.value
        now = time.time()
        self.board.rulings.set(
            tuple(
                item if item.before_point else replace(item, applied_at=now, before_point=point)
                for item in self.board.rulings.value
            )
        )
        parameters = tuple(replace(item, value=status.pending.get(item.name, item.value)) for item in status.parameters)
        self.board.status.set(replace(status, parameters=parameters, pending={}))
        if SHAPING & status.pending.keys():
            self._path = self._laid({item.name: item.value for item in parameters})
            self._lay()

    def frame(self) -> Frame:
        """A frame with rings, a peak and Poisson noise."""
        size = self._size
        rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / size
        radius = np.hypot(rows - 0.5, columns - 0.5)
        wave = 20 + 60 * np.exp(-(((radius - 0.3) / 0.02) ** 2)) + 30 * np.exp(-(((radius - 0.42) / 0.01) ** 2))
        drift = 0.03 * math.sin(self._number / 7)
        peak = 900 * np.exp(-(((rows - 0.45 - drift) ** 2 + (columns - 0.62) ** 2) / 0.0012))
        return Frame(self._random.poisson(wave + peak).astype(np.uint16), self._number, time.time())

    def publish(self) -> None:
        """Make the result of what is done so far."""
        status = self.board.status.value
        self._version += 1
        outcome = _curve(self._done, self.monitored) if status.scan == "rocking" else _map(self._done)
        analysis = "rocking_curve" if status.scan == "rocking" else "map_features"
        source = Provenance(
            status.run, analysis, {}, "1a2b3c4d", "0.1.0", "local", len(self._done), len(self._done) - 1
        )
        self.board.result.set(Result(self._version, outcome, source))
        if self.labelled:
            self.board.results.set({**self.board.results.value, analysis: self.board.result.value})
        self._trend.add(self.board.result.value)
        self.board.trend.set(self._trend.trend)
        frames = len(self._done)
        self.board.span.set(FrameSpan(status.run, 0, frames))
        *before, run = self.board.runs.value
        ended = {} if status.scanning else {"status": "success", "events": frames}
        self.board.runs.set((*before, replace(run, frames=frames, **ended)))
        state = "live" if status.scanning else "waiting"
        seen = SourceStatus(state, f"Run {status.run[:8]}: {frames} frames.", frames)
        self.board.source.set(FollowedSource("documents", seen))
        self.board.latency.set(
            LatencySummary(Quantiles(34.2, 71.0, 120), Quantiles(210.0, 480.0, 4), 1, time.time() - 0.4)
        )

    def suggest(self) -> None:
        """Let the agent suggest something."""
        basis = "rocking_curve@1a2b3c4d version 26, 26 frames"
        suggestion = Suggestion(SetParameter("centre", 0.221), "The peak is 0.041 deg off the middle.", basis)
        self.board.suggestions.set((*self.board.suggestions.value, suggestion))

    def run(self, interval: float = 0.1, points: int = 1) -> None:
        """Advance in a thread until stopped."""

        def loop() -> None:
            while not self._stop.wait(interval):
                self.advance(points)

        threading.Thread(target=loop, name="fake-beamline", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()


def _path(scan: str, values: dict[str, float]) -> list[tuple[float, ...]]:
    if scan == "rocking":
        count = round(values["range"] / values["step"]) + 1
        line = np.linspace(values["centre"] - values["range"] / 2, values["centre"] + values["range"] / 2, count)
        order = sorted(range(count), key=lambda index: (-(index & -index or 8) if index % 8 else -8, index))
        return [(float(line[index]),) for index in order]
    return _grid((-18.75, 18.75), (-28.75, 28.75), values["step"])


def _grid(sy: tuple[float, float], sx: tuple[float, float], step: float) -> list[tuple[float, ...]]:
    rows = np.arange(sy[0], sy[1] + step / 1e6, step)
    columns = np.arange(sx[0], sx[1] + step / 1e6, step)
    return [(float(y), float(x), step) for y, x in itertools.product(rows, columns)]


def _curve(done: list[tuple[float, ...]], monitored: bool) -> Outcome:
    th = np.array(sorted(point[0] for point in done))
    rates = _peak(th)
    exposure = 0.25
    noise = np.random.default_rng(3).normal(size=2000)[: len(th)]
    error = np.sqrt(rates / exposure)
    intensity = rates + error * noise
    data = xr.Dataset(
        {
            "intensity": ("point", intensity, {"units": "counts/s"}),
            "intensity_error": ("point", error, {"units": "counts/s"}),
            "frame": ("point", np.argsort([point[0] for point in done], kind="stable"), {"units": "1"}),
        },
        {"th": ("point", th, {"units": "deg"})},
    )
    if monitored:
        data["ring"] = ("point", np.where(th > PEAK, 100.0, 200.0), {"units": "mA"})
    features = {"total": Feature(float(rates.sum()), 100.0, "counts")}
    if len(th) >= 12:
        along = np.linspace(th.min(), th.max(), 200)
        fit = ("fit_point", _peak(along), {"units": "counts/s"})
        data = data.assign({"fit": fit}).assign_coords({"th_fit": ("fit_point", along, {"units": "deg"})})
        data = data.assign_attrs(fit_centre=PEAK, fit_fwhm=WIDTH)
        features |= {
            "maximum": Feature(2412.0, 31.0, "counts/s"),
            "peak": Feature(PEAK, 0.0012, "deg"),
            "fwhm": Feature(WIDTH * 2.355, 0.0021, "deg"),
            "fit_centre": Feature(PEAK, 0.0004, "deg"),
        }
    return Outcome(features, data)


def _peak(th: np.ndarray) -> np.ndarray:
    return 40 + 2400 * np.exp(-(((th - PEAK) / WIDTH) ** 2) / 2)


def _map(done: list[tuple[float, ...]]) -> Outcome:
    sy, sx, step = np.array(done, dtype=float).T
    value = 120 + 900 * np.exp(-(((sx - 6) / 7) ** 2 + ((sy + 3) / 5) ** 2)) + 60 * np.sin(sx / 4) ** 2
    variables = {
        "intensity": ("point", value, {"units": "counts/s"}),
        "frame_maximum": ("point", np.round(value / 8), {"units": "counts"}),
        "com_row": ("point", 128 + sy / 4, {"units": "px"}),
        "com_column": ("point", 128 + sx / 4, {"units": "px"}),
        "sx_step": ("point", step, {"units": "um"}),
        "sy_step": ("point", step, {"units": "um"}),
        "frame": ("point", np.arange(len(done)), {"units": "1"}),
        "grid": ("point", (step < 2).astype(np.int64), {"units": "1"}),
    }
    coordinates = {"sx": ("point", sx, {"units": "um"}), "sy": ("point", sy, {"units": "um"})}
    return Outcome({"maximum": Feature(float(value.max()), 12.0, "counts/s")}, xr.Dataset(variables, coordinates))


def _words(action: Action, parameters: Mapping[str, Parameter]) -> tuple[str, str, str]:
    match action:
        case SetParameter(parameter=name, value=value) if name in parameters:
            return name, f"{parameters[name].value:g} {parameters[name].units}", f"{value:g} {parameters[name].units}"
        case InsertRegion(region=region, step=step):
            parts = [f"{axis} {low:g} to {high:g} um step {step[axis]:g}" for axis, (low, high) in region.items()]
            return ", ".join(region), "", "; ".join(parts)
        case _:
            return "", "", ""
