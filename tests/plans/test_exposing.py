"""Bursts, sweeps, timed and endless series under a real RunEngine, with devices that say what was done to them."""

import asyncio
import time

import numpy as np
import pytest
from ophyd_async.core import AsyncStatus

from steering.core.action import Finish, Resume, SetParameter
from steering.core.parameter import Parameter
from steering.paths.heard import Heard, Track
from steering.paths.path import Path, Point
from steering.plans.course import Course
from steering.plans.devices import Devices
from steering.plans.docket import Docket
from steering.plans.faults import PointError
from steering.plans.steerable import _early
from steering.scans.series import SeriesScan
from steering.scans.sweep import SweepScan
from tests.plans.running import Run, wait_for

EXPOSURE = Parameter("exposure", "s", 0.1, 0.001, 5.0)


class Camera:
    """A detector that takes bursts; it may stop in the middle of one."""

    parent = None
    name = "camera"

    def __init__(self, frames, most=None):
        self.frames, self.most = frames, most
        self.counted = [(0.0, 100)]
        self.prepared, self.triggered = [], []
        self.where = lambda: None

    def status(self, what=None):
        async def do():
            if what is not None:
                await what()

        return AsyncStatus(do())

    def stage(self):
        return self.status()

    def unstage(self):
        return self.status()

    def prepare(self, information):
        self.prepared.append((information.collections_per_event, information.livetime))
        return self.status()

    def trigger(self):
        self.triggered.append(self.where())

        async def count():
            begin = time.time()
            for frame in range(self.frames if self.most is None else self.most):
                self.counted.append((begin + 0.1 * (frame + 1), self.counted[-1][1] + 1))
            if self.most is not None:
                message = "ca://SIM:det:Acquire"
                raise TimeoutError(message)

        return self.status(count)

    async def read(self):
        return {self.name: {"value": 1.0, "timestamp": time.time()}}

    async def describe(self):
        return {self.name: {"source": "test", "dtype": "number", "shape": []}}

    def listen(self, axes):
        return Listener(self, axes)

    async def late(self, events):
        return self.counted[-1][1] - 100 - events * self.frames


class Listener:
    def __init__(self, camera, axes):
        self.camera, self.axes = camera, axes

    async def begin(self):
        self.first = len(self.camera.counted) - 1

    def end(self):
        times, counts = np.array(self.camera.counted[self.first :], dtype=float).T
        # An axis that goes from 0 at the time 0 at one unit a second.
        line = Track(np.array([0.0, 4e9]), np.array([0.0, 4e9]))
        return Heard(Track(times, counts), dict.fromkeys(self.axes, line))


class Sweeper:
    """Says what it was asked for."""

    def __init__(self):
        self.did = []

    async def ready(self, first, last, seconds):
        self.did.append(("ready", round(first, 6), round(last, 6), round(seconds, 6)))
        return first - 0.1, last + 0.1

    async def crossed(self):
        self.did.append("crossed")

    async def rest(self):
        self.did.append("rest")


def series(frames=1, count=3, unending=False, every=None):
    numbers = () if unending else (Parameter("count", "", count, 1, 100, decimals=0),)
    timed = () if every is None else (Parameter("every", "s", every, 0.0, 10.0),)
    return SeriesScan(
        name="s", title="t", parameters=(*numbers, *timed, EXPOSURE), frames=frames, unending=unending
    )  # fmt: skip


def test_each_event_of_a_burst_says_when_its_frames_were_taken(engine, motors):
    camera = Camera(4)
    run = Run(engine, motors, series(4), {1: (SetParameter("exposure", 0.2),)}, detector=camera, listen=camera.listen)
    run.finish()
    events = run.events("primary")
    assert [event["burst_period"] for event in events] == pytest.approx([0.1] * 3, abs=1e-6)
    ends = np.array([at for at, _ in camera.counted[1:]]).reshape(3, 4)
    # Half an exposure before the first frame was counted; of a faster detector half of its own period.
    assert [event["burst_start"] for event in events] == pytest.approx(ends[:, 0] - 0.05, abs=1e-6)
    assert camera.prepared == [(4, 0.1), (4, 0.2)]
    assert run.documents[0][1]["frames_per_event"] == 4
    assert run.documents[0][1]["hints"] == {"dimensions": [(["time"], "primary")]}
    assert "scan_spec" not in run.documents[0][1]


@pytest.mark.parametrize(("most", "said"), [(2, "took 2 of the 4 frames of a burst"), (4, "while nobody heard it")])
def test_a_burst_that_cannot_be_given_to_its_point_ends_the_run_and_says_why(engine, motors, most, said):
    camera = Camera(4, most=most)
    run = Run(engine, motors, series(4), detector=camera, listen=camera.listen, late=camera.late)
    assert wait_for(lambda: run.docket.paused)
    assert "did not answer" in run.docket.pause.reason or "does not answer" in run.docket.pause.reason
    assert run.propose(Resume()).accepted
    with pytest.raises(PointError, match=said):
        run.finish()
    assert run.events("primary") == []


def test_a_burst_of_which_nothing_came_is_taken_again(engine, motors):
    camera = Camera(4, most=0)
    run = Run(engine, motors, series(4, count=2), detector=camera, listen=camera.listen, late=camera.late)
    assert wait_for(lambda: run.docket.paused)
    camera.most = None
    assert run.propose(Resume()).accepted
    run.finish()
    assert len(run.events("primary")) == 2


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_sweep_runs_up_is_triggered_where_it_begins_and_rests(engine, motors, count):
    camera, sweeper = Camera(5), Sweeper()
    camera.where = lambda: sweeper.did[-1]
    ends = (Parameter("start", "deg", 0.0, -5.0, 5.0), Parameter("stop", "deg", 1.0, -5.0, 5.0))
    scan = SweepScan(
        name="s", title="t", axis="th", across={}, frames=5,
        parameters=(*ends, Parameter("count", "", count, 1, 9), EXPOSURE),
    )  # fmt: skip
    run = Run(engine, motors, scan, detector=camera, listen=camera.listen, sweeper=lambda _: sweeper)
    run.finish()
    there, back = ("ready", -0.125, 1.125, 0.5), ("ready", 1.125, -0.125, 0.5)
    assert sweeper.did == [one for k in range(count) for one in ((back if k % 2 else there), "crossed", "rest")]
    assert camera.triggered == ["crossed"] * count
    events = run.events("primary")
    assert len(events) == count
    for event in events:
        # The listener's axis has the position of the clock.
        assert event["th"] == pytest.approx(event["burst_start"] + event["burst_period"] * np.arange(5), abs=1e-5)
    (described,) = [d for n, d in run.documents if n == "descriptor" and d["name"] == "primary"]
    assert described["data_keys"]["th"]["shape"] == [5]
    assert described["data_keys"]["th"]["units"] == "deg"


def test_where_a_turn_begins_and_ends_is_steered_and_the_load_goes_on(engine, motors):
    camera, sweeper = Camera(5), Sweeper()
    ends = (Parameter("start", "deg", 0.0, -5.0, 5.0), Parameter("stop", "deg", 1.0, -5.0, 5.0))
    step = Parameter("step", "um", 1.0, 1.0, 1.0)
    scan = SweepScan(
        name="s", title="t", axis="th", across={"sx": (0.0, 3.0)}, frames=5, parameters=(*ends, step, EXPOSURE)
    )
    at = {2: (SetParameter("stop", 3.0),)}
    run = Run(engine, motors, scan, at, detector=camera, listen=camera.listen, sweeper=lambda _: sweeper).finish()
    # What was measured is not measured again with the wider turn: a load that was taken cannot be taken back.
    assert [event["sx"] for event in run.events("primary")] == [0.0, 1.0, 2.0, 3.0]
    ready = [one[1:3] for one in sweeper.did if one[0] == "ready"]
    assert ready == [(-0.125, 1.125), (1.125, -0.125), (-0.375, 3.375), (3.375, -0.375)]


def test_the_axis_rests_whatever_ends_a_sweep(engine, motors):
    camera, sweeper = Camera(5, most=3), Sweeper()
    ends = (Parameter("start", "deg", 0.0, -5.0, 5.0), Parameter("stop", "deg", 1.0, -5.0, 5.0))
    scan = SweepScan(name="s", title="t", axis="th", across={}, frames=5, parameters=(*ends, EXPOSURE))
    run = Run(engine, motors, scan, detector=camera, listen=camera.listen, sweeper=lambda _: sweeper)
    assert wait_for(lambda: run.docket.paused)
    assert sweeper.did[-1] == "rest"
    assert run.propose(Finish()).accepted
    run.finish()


def test_a_timed_series_begins_each_point_when_it_is_due_and_is_not_deaf_meanwhile(engine, motors):
    begun = []

    class Clock:
        parent, name = None, "clock"

        async def read(self):
            begun.append(time.monotonic())
            return {"clock": {"value": 1.0, "timestamp": time.time()}}

        async def describe(self):
            return {"clock": {"source": "test", "dtype": "number", "shape": []}}

    run = Run(engine, motors, series(count=4, every=0.2), readables=(Clock(),)).finish()
    assert run.points == 4
    assert (np.diff(begun) > 0.15).all()
    run = Run(engine, motors, series(count=4, every=10.0), {2: (SetParameter("every", 0.0),)})
    assert wait_for(lambda: run.points == 1)
    assert run.propose(SetParameter("every", 0.0)).accepted
    run.finish()
    assert run.points == 4


def course_of(every, left, unending=False):
    """Where a series is that has begun a point just now."""
    scan = series(count=5, every=every, unending=unending)
    values = {"every": every, "exposure": 0.1, "count": 5.0}
    docket = Docket(scan, values, {}, 2000, lambda _: None)
    course = Course(docket, Devices({}, {}), values, Path([Point({}, {})] * left))
    assert list(_early(course)) == []
    return course


def test_a_time_between_points_that_was_shortened_holds_at_once():
    course = course_of(10.0, 5)
    assert list(_early(course)) != []
    course.values["every"] = 1e-9
    assert list(_early(course)) == []


def test_a_series_without_end_is_in_step_also_where_it_lays_its_next_points():
    course = course_of(10.0, 0, unending=True)
    assert list(_early(course)) != []
    course.finished = True
    assert list(_early(course)) == []


def test_a_series_without_end_goes_on_past_what_was_laid_until_it_is_finished(engine, motors):
    class Loop:
        parent, name = None, "loop"

        async def read(self):
            await asyncio.sleep(0)
            return {"loop": {"value": 1.0, "timestamp": time.time()}}

        async def describe(self):
            return {"loop": {"source": "test", "dtype": "number", "shape": []}}

    run = Run(engine, motors, series(unending=True), {1200: (Finish(),)}, readables=(Loop(),))
    run.finish()
    assert run.points == 1200
    assert run.stop["exit_status"] == "success"
