"""A scan ends when it is told to, whatever swallows the engine's cancellation, and leaves its devices safe."""

import asyncio
import threading
import time

import pytest
from ophyd_async.core import AsyncStatus

from steering.core.action import Abort, Finish, Pause, Resume, Skip
from steering.plans.faults import Faults, MissedError, PointError
from tests.plans.running import Run, rocking, wait_for


class Deaf:
    """A Readable that swallows what cancels it, as Python 3.11's ``asyncio.wait_for`` does now and then."""

    parent = None

    def __init__(self, name, seconds=0.05, most=1):
        self.name = name
        self.seconds = seconds
        self.left = most
        self.swallowed = 0
        self.reading = threading.Event()

    async def read(self):
        self.reading.set()
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            try:
                await asyncio.sleep(until - time.monotonic())
            except asyncio.CancelledError:
                if not self.left:
                    raise
                self.left -= 1
                self.swallowed += 1
        return {self.name: {"value": 1.0, "timestamp": time.time()}}

    async def describe(self):
        return {self.name: {"source": "test", "dtype": "number", "shape": []}}


class Staged:
    """A detector that can be staged, triggered and let go; each may hang."""

    parent = None
    name = "camera"

    def __init__(self, **seconds):
        self.seconds = seconds
        self.did = []

    def _status(self, verb):
        async def do():
            self.did.append(verb)
            await asyncio.sleep(self.seconds.get(verb, 0.0))

        return AsyncStatus(do())

    def stage(self):
        return self._status("stage")

    def unstage(self):
        return self._status("unstage")

    def prepare(self, _):
        return self._status("prepare")

    def trigger(self):
        return self._status("trigger")

    async def read(self):
        return {self.name: {"value": 1.0, "timestamp": time.time()}}

    async def describe(self):
        return {self.name: {"source": "test", "dtype": "number", "shape": []}}


def abort(run, engine, reason="smoke"):
    ruling = run.propose(Abort(reason), lease="")
    engine.insist(reason, lambda: run.docket.noticed)
    return ruling


@pytest.mark.parametrize("most", [1, 3])
def test_an_abort_ends_the_scan_although_a_device_swallows_it(engine, motors, most):
    deaf = Deaf("deaf", 0.3, most)
    run = Run(engine, motors, rocking(), readables=(deaf,))
    assert deaf.reading.wait(10)
    assert abort(run, engine).accepted
    run.finish()
    assert deaf.swallowed >= 1
    assert run.points <= 1
    assert run.stop["exit_status"] == "abort"
    assert run.events("steering")[-1]["new"] == "smoke"


def test_an_abort_that_a_device_swallows_for_long_is_asked_for_again(engine, motors):
    deaf = Deaf("deaf", 30.0, 1)
    run = Run(engine, motors, rocking(), readables=(deaf,))
    assert deaf.reading.wait(10)
    abort(run, engine)
    run.finish()
    assert deaf.swallowed == 1
    assert run.points == 0
    assert run.stop["exit_status"] == "abort"


def test_nothing_but_another_abort_is_accepted_once_a_scan_is_aborted(engine, motors):
    deaf = Deaf("deaf", 0.5, 100)
    run = Run(engine, motors, rocking(), readables=(deaf,))
    assert deaf.reading.wait(10)
    abort(run, engine)
    assert run.docket.aborting
    assert "being aborted" in run.propose(Finish()).reason
    assert run.propose(Abort("again"), lease="").accepted
    run.finish()
    assert run.docket.abort.new == "smoke"


def test_devices_are_made_safe_once_after_an_abort_and_what_did_not_obey_is_said(engine, motors):
    called = []

    async def make_safe():
        called.append(time.monotonic())
        return ["The motor th was told to stop, but does not say that it stands."]

    run = Run(engine, motors, rocking(), {3: (Pause(),)}, make_safe=make_safe)
    assert wait_for(lambda: any(r.kind == "pause" and r.applied_at for r in run.rulings))
    abort(run, engine)
    run.finish()
    assert len(called) == 1
    assert run.docket.remarks == ("The motor th was told to stop, but does not say that it stands.",)
    assert run.stop["exit_status"] == "abort"


def test_devices_are_not_touched_after_a_scan_that_went_well(engine, motors):
    called = []

    async def make_safe():
        called.append(1)
        return []

    Run(engine, motors, rocking(), {3: (Finish(),)}, make_safe=make_safe).finish()
    assert not called


def test_a_second_abort_no_longer_waits_for_a_device_that_hangs(engine, motors):
    begun = threading.Event()

    async def make_safe():
        begun.set()
        await asyncio.sleep(600)
        return []

    camera = Staged(unstage=600)
    run = Run(engine, motors, rocking(), {3: (Pause(),)}, make_safe=make_safe, detector=camera)
    assert wait_for(lambda: any(r.kind == "pause" and r.applied_at for r in run.rulings))
    abort(run, engine)
    assert begun.wait(10)
    assert wait_for(lambda: run.docket.noticed)
    assert not run.future.done()
    assert abort(run, engine).accepted
    assert wait_for(lambda: "unstage" in camera.did)
    assert run.stop["exit_status"] == "abort", "the run is closed before the detector is let go"
    assert "devices may not be safe" in run.docket.remarks[-1]
    assert abort(run, engine).accepted
    run.finish()
    assert "may not have been disarmed" in run.docket.remarks[-1]
    assert [event["kind"] for event in run.events("steering")] == ["pause", "abort"]


def test_an_abort_that_the_engine_repeats_skips_nothing(engine, motors):
    called, let = [], asyncio.Event()
    begun = threading.Event()

    async def make_safe():
        called.append(1)
        begun.set()
        await let.wait()
        return ["The shutter is still open."]

    camera = Staged(unstage=0.5)
    run = Run(engine, motors, rocking(), {3: (Pause(),)}, make_safe=make_safe, detector=camera)
    assert wait_for(lambda: any(r.kind == "pause" and r.applied_at for r in run.rulings))
    abort(run, engine)
    assert begun.wait(10)
    for _ in range(3):
        # As the thread that insists does when the plan came to know in that moment.
        engine.abort("smoke")
        engine.call(asyncio.sleep(0.05))
    assert not run.future.done()
    engine.loop.call_soon_threadsafe(let.set)
    assert wait_for(lambda: "unstage" in camera.did)
    engine.abort("smoke")
    run.finish()
    assert called == [1]
    assert run.docket.remarks == ("The shutter is still open.",)
    assert run.stop["exit_status"] == "abort"
    assert [event["kind"] for event in run.events("steering")] == ["pause", "abort"]


def test_an_abort_while_the_scan_opens_opens_no_run(engine, motors):
    begun = threading.Event()

    async def prepare():
        begun.set()
        await asyncio.sleep(600)

    run = Run(engine, motors, rocking(), prepare=prepare)
    assert begun.wait(10)
    abort(run, engine)
    run.finish()
    assert run.documents == []
    assert "No scan is running" in run.propose(Resume()).reason


def test_what_cannot_be_prepared_is_said_and_opens_no_run(engine, motors):
    async def prepare():
        raise TimeoutError("ca://SIM:shutter")

    run = Run(engine, motors, rocking(), prepare=prepare, prefixes={"SIM:shutter": "shutter"})
    with pytest.raises(PointError, match=r"The shutter does not answer \(SIM:shutter\)"):
        run.finish()
    assert run.documents == []
    assert "No scan is running" in run.propose(Resume()).reason


def test_a_motor_that_comes_closer_is_sent_again_and_each_try_is_recorded(engine, motors):
    left = {"th": 3}

    async def check(targets, steps):
        assert set(targets) == set(steps) == {"th"}
        if left["th"]:
            left["th"] -= 1
            raise MissedError("The motor th stands elsewhere.", 2.0 ** left["th"])

    run = Run(engine, motors, rocking(), check=check).finish()
    assert run.points == 11
    assert run.stop["exit_status"] == "success"
    assert [event["kind"] for event in run.events("steering")] == ["retry"] * 3
    assert {event["reason"] for event in run.events("steering")} == {"The motor th stands elsewhere."}


def test_a_motor_that_comes_no_closer_fails_the_run(engine, motors):
    tried = []

    async def check(targets, _):
        tried.append(targets)
        if len(tried) > 4:
            raise MissedError("The motor th stands at 1 deg instead of 2 deg.", 5.0)

    run = Run(engine, motors, rocking(), check=check)
    with pytest.raises(PointError, match="instead of 2 deg"):
        run.finish()
    assert run.points == 4
    assert len(tried) == 6
    assert run.stop["exit_status"] == "fail"
    assert run.stop["reason"] == "The motor th stands at 1 deg instead of 2 deg."
    assert [event["kind"] for event in run.events("steering")] == ["retry", "fail"]


def test_a_device_that_is_silent_pauses_the_scan_and_its_point_is_measured_again(engine, motors):
    silent = {"times": 0, "at": 4}

    async def check(_, __):
        silent["at"] -= 1
        if silent["at"] == 0:
            raise TimeoutError("ca://SIM:th.RBV")

    run = Run(engine, motors, rocking(), check=check, prefixes={"SIM:th": "motor th"})
    assert wait_for(lambda: run.docket.paused)
    assert "The motor th does not answer" in run.docket.pause.reason
    assert run.docket.pause.who == "the beamline"
    assert run.points == 3
    assert run.propose(Resume()).accepted
    run.finish()
    assert run.points == 11
    assert len({round(event["th"], 6) for event in run.events("primary")}) == 11
    assert [event["kind"] for event in run.events("steering")] == ["pause", "resume"]


def test_a_spoilt_point_can_be_left_out(engine, motors):
    calls = []

    async def check(targets, _):
        calls.append(targets["th"])
        if calls.count(targets["th"]) <= 2 and len(set(calls)) == 4:
            raise OSError("broken")

    run = Run(engine, motors, rocking(), check=check, faults=Faults(retries=1))
    assert wait_for(lambda: run.docket.paused)
    assert run.propose(Skip(1)).accepted
    assert run.propose(Resume()).accepted
    run.finish()
    assert run.points == 10
    assert calls[3] not in {event["th"] for event in run.events("primary")}
    assert [event["kind"] for event in run.events("steering")] == ["retry", "pause", "skip", "resume"]
