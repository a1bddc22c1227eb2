"""What a forecast says is what then happens; and asking changes nothing."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scanspec.specs import Linspace

from steering.core.action import Abort, Finish, InsertRegion, Pause, ReplacePath, Resume, SetParameter, Skip
from steering.core.plan import MOST_POSITIONS, Plan, thinned
from steering.paths.path import Path
from steering.paths.prospect import Change, apply_all, look_ahead
from steering.paths.way import Way
from steering.plans.docket import Progress
from tests.plans.running import AXES, Run, rocking, wait_for
from tests.plans.test_docket import MAP, ask, docket_of, region

CHANGES = [
    (SetParameter("centre", 0.3),),
    (SetParameter("centre", 0.3), SetParameter("range", 0.4)),
    (SetParameter("step", 0.05), Skip(3)),
    (Skip(3), SetParameter("step", 0.05)),
    (SetParameter("range", 0.4), ReplacePath(Linspace("th", -1.0, 1.0, 7).serialize())),
    (SetParameter("step", 0.05), Finish()),
    (Skip(2), Skip(4)),
    (SetParameter("exposure", 0.2),),
    (ReplacePath(Linspace("th", -1.0, 1.0, 7).serialize()), Skip(2)),
    (Finish(),),
    (Skip(1), Abort()),
]


def standing(docket, done=0):
    """Let a docket's scan stand after some points."""
    points = tuple(docket.scan.points({item.name: item.value for item in docket.scan.parameters}))
    values = docket.progress.values
    docket.advance(Progress(0, len(points), values), Way((), (), points))
    docket.advance(Progress(done, len(points) - done, values))
    return points


def positions(way, axes=("th",)):
    return way.plan("run", axes).positions.tolist()


@pytest.mark.parametrize("actions", CHANGES)
def test_what_was_forecast_is_what_is_measured(engine, motors, actions):
    run = Run(engine, motors, rocking(), at={4: [Pause()]})
    assert wait_for(lambda: run.docket.paused and not run.docket.waits and not run.docket.measuring)
    before = run.docket.progress
    outlook = run.docket.look_out(actions, "ana", "ana")
    assert outlook.refusal == ""
    assert run.docket.progress == before
    assert not run.docket.waits
    abort = isinstance(actions[-1], Abort)
    for action in actions:
        ruling = run.propose(action)
        assert ruling.accepted
    if abort:
        engine.insist("the test", lambda: run.docket.noticed)
    else:
        run.propose(Resume())
    assert run.future.exception(30) is None or abort
    wanted = positions(outlook.way)
    assert len(wanted) == run.points
    measured = [[event["th_setpoint"]] if "th_setpoint" in event else [event["th"]] for event in run.events("primary")]
    assert np.allclose(measured, wanted)
    if not abort:
        assert positions(run.docket.way) == wanted


WISHES = st.sampled_from(
    [
        SetParameter("centre", 0.3), SetParameter("step", 0.05), SetParameter("exposure", 0.2), Skip(2), Finish(),
        InsertRegion({"th": (2.0, 3.0)}, {"th": 0.5}), ReplacePath(Linspace("th", -1.0, 1.0, 7).serialize()),
    ]
)  # fmt: skip


@given(st.lists(WISHES, max_size=6), st.integers(0, 11), st.data())
@settings(deadline=None)
def test_what_is_accepted_between_two_points_does_what_it_would_do_one_after_another(wishes, done, data):
    scan = rocking()
    values = {item.name: item.value for item in scan.parameters}
    axes, held = {"th": AXES["th"]}, {item.name: item for item in scan.parameters}
    changes = []
    for wish in wishes:
        if isinstance(wish, SetParameter):
            held[wish.parameter] = replace(held[wish.parameter], value=wish.value)
        changes.append(Change(wish, look_ahead(wish, scan, held, axes, 1000).made))

    def after(*parts):
        path, now = Path(scan.points(values)), dict(values)
        for _ in range(done):
            path.next()
        for part in parts:
            apply_all(path, now, scan, part)
        return [point.positions for point in path.rest], now

    at = data.draw(st.lists(st.integers(0, len(changes)), max_size=3).map(sorted))
    parts = [changes[start:stop] for start, stop in itertools.pairwise([0, *at, len(changes)])]
    assert after(changes) == after(*parts) == after(*([one] for one in changes))


def test_the_plan_is_told_when_the_path_changes_and_not_at_each_point(engine, motors):
    told = []
    run = Run(engine, motors, rocking(), at={5: [SetParameter("centre", 0.2)]}, begin=False)
    advance = run.docket.advance
    run.docket.advance = lambda progress, way=None: (told.append(way), advance(progress, way))
    run.begin(run.plan())
    run.finish()
    ways = [way for way in told if way is not None]
    assert len(ways) == 2
    assert len(told) > run.points
    # The last told plan is exactly what was measured.
    assert positions(run.docket.way) == [[event["th"]] for event in run.events("primary")]


def test_a_point_that_is_measured_now_comes_before_what_would_change():
    docket = docket_of()
    points = standing(docket, 3)
    first = positions(docket.look_out((Skip(2),), "ana", "ana").way, ("sy", "sx"))
    docket.measuring = True
    second = positions(docket.look_out((Skip(2),), "ana", "ana").way, ("sy", "sx"))
    assert first == [[p.positions["sy"], p.positions["sx"]] for p in (*points[:3], *points[5:])]
    assert second == [[p.positions["sy"], p.positions["sx"]] for p in (*points[:4], *points[6:])]


def test_what_is_accepted_and_not_applied_yet_is_in_the_forecast():
    docket = docket_of()
    points = standing(docket)
    assert ask(docket, Skip(5)).accepted
    assert docket.look_out((Skip(1),), "ana", "ana").left == len(points) - 6
    docket.take()
    assert docket.look_out((Skip(1),), "ana", "ana").left == len(points) - 6


@pytest.mark.parametrize(
    ("actions", "person", "words"),
    [
        ((SetParameter("exposure", 9.0),), "ana", "Allowed: 0.01 to 5 s"),
        ((Skip(1), SetParameter("nonsense", 1.0)), "ana", "There is no parameter 'nonsense'"),
        ((region(-10, 10, 0.2), region(-10, 10, 0.2)), "ana", "Allowed: at most 20000"),
        ((Finish(), Skip(1)), "ana", "being finished"),
        ((Abort(), Skip(1)), "ana", "being aborted"),
        ((Resume(),), "ana", "not paused"),
        ((Skip(1),), "bob", "The lease is held by ana"),
        ((region(-100, 10, 5.0),), "ana", "The motor allows -50 to 50 um"),
    ],
)
def test_a_refusal_is_the_guards_and_leaves_the_plan_as_it_stands(actions, person, words):
    docket = docket_of()
    points = standing(docket)
    outlook = docket.look_out(actions, person, "ana")
    assert words in outlook.refusal
    assert outlook.left == len(points) == len(outlook.way.left)
    assert docket.said == []


def test_a_proposal_and_its_forecast_are_judged_alike():
    for action in (Skip(10**6), region(-1, 1, math.nan), SetParameter("step", math.inf), Pause(), region(-3, 3, 1.0)):
        docket = docket_of()
        standing(docket)
        outlook = docket.look_out((action,), "ana", "ana")
        assert outlook.refusal == ("" if (ruling := ask(docket, action)).accepted else ruling.reason)


@given(
    st.lists(st.sampled_from([Skip(2), region(-3, 3, 1.0), region(5, 8, 1.0), SetParameter("step", 5.0)]), max_size=4)
)
@settings(max_examples=25, deadline=None)
def test_several_at_once_are_as_one_after_another(actions):
    docket, other = docket_of(), docket_of()
    standing(docket, 7)
    standing(other, 7)
    outlook = docket.look_out(actions, "ana", "ana")
    rulings = [ask(other, action) for action in actions]
    assert bool(outlook.refusal) == any(not ruling.accepted for ruling in rulings)
    if not outlook.refusal:
        after = other.look_out((), "ana", "ana")
        assert positions(outlook.way, MAP.axes) == positions(after.way, MAP.axes)


@given(st.integers(0, 100_000))
def test_a_thinned_plan_keeps_the_first_and_the_last_point_and_no_more_than_is_allowed(count):
    numbers = thinned(count)
    assert len(numbers) == min(count, MOST_POSITIONS)
    assert (np.diff(numbers) > 0).all()
    if count:
        assert (numbers[0], numbers[-1]) == (0, count - 1)


def test_what_is_left_of_a_thinned_plan_is_counted_in_points_of_the_path():
    count = 4 * MOST_POSITIONS
    plan = Plan.of("run", ("x",), thinned(count).reshape(-1, 1), count, 0)
    assert len(plan.positions) < plan.count
    left = plan.left(60_000)
    assert left.min() >= 60_000
    assert abs(len(left) - MOST_POSITIONS / 4) <= 1


def test_positions_that_are_no_plan_are_refused():
    with pytest.raises(ValueError, match="are no plan of 5 points"):
        Plan.of("run", ("x",), [[1.0]], 5, 0)


def test_a_path_that_begins_in_the_middle_of_another_goes_on_as_that_one_would():
    points = MAP.points({"step": 10.0})
    whole = Path(points)
    for _ in range(4):
        whole.next()
    other = Path.between(whole.done, whole.rest)
    for path in (whole, other):
        path.skip(1)
        path.rebuild(MAP.points({"step": 5.0}))
    assert other.rest == whole.rest


def test_a_region_comes_first_and_then_what_was_left():
    docket = docket_of()
    points = standing(docket, 2)
    action = InsertRegion({"sy": (0.0, 1.0), "sx": (0.0, 1.0)}, {"sy": 1.0, "sx": 1.0})
    outlook = docket.look_out((action,), "ana", "ana")
    assert len(outlook.way.left) == len(points) - 2 + 4
    assert [p.positions["sy"] for p in outlook.way.left[:4]] == [0.0, 0.0, 1.0, 1.0]
