"""A signal that is steered: put at a checkpoint, waited for, and what became of it is in the run."""

import asyncio
import threading
import time
from types import SimpleNamespace

import pytest

from steering.core.action import Abort, Finish, Pause, Resume, SetParameter
from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.core.waiting import within
from steering.plans.arrivals import Arrival, _look
from steering.scans.rocking import RockingScan
from tests.plans.running import Run

T = "temperature"


class Heater:
    """Is at what was asked for as soon as it is let."""

    units, patience = "K", 30.0

    def __init__(self):
        self.name, self.parent = T, None
        self.puts, self.value, self.goes, self.fails = [], 300.0, True, ""
        self.asked = threading.Event()

    def said(self, value):
        return f"{value:.6g} {self.units}"

    async def number(self):
        if self.fails == "silent":
            raise SteeringError("The signal temperature does not answer.")
        return self.value

    async def put(self, value):
        if self.fails == "put":
            raise SteeringError("ioc:T could not be set.")
        self.puts.append(value)
        self.asked.set()

    async def arrived(self, value):
        if self.goes:
            self.value = self.puts[-1]
        return abs(await self.number() - value) <= 0.5

    async def read(self):
        return {T: {"value": self.value, "timestamp": time.time()}}

    async def describe(self):
        return {T: {"source": "test", "dtype": "number", "dtype_numpy": "<f8", "shape": [], "units": "K"}}


@pytest.fixture
def heater():
    return Heater()


def scan():
    values = {"centre": ("deg", 0.0, -5, 5, 2), "range": ("deg", 1.0, 0.1, 20, 20), "step": ("deg", 0.1, 0.001, 1, 1)}
    made = tuple(Parameter(name, *entry) for name, entry in values.items())
    exposure, heat = Parameter("exposure", "s", 0.1, 0.01, 5), Parameter(T, "K", 300.0, 250.0, 400.0)
    return RockingScan(name="rocking", title="t", axis="th", parameters=(*made, exposure, heat), first_stride=4)


def started(engine, motors, heater, at=None, begin_with=None):
    run = Run(engine, motors, scan(), at, begin=False, readables=(heater,), signals={T: heater})
    run.docket.begin_with = dict(begin_with or {})
    run.begin(run.plan())
    return run


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def temperatures(run):
    return [event[T] for event in run.events("primary")]


def test_what_is_measured_after_a_set_is_measured_at_that_value(engine, motors, heater):
    run = started(engine, motors, heater, {3: [SetParameter(T, 310.0)], 6: [SetParameter(T, 290.0)]}).finish()
    assert temperatures(run) == [300.0] * 3 + [310.0] * 3 + [290.0] * 5
    steering = run.events("steering")
    assert [(one["new"], one["outcome"], one["before_point"]) for one in steering] == [
        ("310 K", "", 4),
        ("290 K", "", 7),
    ]
    assert run.docket.progress.values[T] == 290.0


def test_the_next_point_waits_and_the_state_says_for_what(engine, motors, heater):
    heater.goes = False
    run = started(engine, motors, heater, {3: [SetParameter(T, 310.0)]})
    assert heater.asked.wait(10)
    until(lambda: run.docket.approaching == ("temperature at 310 K",))
    assert run.points == 3
    # While it is on its way the plan takes what comes.
    assert run.propose(SetParameter("exposure", 0.2)).accepted
    until(lambda: run.docket.progress.values["exposure"] == 0.2)
    assert run.points == 3
    heater.goes = True
    run.finish()
    assert run.points == 11
    assert run.docket.approaching == ()
    assert {one["subject"] for one in run.events("steering")} == {T, "exposure"}


@pytest.mark.parametrize(
    ("fails", "patience", "sentence"),
    [
        ("", 0.2, "temperature did not arrive at 310 K within 0.2 s. It reads 300 K."),
        ("put", 30.0, "ioc:T could not be set. It reads 300 K."),
        ("silent", 0.2, "temperature did not arrive at 310 K within 0.2 s. The signal temperature does not answer."),
    ],
)
def test_a_set_that_does_not_arrive_ends_as_a_ruling_and_the_scan_goes_on(
    engine,
    motors,
    heater,
    fails,
    patience,
    sentence,
):
    heater.goes, heater.patience = False, patience

    run = started(engine, motors, heater, {3: [SetParameter(T, 310.0)]})
    heater.fails = fails
    run.finish()
    assert run.stop["exit_status"] == "success"
    assert run.points == 11
    (ruling,) = run.events("steering")
    assert (ruling["verdict"], ruling["outcome"]) == ("accepted", sentence)
    assert [one.outcome for one in run.rulings if one.applied_at][-1] == sentence
    if fails != "silent":
        # The value in force is what it reads.
        assert run.docket.progress.values[T] == 300.0


def test_another_value_overtakes_one_that_is_on_its_way(engine, motors, heater):
    heater.goes = False
    run = started(engine, motors, heater, {3: [SetParameter(T, 310.0)]})
    assert heater.asked.wait(10)
    assert run.propose(SetParameter(T, 305.0)).accepted
    until(lambda: heater.puts == [310.0, 305.0])
    heater.goes = True
    run.finish()
    first, second = run.events("steering")
    assert first["outcome"] == "Overtaken: temperature was sent elsewhere before it had arrived."
    assert (second["new"], second["outcome"]) == ("305 K", "")
    assert temperatures(run)[3:] == [305.0] * 8


@pytest.mark.parametrize(("action", "status", "points"), [(Abort("enough"), "abort", 3), (Finish(), "success", 3)])
def test_what_is_on_its_way_when_the_scan_ends_is_said(engine, motors, heater, action, status, points):
    heater.goes = False
    run = started(engine, motors, heater, {3: [SetParameter(T, 310.0)]})
    assert heater.asked.wait(10)
    until(lambda: run.docket.approaching)
    assert run.propose(action).accepted
    if isinstance(action, Abort):
        engine.abort("enough")
    run.finish()
    assert (run.stop["exit_status"], run.points) == (status, points)
    by_kind = {one["kind"]: one for one in run.events("steering")}
    assert by_kind["set"]["outcome"] == "The scan ended before temperature had arrived."
    assert action.kind in by_kind


def test_a_pause_holds_while_it_is_on_its_way_and_after(engine, motors, heater):
    heater.goes = False
    run = started(engine, motors, heater, {3: [SetParameter(T, 310.0)]})
    assert heater.asked.wait(10)
    assert run.propose(Pause()).accepted
    until(lambda: run.docket.paused)
    heater.goes = True
    until(lambda: len(run.events("steering")) == 2)
    assert run.points == 3
    assert run.propose(Resume()).accepted
    run.finish()
    assert run.points == 11


def test_a_scan_begins_at_the_value_that_it_is_given(engine, motors, heater):
    run = started(engine, motors, heater, begin_with={T: 320.0}).finish()
    assert temperatures(run) == [320.0] * 11
    assert run.events("steering") == []


def test_a_scan_whose_first_value_does_not_arrive_pauses_and_says_why(engine, motors, heater):
    heater.goes, heater.patience = False, 0.2
    run = started(engine, motors, heater, begin_with={T: 320.0})
    until(lambda: run.docket.paused)
    assert run.docket.pause.reason == "temperature did not arrive at 320 K within 0.2 s. It reads 300 K."
    assert run.points == 0
    assert run.propose(Resume()).accepted
    run.finish()
    assert temperatures(run) == [300.0] * 11


def test_limits_and_the_largest_step_hold_for_a_signal(engine, motors, heater):
    run = started(engine, motors, heater, {2: [SetParameter(T, 500.0)]}).finish()
    (ruling,) = run.events("steering")
    assert (ruling["verdict"], "Allowed: 250 to 400 K" in ruling["reason"]) == ("refused", True)
    assert heater.puts == []


async def test_a_look_ends_at_once_when_something_comes():
    heater = Heater()
    heater.goes = False
    heater.puts = [310.0]
    docket = SimpleNamespace(waits=False)
    news = asyncio.Event()
    docket.news = news.wait
    course = SimpleNamespace(
        docket=docket,
        arriving={T: Arrival(310.0, None, time.monotonic() + 60)},
        devices=SimpleNamespace(signals={T: heater}),
    )
    looking = asyncio.create_task(_look(course))
    await asyncio.sleep(0)
    docket.waits = True
    news.set()
    assert await within(5, looking) == {}
