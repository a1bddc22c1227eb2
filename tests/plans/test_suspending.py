"""A scan that waits for the beamline: it says so, goes on by itself, and marks what it measured meanwhile."""

import time

import pytest

from steering.core.action import Abort, Finish, Pause, Resume, Skip
from steering.core.parameter import Parameter
from steering.scans.series import SeriesScan
from tests.plans.running import Run, rocking, wait_for
from tests.plans.test_ending import Staged


class Beam:
    """A beam that comes and goes."""

    def __init__(self):
        self.there = True
        self.lost_at = float("-inf")

    def lose(self):
        self.there, self.lost_at = False, time.monotonic()

    def why(self):
        return "" if self.there else "The beam is lost."

    def lost_since(self, at):
        return not self.there or self.lost_at >= at


class Watch:
    """A Readable that does something at its n-th reading, in the middle of a point."""

    parent, name = None, "watch"

    def __init__(self, at, act):
        self.left, self.act = at, act

    async def read(self):
        self.left -= 1
        if self.left == 0:
            self.act()
        return {"watch": {"value": 1.0, "timestamp": time.time()}}

    async def describe(self):
        return {"watch": {"source": "test", "dtype": "number", "shape": []}}


@pytest.fixture
def beam():
    return Beam()


def kinds(run):
    return [event["kind"] for event in run.events("steering")]


def test_what_is_measured_without_beam_is_marked_and_measured_again(engine, motors, beam):
    run = Run(engine, motors, rocking(), readables=(Watch(4, beam.lose),), suspending=beam)
    assert wait_for(lambda: run.docket.paused)
    assert run.docket.pause.reason == "The beam is lost."
    assert run.docket.pause.who == "the beamline"
    beam.there = True
    run.finish()
    events = run.events("primary")
    assert [event["usable"] for event in events] == [1, 1, 1, 0] + [1] * 8
    assert events[3]["th"] == events[4]["th"]
    assert len({round(event["th"], 6) for event in events if event["usable"]}) == 11
    assert kinds(run) == ["pause", "resume"]


def test_a_scan_that_begins_without_beam_measures_nothing_until_it_comes(engine, motors, beam):
    beam.there = False
    run = Run(engine, motors, rocking(), suspending=beam)
    assert wait_for(lambda: run.docket.suspended)
    assert run.points == 0
    beam.there = True
    run.finish()
    assert run.points == 11


def test_a_person_who_resumes_too_early_is_told_again(engine, motors, beam):
    run = Run(engine, motors, rocking(), readables=(Watch(2, beam.lose),), suspending=beam)
    assert wait_for(lambda: run.docket.suspended)
    assert run.propose(Resume()).accepted
    assert wait_for(lambda: [one.kind for one in run.rulings].count("pause") >= 2)
    beam.there = True
    run.finish()
    assert [event["usable"] for event in run.events("primary")].count(0) == 1


def test_a_person_s_pause_outlasts_the_loss(engine, motors, beam):
    run = Run(engine, motors, rocking(), readables=(Watch(2, beam.lose),), suspending=beam)
    assert wait_for(lambda: run.docket.suspended)
    assert run.propose(Pause()).accepted
    assert run.propose(Pause()).accepted is False
    assert not run.docket.suspended
    beam.there = True
    assert not wait_for(lambda: not run.docket.paused, timeout=0.5)
    assert run.propose(Resume()).accepted
    run.finish()
    # One of the pauses was refused: it was paused by then.
    assert kinds(run) == ["pause", "pause", "pause", "resume"]


@pytest.mark.parametrize("action", [Finish(), Abort("enough")])
def test_a_scan_that_waits_ends_when_it_is_told_to(engine, motors, beam, action):
    run = Run(engine, motors, rocking(), readables=(Watch(2, beam.lose),), suspending=beam)
    assert wait_for(lambda: run.docket.suspended)
    assert run.propose(action).accepted
    engine.insist("enough", lambda: run.docket.noticed or isinstance(action, Finish))
    run.finish()
    assert run.stop["exit_status"] == ("success" if isinstance(action, Finish) else "abort")
    assert not run.docket.suspended


def test_a_series_without_end_that_waits_is_finished_when_it_is_told_to(engine, motors, beam):
    scan = SeriesScan(name="s", title="t", unending=True, parameters=(Parameter("exposure", "s", 0.1, 0.01, 5.0),))
    run = Run(engine, motors, scan, readables=(Watch(2, beam.lose),), suspending=beam)
    assert wait_for(lambda: run.docket.suspended)
    assert run.propose(Finish()).accepted
    run.finish()
    assert run.stop["exit_status"] == "success"


def test_a_loss_in_the_last_point_is_waited_out_too(engine, motors, beam):
    run = Run(engine, motors, rocking(), readables=(Watch(11, beam.lose),), suspending=beam)
    assert wait_for(lambda: run.docket.suspended)
    beam.there = True
    run.finish()
    assert [event["usable"] for event in run.events("primary")] == [1] * 10 + [0, 1]


@pytest.mark.parametrize("skipped", [False, True])
def test_a_frame_that_comes_late_is_marked_if_the_beam_was_lost_meanwhile(engine, motors, beam, skipped):
    """A detector that is gated by the beam does not answer when that goes: its frame is a dark one."""
    camera, left = Staged(), [5]

    def trigger():
        left[0] -= 1
        if left[0] == 0:
            beam.lose()
            raise TimeoutError("ca://SIM:det:Acquire")
        return camera._status("trigger")

    async def late(_):
        return 1

    camera.trigger = trigger
    run = Run(engine, motors, rocking(), detector=camera, late=late, suspending=beam)
    assert wait_for(lambda: run.docket.paused)
    if skipped:
        assert run.propose(Skip(1)).accepted
    beam.there = True
    assert run.propose(Resume()).accepted
    run.finish()
    events = run.events("primary")
    assert [event["usable"] for event in events] == [1] * 4 + [0] + [1] * (6 if skipped else 7)
    good = {round(event["th"], 6) for event in events if event["usable"]}
    assert len(good) == 10 if skipped else 11


def test_a_scan_without_suspenders_marks_nothing(engine, motors):
    run = Run(engine, motors, rocking()).finish()
    assert "usable" not in run.events("primary")[0]
