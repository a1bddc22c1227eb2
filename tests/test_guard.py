import math
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steering.core.action import Abort, EndBurst, Finish, InsertRegion, Pause, ReplacePath, Resume, SetParameter, Skip
from steering.core.parameter import Parameter
from steering.core.status import Axis
from steering.guard import Reach, Situation, judge, judge_value

numbers = st.floats(allow_nan=True, allow_infinity=True)
finite = st.floats(-1e6, 1e6)


@st.composite
def parameters(draw):
    low, value, high = sorted([draw(finite), draw(finite), draw(finite)])
    step = draw(st.floats(1e-6, 1e6) | st.just(math.inf))
    return Parameter("exposure", "s", value, low, high, step)


def situation(**changes):
    plain = {
        "scanning": True,
        "paused": False,
        "person": "ana",
        "lease": "ana",
        "parameters": {"exposure": Parameter("exposure", "s", 0.1, 0.01, 5.0, 2.0)},
        "axes": {"sy": Axis("sy", "um", -10, 10), "sx": Axis("sx", "um", -10, 10)},
        "region": True,
        "points_left": 50,
        "points_allowed": 1000,
    }
    return Situation(**plain | changes)


@settings(deadline=None)
@given(parameters(), numbers)
def test_an_accepted_value_is_finite_within_the_limits_and_near(parameter, value):
    refusal = judge(SetParameter("exposure", value), situation(parameters={"exposure": parameter}))
    allowed = (
        math.isfinite(value)
        and parameter.low <= value <= parameter.high
        and abs(value - parameter.value) <= parameter.largest_step * (1 + 1e-9)
    )
    assert (refusal == "") == allowed


@settings(deadline=None)
@given(parameters(), numbers)
def test_a_refusal_names_value_unit_and_what_is_allowed(parameter, value):
    refusal = judge_value("exposure", value, {"exposure": parameter})
    shown = f"{value:g}" if math.isfinite(value) else f"{value}"
    if refusal:
        assert refusal.startswith(f"exposure = {shown} s ")
        assert "Allowed: " in refusal
        assert ("is not a finite number" in refusal) == (not math.isfinite(value))
        assert refusal.endswith((f"{parameter.high:g} s.", f"{parameter.largest_step:g} s in one step."))


@settings(deadline=None)
@given(parameters(), st.lists(numbers, max_size=30))
def test_no_chain_of_accepted_values_leaves_the_limits_or_leaps(parameter, values):
    known = {"exposure": parameter}
    for value in values:
        before = known["exposure"]
        if not judge(SetParameter("exposure", value), situation(parameters=known)):
            known["exposure"] = replace(before, value=value)
            assert parameter.low <= value <= parameter.high
            assert abs(value - before.value) <= parameter.largest_step * (1 + 1e-9)


@settings(deadline=None)
@given(parameters(), numbers, st.text(), st.text())
def test_only_the_holder_of_the_lease_can_be_accepted(parameter, value, person, lease):
    asked = situation(parameters={"exposure": parameter}, person=person, lease=lease)
    if not judge(SetParameter("exposure", value), asked):
        assert person == lease != ""


@pytest.mark.parametrize("value", [0.5, 5.0, 0.01])
def test_a_step_of_exactly_the_largest_is_accepted(value):
    parameter = Parameter("exposure", "s", value, 0.0, 10.0, 0.1)
    for there in (value + 0.1, max(value - 0.1, 0.0)):
        assert judge_value("exposure", there, {"exposure": parameter}) == ""
    assert "Allowed: at most 0.1 s in one step" in judge_value("exposure", value + 0.11, {"exposure": parameter})


@settings(deadline=None)
@given(st.text(min_size=1).filter(lambda name: name != "exposure"), finite)
def test_an_unknown_parameter_is_refused_with_those_that_exist(name, value):
    assert "This scan has: exposure" in judge(SetParameter(name, value), situation())


@pytest.mark.parametrize("lease", ["", "ben"])
@pytest.mark.parametrize(
    "action", [SetParameter("exposure", 0.2), Skip(1), Finish(), Resume(), InsertRegion({}, {}), ReplacePath({})]
)
def test_nobody_steers_without_the_lease(lease, action):
    refusal = judge(action, situation(lease=lease))
    assert "lease" in refusal
    assert lease in refusal


@pytest.mark.parametrize("action", [Pause(), Abort()])
def test_everybody_may_make_the_beamline_safer(action):
    assert judge(action, situation(lease="ben")) == ""


@pytest.mark.parametrize("action", [Pause(), Abort(), Skip(1), SetParameter("exposure", 0.2)])
def test_nothing_is_accepted_while_nothing_runs(action):
    assert "No scan is running" in judge(action, situation(scanning=False))


@settings(deadline=None)
@given(numbers, numbers, numbers)
def test_a_region_is_accepted_only_with_ordered_limits_and_a_step(low, high, step):
    action = InsertRegion({"sy": (low, high), "sx": (0.0, 1.0)}, {"sy": step, "sx": 0.1})
    refusal = judge(action, situation())
    ordered = math.isfinite(low) and math.isfinite(high) and low < high
    assert (refusal == "") == (ordered and math.isfinite(step) and step > 0)


@pytest.mark.parametrize(
    ("region", "step", "words"),
    [
        ({"sy": (0, 1)}, {"sy": 0.1, "sx": 0.1}, "sx has none"),
        ({"sy": (0, 1), "sx": (0, 1)}, {"sy": 0.1}, "sx has none"),
        ({"sy": (0, 1), "sx": (0, 1), "th": (0, 1)}, {"sy": 0.1, "sx": 0.1}, "no axis 'th'. This scan moves: sy, sx"),
        ({"sy": (0, 1), "sx": (0, 1)}, {"sy": 0.1, "sx": 0.1, "th": 1}, "no axis 'th'. This scan moves: sy, sx"),
        ({"sy": (1, 0), "sx": (0, 1)}, {"sy": 0.1, "sx": 0.1}, "from 1 to 0 um"),
        ({"sy": (0, 1), "sx": (0, 1)}, {"sy": 0.1, "sx": -2}, "-2 um"),
    ],
)
def test_a_region_must_name_the_axes_of_the_scan(region, step, words):
    assert words in judge(InsertRegion(region, step), situation())


@pytest.mark.parametrize(
    ("reach", "words"),
    [
        (Reach({"sx": (-11.0, 3.0)}, 5), "The motor allows -10 to 10 um"),
        (Reach({"sx": (0.0, 3.0)}, 1001), "at most 1000"),
        (Reach({"th": (0.0, 3.0)}, 5), "no axis 'th'"),
    ],
)
def test_a_path_must_stay_within_motors_and_budget(reach, words):
    assert words in judge(ReplacePath({}), situation(reach=reach))


@pytest.mark.parametrize(("points", "accepted"), [(0, False), (-3, False), (1, True), (50, True), (51, False)])
def test_only_points_that_are_left_can_be_skipped(points, accepted):
    assert (judge(Skip(points), situation()) == "") == accepted


def test_a_path_that_cannot_be_built_is_refused_with_the_reason():
    assert judge(ReplacePath({}), situation(problem="The path has no points.")) == "The path has no points."


def test_pause_and_resume_must_mean_something():
    assert judge(Resume(), situation()) != ""
    assert judge(Resume(), situation(paused=True)) == ""
    assert judge(Pause(), situation(paused=True)) != ""


def test_a_region_on_a_scan_without_regions_says_what_to_do_instead():
    action = InsertRegion({"sy": (0, 1), "sx": (0, 1)}, {"sy": 0.1, "sx": 0.1})
    given = {name: Parameter(name, "deg", 1.0, 0.0, 2.0) for name in ("centre", "range", "step")}
    said = judge(action, situation(region=False, parameters=given))
    assert said == "This scan takes no regions; change its centre, range or step instead."
    assert judge(action, situation(region=False, parameters={})) == "This scan takes no regions."


def test_what_holds_for_a_whole_run_is_not_changed_while_it_runs():
    given = {"num": Parameter("num", "", 11.0, 1.0, 100.0, fixed=True)}
    assert judge(SetParameter("num", 12.0), situation(parameters=given)) == (
        "num is chosen at the start and holds for the whole run. Finish this scan and start it again."
    )


@pytest.mark.parametrize(
    ("point", "changes", "said"),
    [
        (0, {"parted": False, "burst": 0}, "taken in one part here.*Give the scan parts"),
        (0, {"parted": True, "burst": 0}, "No burst runs now.*Wait until the next"),
        (3, {"parted": True, "burst": 4}, "burst of point 3 does not run, that of point 4 does"),
        (4, {"parted": True, "burst": 4, "lease": "bob"}, "held by bob"),
    ],
)
def test_only_the_burst_that_runs_in_parts_can_be_ended(point, changes, said):
    assert re.search(said, judge(EndBurst(point), situation(**changes)))


@pytest.mark.parametrize("point", [0, 4])
def test_the_burst_that_runs_can_be_ended(point):
    assert judge(EndBurst(point), situation(parted=True, burst=4)) == ""
