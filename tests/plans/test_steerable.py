"""The steerable plan under a real RunEngine, with soft motors and no detector."""

import asyncio
import contextlib
import threading
from dataclasses import replace

import pytest
from bluesky.utils import IllegalMessageSequence, RequestAbort

from steering.core.action import Abort, Finish, InsertRegion, Pause, ReplacePath, Resume, SetParameter, Skip
from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.core.proposal import Proposal
from steering.paths.path import Point
from steering.plans.faults import Faults, PointError
from steering.plans.steerable import steerable
from steering.scans.grid_map import GridMap
from tests.plans.running import Run, rocking, wait_for


def area():
    step = (Parameter("step", "deg", 1.0, 0.1, 2), Parameter("exposure", "s", 0.1, 0.01, 5))
    return GridMap(name="map", title="t", area={"sy": (0, 2), "sx": (0, 2)}, parameters=step)


def test_an_unsteered_scan_measures_its_points_and_has_no_steering_stream(engine, motors):
    run = Run(engine, motors, rocking()).finish()
    assert sorted(round(event["th"], 6) for event in run.events("primary")) == [
        round(-0.5 + 0.1 * i, 6) for i in range(11)
    ]
    assert run.stop["num_events"] == {"primary": 11}
    assert run.documents[0][1]["scan_spec"]["num"] == 11


def test_centre_range_and_step_send_the_rest_elsewhere(engine, motors):
    changes = (SetParameter("centre", 1.0), SetParameter("range", 0.4), SetParameter("step", 0.05))
    run = Run(engine, motors, rocking(), {3: changes}).finish()
    positions = [event["th"] for event in run.events("primary")]
    assert all(0.79 < position < 1.21 for position in positions[3:])
    assert len(positions) == 3 + 9
    assert all(event["th_step"] == pytest.approx(0.05) for event in run.events("primary")[3:])
    assert [event["before_point"] for event in run.events("steering")] == [4, 4, 4]


def test_every_proposal_is_one_event_accepted_or_refused(engine, motors):
    run = Run(
        engine,
        motors,
        rocking(),
        {2: (SetParameter("step", float("nan")), SetParameter("colour", 1), SetParameter("step", 0.2), Skip(999))},
    ).finish()
    recorded = run.events("steering")
    assert [event["verdict"] for event in recorded] == ["refused", "refused", "accepted", "refused"]
    assert [event["id"] for event in recorded] == list(dict.fromkeys(ruling.id for ruling in run.rulings))
    assert recorded[2]["old"] == "0.1 deg"
    assert recorded[2]["new"] == "0.2 deg"
    assert all(event["reason"] for event in recorded if event["verdict"] == "refused")
    assert all(event["applied_at"] >= event["decided_at"] > 0 for event in recorded)


def test_a_flood_of_refusals_is_written_in_part_and_counted_before_the_run_closes(engine, motors):
    run = Run(engine, motors, rocking(), begin=False)

    def flood():
        for _ in range(70):
            run.propose(Finish(), person="ben")
        yield from run.plan()

    run.begin(flood())
    run.finish()
    recorded = run.events("steering")
    assert len(recorded) == 51
    assert recorded[-1]["reason"].endswith("19 more were refused since the last one that is written here.")
    assert run.stop["num_events"]["primary"] == 11


def test_a_region_comes_first_and_the_scan_goes_on_with_what_was_left(engine, motors):
    region = InsertRegion({"sy": (0.0, 0.5), "sx": (1.0, 1.5)}, {"sy": 0.25, "sx": 0.25})
    run = Run(engine, motors, area(), {2: (region,)}).finish()
    events = run.events("primary")
    assert [event["grid"] for event in events] == [0] * 2 + [1] * 9 + [0] * 7
    inserted = {(event["sy"], event["sx"]) for event in events if event["grid"] == 1}
    assert inserted == {(y, x) for y in (0.0, 0.25, 0.5) for x in (1.0, 1.25, 1.5)}
    assert {event["sx_step"] for event in events if event["grid"] == 1} == {0.25}


def test_replace_skip_and_finish(engine, motors):
    path = {"type": "Linspace", "axis": "th", "start": 2, "stop": 3, "num": 6}
    run = Run(engine, motors, rocking(), {1: (ReplacePath(path),), 2: (Skip(2),), 4: (Finish(),)}).finish()
    assert [event["th"] for event in run.events("primary")][1:] == [2.0, pytest.approx(2.6), pytest.approx(2.8)]
    assert run.stop["exit_status"] == "success"


def test_a_paused_scan_still_judges_and_records_and_then_goes_on(engine, motors):
    run = Run(engine, motors, rocking(), {3: (Pause(),)})
    assert wait_for(lambda: any(r.kind == "pause" and r.applied_at for r in run.rulings))
    assert run.propose(SetParameter("centre", 1.0)).accepted
    assert wait_for(lambda: any(r.kind == "set" and r.applied_at for r in run.rulings))
    assert run.points == 3
    assert run.propose(Resume()).accepted
    run.finish()
    assert all(event["th"] > 0.4 for event in run.events("primary")[3:])


def test_an_abort_is_recorded_before_the_run_closes(engine, motors):
    run = Run(engine, motors, rocking(), {3: (Pause(),)})
    assert wait_for(lambda: any(r.kind == "pause" and r.applied_at for r in run.rulings))
    assert run.propose(Abort("smoke"), lease="").accepted
    engine.abort("smoke")
    run.finish()
    assert run.stop["exit_status"] == "abort"
    assert run.events("steering")[-1]["kind"] == "abort"
    assert run.events("steering")[-1]["new"] == "smoke"
    assert "No scan is running" in run.propose(Resume()).reason


def interrupted(plan, at, processed, error, met, late):
    """Throw an error into a plan before or after its message number ``at`` was processed, as the engine does.

    Just before, somebody proposes something more: ``late`` is called, while the scan is still open.
    """
    response = None
    for number in range(at + 1):
        message = plan.send(response)
        met.append(message.command)
        if number < at or processed:
            response = yield message
    late()
    message = plan.throw(error)
    while True:
        try:
            response = yield message
        except IllegalMessageSequence as refused:
            message = plan.throw(refused)
        else:
            message = plan.send(response)


@pytest.mark.parametrize("processed", [False, True])
@pytest.mark.parametrize("error", [RequestAbort(), OSError("the motor is gone")])
def test_an_end_at_any_message_writes_each_ruling_once(engine, motors, error, processed):
    met = []
    names = ["unknown", "step", "centre", "late"]
    for at in range(3, 40):
        scan = rocking()
        run = Run(engine, motors, scan, begin=False, faults=Faults(silent="fail"))
        for name in names[:3]:
            run.docket.propose(Proposal(name, "ana", SetParameter(name, 0.2)), "ana", "ana")
        met.clear()
        last = Proposal("late", "ana", SetParameter("range", 0.9))
        run.begin(
            interrupted(
                run.plan(), at, processed, error, met, lambda run=run, last=last: run.docket.propose(last, "ana", "ana")
            )
        )
        with contextlib.suppress(PointError):
            run.finish()
        recorded = [event["id"] for event in run.events("steering") if event["kind"] != "fail"]
        assert sorted(recorded) == sorted(names), (at, met)
        assert run.stop["exit_status"] == ("abort" if isinstance(error, RequestAbort) else "fail")
    assert {"checkpoint", "create", "read", "save", "set", "wait"} <= set(met)


def test_a_decision_that_cannot_be_applied_ends_the_run_and_is_recorded_with_the_others(engine, motors, monkeypatch):
    def fail(*_):
        raise ValueError("no such path")

    monkeypatch.setattr("steering.paths.path.Path.skip", fail)
    run = Run(engine, motors, rocking(), {3: (SetParameter("step", 0.2), Skip(2), SetParameter("range", 0.9))})
    with pytest.raises(PointError, match="no such path"):
        run.finish()
    assert [event["kind"] for event in run.events("steering")] == ["set", "skip", "set"]
    assert run.stop["exit_status"] == "fail"


def test_a_rewind_replays_the_point_but_no_decision(engine, motors):
    """A suspender of the engine rewinds to the checkpoint; without a stream-writing detector that is legal."""
    run = Run(engine, motors, rocking())
    bluesky = engine._engine
    suspended = threading.Event()

    def suspend_in_the_middle(name, document):
        if run.points == 4 and not suspended.is_set() and Run.current is run:
            suspended.set()
            run.propose(SetParameter("step", 0.05))
            engine.loop.call_soon(bluesky.request_suspend, lambda: asyncio.sleep(0.2))

    token = bluesky.subscribe(suspend_in_the_middle)
    run.finish()
    bluesky.unsubscribe(token)
    assert suspended.is_set()
    recorded = run.events("steering")
    assert [event["kind"] for event in recorded] == ["set"]
    numbers = [d["seq_num"] for n, d in run.documents if n == "event" and run.streams[d["descriptor"]] == "primary"]
    assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))


def test_the_same_proposal_twice_is_one(engine, motors):
    run = Run(engine, motors, rocking(), {3: (Pause(),)})
    assert wait_for(lambda: any(r.kind == "pause" and r.applied_at for r in run.rulings))
    proposal = Proposal("same", "ana", SetParameter("step", 0.2))
    first, second = (run.docket.propose(proposal, "ana", "ana") for _ in range(2))
    # The plan may take it between the two: a scan that is paused takes changes at once.
    assert replace(first, applied_at=0.0, before_point=0) == replace(second, applied_at=0.0, before_point=0)
    run.propose(Resume())
    run.finish()
    assert [event["id"] for event in run.events("steering")].count("same") == 1


def test_two_quick_proposals_cannot_slip_past_the_largest_step_together(engine, motors):
    # All at one point: nothing is applied between them.
    quick = (SetParameter("centre", 2.0), SetParameter("centre", 4.0), SetParameter("centre", 1.0), Finish())
    run = Run(engine, motors, rocking(), {3: quick})
    run.finish()
    asked = [ruling for ruling in run.events("steering") if ruling["kind"] == "set"]
    assert sorted((ruling["new"], ruling["verdict"]) for ruling in asked) == [
        ("1 deg", "refused"),
        ("2 deg", "accepted"),
        ("4 deg", "accepted"),
    ]
    assert "away from 4" in next(ruling["reason"] for ruling in asked if ruling["verdict"] == "refused")


@pytest.mark.parametrize("later", [SetParameter("step", 0.05), SetParameter("centre", 1.0), Skip(1)])
def test_a_finish_is_not_undone_by_what_comes_before_the_scan_has_ended(engine, motors, later):
    """An agent answers the point before: a path that is laid anew would be measured to its end."""
    run = Run(engine, motors, rocking(), {3: (Finish(), later, Pause(), Resume())}).finish()
    assert run.points == 3
    assert run.stop["exit_status"] == "success"
    (refused,) = [one["reason"] for one in run.events("steering") if one["verdict"] == "refused"]
    assert "being finished" in refused


def test_what_is_decided_before_a_resume_holds_for_the_next_point_however_quickly_it_follows(engine, motors):
    """While the engine records a pause, a change and a resume come: the change is not left for the point after."""
    run = Run(engine, motors, rocking(), {3: (Pause(),)}, begin=False)
    quick = [SetParameter("centre", -1.0), Resume()]
    take = run.take

    def taken(name, document):
        take(name, document)
        if (
            name == "event"
            and run.streams[document["descriptor"]] == "steering"
            and document["data"]["kind"] == "pause"
        ):
            while quick:
                assert run.propose(quick.pop(0)).accepted

    run.take = taken
    run.begin(run.plan())
    run.finish()
    assert all(event["th"] < -0.4 for event in run.events("primary")[3:])


def test_without_room_the_scan_waits_before_a_point_and_goes_on_when_there_is_some(engine, motors):
    freed, run = threading.Event(), None

    def room():
        return "The disk is full." if run is not None and run.points >= 3 and not freed.is_set() else ""

    run = Run(engine, motors, rocking(), begin=False, room=room)
    run.begin(run.plan())
    assert wait_for(lambda: run.docket.paused)
    assert run.points == 3
    assert run.docket.pause.reason == "The disk is full."
    # Too early: it waits again.
    run.propose(Resume())
    assert wait_for(lambda: [ruling.kind for ruling in run.rulings if not ruling.applied_at].count("pause") == 2)
    assert run.points == 3
    freed.set()
    assert wait_for(lambda: run.docket.paused)
    run.propose(Resume())
    run.finish()
    assert len({round(event["th"], 6) for event in run.events("primary")}) == run.points == 11
    assert run.stop["exit_status"] == "success"


def test_without_room_the_scan_ends_where_the_beamline_says_so(engine, motors):
    run = Run(engine, motors, rocking(), begin=False, room=lambda: "The disk is full.", faults=Faults(full="fail"))
    run.begin(run.plan())
    with pytest.raises(SteeringError, match="The disk is full"):
        run.finish()
    assert run.points == 0
    assert run.stop["exit_status"] == "fail"


def test_a_run_goes_on_with_another_without_its_points(engine, motors):
    first = Run(engine, motors, rocking()).finish()
    measured = [Point({"th": event["th"]}, {}) for event in first.events("primary")[:7]]
    rest = Run(engine, motors, rocking(), begin=False)
    rest.begin(steerable(rest.docket, rest.devices, {}, measured))
    rest.finish()
    positions = [round(event["th"], 6) for event in rest.events("primary")]
    assert len(positions) == 4
    assert not {round(point.positions["th"], 6) for point in measured} & set(positions)
