"""The plan and forecasts of the scan that runs, made beside the engine when somebody asks."""

import math
from collections.abc import Mapping, Sequence
from threading import Lock

from steering.core.action import Action
from steering.core.plan import Forecast, Plan
from steering.paths.scan import Scan
from steering.paths.way import Way
from steering.plans.docket import Docket

_IDLE = "No scan is running, so there is nothing to change. Start a scan first."


class ToldPlan:
    """The plan of the shown run: the same object until its path changes."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = Lock()
        self._way: Way | None = None
        self._plan = Plan()

    def of(self, docket: Docket | None, run: str) -> Plan:
        """Return the plan of a run.

        Args:
            docket: Of its scan, if there is one.
            run: Its uid; empty before it is open.
        """
        if docket is None or not run:
            return self._empty("")
        way = docket.way
        if way is None:
            return self._empty(run)
        with self._lock:
            if way is not self._way or self._plan.run != run:
                self._way, self._plan = way, way.plan(run, axes_of(docket))
            return self._plan

    def _empty(self, run: str) -> Plan:
        with self._lock:
            if self._way is not None or self._plan.run != run:
                self._way, self._plan = None, Plan(run)
            return self._plan


def axes_of(docket: Docket) -> tuple[str, ...]:
    """Name the axes of the plan; none where one moves while the detector counts, as a point is then no place."""
    return () if docket.scan.swept else docket.scan.axes


def forecast(
    docket: Docket | None,
    run: str,
    actions: Sequence[Action],
    person: str,
    lease: str,
    seconds_a_point: float,
    haste: float = 1.0,
) -> Forecast:
    """Say what actions would do to a scan.

    Args:
        docket: Of the scan, if there is one.
        run: Uid of its run; empty before it is open.
        actions: In the order in which they would be proposed.
        person: Who asks.
        lease: Who holds the lease, or empty.
        seconds_a_point: How long a point takes now, in seconds; NaN where that is not known.
        haste: How many times faster than life a simulated beamline exposes; 1 at a real one.
    """
    if docket is None:
        return Forecast(_IDLE)
    outlook = docket.look_out(actions, person, lease)
    plan = Plan(run) if outlook.way is None else outlook.way.plan(run, axes_of(docket))
    scan, before, after = docket.scan, docket.progress.values, outlook.values
    longer = (_exposing(scan, after) - _exposing(scan, before)) / haste
    a_point = max(seconds_a_point + longer, scan.period(after))
    seconds = math.nan if scan.endless or math.isnan(seconds_a_point) else a_point * outlook.left
    return Forecast(outlook.refusal, plan, outlook.left, seconds)


def before_start(
    scan: Scan, values: Mapping[str, float], last: Docket | None, seconds_a_point: float, haste: float = 1.0
) -> Forecast:
    """Say how many points a scan will have, and how long it will take as far as the last scan has shown.

    Args:
        scan: That is to be started.
        values: Its parameters.
        last: Of the scan before it.
        seconds_a_point: How long a point of that took, in seconds; NaN where that is not known.
        haste: How many times faster than life a simulated beamline exposes; 1 at a real one.
    """
    if scan.own_path or scan.endless:
        # Nobody knows before.
        return Forecast()
    points, exposing = scan.count(values), _exposing(scan, values) / haste
    a_point = max(exposing, scan.period(values))
    measured = last is not None and math.isfinite(seconds_a_point)
    if last is not None and measured:
        # What a point took beside its exposure, to move, to read and to write, is much the same in another scan.
        beside = seconds_a_point - _exposing(last.scan, last.progress.values) / haste
        a_point = max(exposing + beside, a_point)
    return Forecast("", Plan(), points, points * a_point if a_point > 0 else math.nan, at_least=not measured)


def _exposing(scan: Scan, values: Mapping[str, float]) -> float:
    """Say for how many seconds the detector is exposed at a point."""
    return scan.frames * scan.parts_of(values) * values.get("exposure", 0.0)
