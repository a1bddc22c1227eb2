"""The docket counts and bounds before it builds, judges the lease before it works, and keeps decisions exactly."""

import json
import math
import re
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scanspec.specs import Concat, Linspace

from steering.core.action import Abort, Finish, InsertRegion, Pause, ReplacePath, SetParameter, Skip
from steering.core.parameter import Parameter
from steering.core.proposal import Proposal, Ruling
from steering.core.status import Axis
from steering.journal.refusals import Allowance, Refusals
from steering.paths import prospect as module
from steering.plans.docket import Docket, Progress
from steering.scans.grid_map import GridMap
from steering.scans.rocking import RockingScan

STEP = Parameter("step", "um", 2.5, 0.01, 10.0)
EXPOSURE = Parameter("exposure", "s", 0.1, 0.01, 5.0)
MAP = GridMap(name="map", title="A map", area={"sy": (-20.0, 20.0), "sx": (-20.0, 20.0)}, parameters=(STEP, EXPOSURE))
LIMITS = {"sy": Axis("sy", "um", -50.0, 50.0), "sx": Axis("sx", "um", -50.0, 50.0)}
FREE = {name: Axis(name, "um", -math.inf, math.inf) for name in LIMITS}
ROCKING = RockingScan(
    name="rocking",
    title="A curve",
    axis="th",
    parameters=(
        Parameter("centre", "deg", 0.2, -0.5, 1.0),
        Parameter("range", "deg", 1.0, 0.01, 1.5),
        Parameter("step", "deg", 0.005, 0.0005, 0.1),
        EXPOSURE,
    ),
)


def docket_of(scan=MAP, axes=LIMITS, allowed=20_000):
    said = []
    values = {item.name: item.value for item in scan.parameters}
    made = Docket(scan, values, axes, allowed, said.append)
    made.said = said
    return made


def ask(docket, action, person="ana", lease="ana", name=None):
    return docket.propose(Proposal(name or f"{time.monotonic_ns()}", person, action), person, lease)


def region(low, high, step):
    return InsertRegion({"sy": (low, high), "sx": (low, high)}, {"sy": step, "sx": step})


def test_a_signal_that_tells_nothing_leaves_what_was_known_of_it():
    docket = docket_of(replace(MAP, parameters=(replace(STEP, largest_step=1.0), EXPOSURE)))
    docket.correct("step", 3.0)
    docket.correct("step", math.nan)
    assert docket._parameters["step"].value == 3.0
    assert ask(docket, SetParameter("step", 9.0)).verdict == "refused"


def test_regions_in_a_row_do_not_exceed_the_budget_together():
    docket = docket_of()
    left = docket.progress.left
    accepted = 0
    for _ in range(6):
        ruling = ask(docket, region(-10, 10, 0.2))
        accepted += ruling.accepted
    assert accepted == 1
    assert "Allowed: at most 20000" in ruling.reason
    # Also when the plan has taken it, and told of it.
    decisions = docket.take()
    assert not ask(docket, region(-10, 10, 0.2)).accepted
    docket.advance(Progress(0, left + len(decisions[0].points), docket.progress.values))
    assert not ask(docket, region(-10, 10, 0.2)).accepted
    assert ask(docket, region(-10, 10, 0.5)).accepted


def test_what_takes_points_away_is_counted_too():
    docket = docket_of()
    assert ask(docket, region(-10, 10, 0.2)).accepted
    few = Linspace("sy", 0.0, 1.0, 2) * Linspace("sx", 0.0, 1.0, 2)
    assert ask(docket, ReplacePath(few.serialize())).accepted
    assert ask(docket, region(-10, 10, 0.2)).accepted
    assert ask(docket, Skip(5)).accepted


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e308, -1e308])
@pytest.mark.parametrize("axes", [LIMITS, FREE])
def test_every_point_of_a_path_is_seen_wherever_it_stands(bad, axes):
    good = Linspace("sy", 0.0, 1.0, 3) * Linspace("sx", 0.0, 1.0, 3)
    odd = Linspace("sy", 0.0, 1.0, 3) * Linspace("sx", 0.0, bad, 3)
    for spec in (Concat(good, odd), Concat(odd, good), odd):
        text = json.loads(json.dumps(spec.serialize()))
        ruling = ask(docket_of(axes=axes), ReplacePath(text))
        assert not ruling.accepted
        assert ruling.reason


def test_a_motor_without_limits_goes_no_further_than_the_scan():
    docket = docket_of(axes=FREE)
    assert docket.axes["sx"].low == -20.0
    assert not ask(docket, region(-30, -25, 1.0)).accepted
    assert ask(docket, region(-20, -10, 1.0)).accepted
    half = {"sy": LIMITS["sy"], "sx": Axis("sx", "um", -math.inf, 5.0)}
    assert docket_of(axes=half).axes["sx"] == Axis("sx", "um", -20.0, 5.0)
    curve = docket_of(ROCKING, {"th": Axis("th", "deg", -math.inf, math.inf)})
    assert (curve.axes["th"].low, curve.axes["th"].high) == (-1.25, 1.75)


@pytest.mark.parametrize(
    "action",
    [
        region(-10, 10, 1e-9),
        InsertRegion({"sy": (0, 1), "sx": (0, 1), "sz": (9.0, -9e9)}, {"sy": 0.1, "sx": 0.1, "sz": 1e-9}),
        ReplacePath({"type": "Linspace", "axis": "sx", "start": 0, "stop": 1, "num": 10**9}),
        SetParameter("step", 0.011),
    ],
)
def test_nothing_is_made_for_who_does_not_hold_the_lease(monkeypatch, action):
    for name in ("points_of", "points_of_any", "region_count", "region_spec", "read_spec"):
        monkeypatch.setattr(module, name, lambda *_: pytest.fail("work was done for somebody who may not steer"))
    ruling = ask(docket_of(), action, person="eve")
    assert "The lease is held by ana" in ruling.reason


def test_a_region_with_one_axis_too_many_is_refused_before_it_is_counted(monkeypatch):
    monkeypatch.setattr(module, "region_count", lambda *_: pytest.fail("counted"))
    odd = InsertRegion({"sy": (0, 1), "sx": (0, 1), "sz": (9.0, -9e9)}, {"sy": 0.1, "sx": 0.1, "sz": 1e-9})
    assert "There is no axis 'sz'" in ask(docket_of(), odd).reason


def test_points_are_made_without_the_lock_that_the_plan_needs(monkeypatch):
    docket, making, go_on = docket_of(), threading.Event(), threading.Event()
    points_of = module.points_of

    def slowly(*arguments):
        making.set()
        assert go_on.wait(20)
        return points_of(*arguments)

    monkeypatch.setattr(module, "points_of", slowly)
    asking = threading.Thread(target=ask, args=(docket, region(0, 5, 1.0)))
    asking.start()
    assert making.wait(20)
    assert docket.take() == []
    assert ask(docket, Pause()).accepted
    assert ask(docket, Abort()).accepted
    go_on.set()
    asking.join(20)
    assert not docket.said[-1].accepted
    assert "is being aborted" in docket.said[-1].reason


def test_a_path_is_made_for_the_values_that_hold_when_it_is_accepted(monkeypatch):
    docket, made = docket_of(ROCKING, {"th": Axis("th", "deg", -5.0, 5.0)}), []
    points = RockingScan.points

    def meanwhile(scan, values):
        made.append(dict(values))
        if len(made) == 1:
            # Somebody else's change comes first.
            assert ask(docket, SetParameter("range", 0.5), name="other").accepted
        return points(scan, values)

    monkeypatch.setattr(RockingScan, "points", meanwhile)
    assert ask(docket, SetParameter("centre", 0.3), name="mine").accepted
    assert (made[-1]["centre"], made[-1]["range"]) == (0.3, 0.5)
    assert [decision.ruling.id for decision in docket.take()] == ["other", "mine"]


@given(st.floats(0.01, 5.0))
def test_what_was_decided_can_be_read_back_exactly(value):
    ruling = ask(docket_of(), SetParameter("exposure", value))
    assert float(ruling.new.removesuffix(" s")) == value
    assert json.loads(ruling.action) == {"parameter": "exposure", "value": value, "kind": "set"}


def test_a_long_path_is_kept_whole():
    spec = Linspace("sy", 0.0, 1.0, 2) * Linspace("sx", 0.0, 1.0, 2)
    for _ in range(12):
        spec = Concat(spec, Linspace("sy", 0.0, 1.0, 2) * Linspace("sx", 0.0, 1.0, 2))
    text = json.loads(json.dumps(spec.serialize()))
    ruling = ask(docket_of(), ReplacePath(text))
    assert ruling.accepted
    assert ruling.new == "52 points"
    assert json.loads(ruling.action)["spec"] == text


def test_a_refused_number_that_json_does_not_know_is_kept_as_a_text():
    ruling = ask(docket_of(), SetParameter("exposure", math.nan))
    assert json.loads(ruling.action)["value"] == "nan"


def test_who_is_refused_again_and_again_is_counted_and_the_next_refusal_that_is_written_says_so(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("steering.journal.refusals.time", SimpleNamespace(monotonic=lambda: now[0]))
    docket = docket_of()
    answers = [ask(docket, Finish(), "ben") for _ in range(60)]
    assert all(one.verdict == "refused" and one.reason for one in answers)
    # Each has its answer, and the same one when it asks again; fifty are written.
    assert docket.propose(Proposal(answers[55].id, "ben", Finish()), "ben", "ana") == answers[55]
    assert [one.id for one in docket.said] == [one.id for one in answers[:50]]
    # Those of others, and what is accepted, do not count with them.
    assert ask(docket, SetParameter("step", 99.0)).id == docket.said[-1].id
    assert ask(docket, Pause(), "ben").accepted
    now[0] = 4.0
    last = ask(docket, Finish(), "ben")
    assert docket.said[-1] == last
    assert last.reason.endswith("10 more were refused since the last one that is written here.")
    taken = docket.take()
    assert [one.ruling.id for one in taken if one.ruling.who == "ben"][-1] == last.id


@pytest.mark.parametrize("end", ["close_if_idle", "close"])
def test_the_end_of_a_scan_says_how_many_refusals_were_only_counted(end):
    docket = docket_of()
    for who, often in (("ben", 52), ("cy", 51), ("dee", 3)):
        for _ in range(often):
            ask(docket, Finish(), who)
    assert len(docket.take()) == 50 + 50 + 3
    if end == "close_if_idle":
        assert not docket.close_if_idle()
        last = docket.take()
        assert docket.close_if_idle()
    else:
        last = docket.close()
    said = {one.ruling.who: one.ruling.reason for one in last}
    assert said["ben"].endswith(" 1 more was refused since the last one that is written here.")
    assert "more" not in said["cy"]
    assert set(said) == {"ben", "cy"}


def test_a_steerer_has_more_refusals_written_than_a_watcher():
    docket = docket_of()
    for _ in range(60):
        ask(docket, SetParameter("step", 99.0))
    assert len(docket.said) == 60


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 10)), max_size=300))
def test_each_refusal_is_written_or_counted(asked):
    now, refusals, answers = 0.0, Refusals(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("steering.journal.refusals.time", SimpleNamespace(monotonic=lambda: now))
        for person, seconds in asked:
            now += seconds
            refusal = Ruling("i", person, "set", "", "", "", "refused", "No.", "", 0, 0)
            answers.append(refusals.written(person, refusal, Allowance(0.25, 5.0)))
    written = [one for one in (*answers, *refusals.rest()) if one is not None]
    counted = [int(found[1]) for one in written if (found := re.search(r"(\d+) more", one.reason))]
    assert len(written) + sum(counted) == len(asked)
    assert refusals.rest() == []
