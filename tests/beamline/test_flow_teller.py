"""What the service tells the process of flows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.beamline.flow_teller import FlowTeller
from steering.flows.entries import FlowEntry

STEPS = {"compute": {}}
# An event of two frames has 2 * 4 * 5 * 2 + 2 * 3 * 3 * 4 bytes; what the description does not tell counts nothing.
KEYS = {
    "det": {"external": "STREAM:", "shape": [1, 4, 5], "dtype_numpy": "<u2"},
    "fast": {"external": "STREAM:", "shape": [2, 3, 3], "dtype_numpy": "<i4"},
    "odd": {"external": "STREAM:", "shape": [1, 4, 5]},
    "th": {"shape": [], "dtype_numpy": "<f8"},
}


def flows(trigger):
    return {"one": FlowEntry.model_validate({"trigger": trigger, "steps": STEPS})}


def documents(points, uid="run-1", each=2):
    yield "start", {"uid": uid, "plan_name": "rocking", "frames_per_event": each}
    yield "descriptor", {"uid": f"{uid}-b", "name": "baseline", "run_start": uid}
    yield "descriptor", {"uid": f"{uid}-d", "name": "primary", "run_start": uid, "data_keys": KEYS}
    yield "event", {"descriptor": f"{uid}-b"}
    for _ in range(points):
        yield "event", {"descriptor": f"{uid}-d"}
    yield "stop", {"run_start": "another"}
    yield "stop", {"run_start": uid}


@pytest.mark.parametrize(
    ("trigger", "wanted"),
    [("hand", False), ("end", True), ({"at": "frames", "frames": 3}, True), ({"at": "bytes", "bytes": "1 kB"}, True)],
)
def test_a_process_of_flows_is_wanted_where_a_flow_starts_by_itself(trigger, wanted):
    assert FlowTeller.wanted(flows(trigger)) is wanted
    assert not FlowTeller.wanted({})


def test_begin_and_end_are_told_and_points_where_a_flow_counts_them():
    told = []
    teller = FlowTeller(flows("end"), told.append)
    for one in documents(3):
        teller.take(*one)
    assert told == [
        {"what": "began", "run": "run-1", "scan": "rocking"},
        {"what": "ended", "run": "run-1", "scan": "rocking"},
    ]
    told.clear()
    teller = FlowTeller(flows({"at": "frames", "frames": 3}), told.append)
    for uid in ("run-1", "run-2"):
        for one in documents(2, uid):
            teller.take(*one)
    assert [one.get("frames") for one in told] == [None, 2, 4, None] * 2
    assert [one.get("bytes") for one in told] == [None, 152, 304, None] * 2


@given(st.lists(st.integers(0, 3), max_size=40), st.sampled_from(["end", {"at": "frames", "frames": 3}]))
def test_runs_that_are_open_at_once_are_told_each_as_if_it_were_alone(turns, trigger):
    uids = [f"run-{number}" for number in range(4)]
    waiting = [[one for one in documents(2, uid) if one[1] != {"run_start": "another"}] for uid in uids]
    told = []
    teller = FlowTeller(flows(trigger), told.append)
    for turn in turns:
        if waiting[turn]:
            teller.take(*waiting[turn].pop(0))
    for one in waiting:
        for left in one:
            teller.take(*left)
    for uid in uids:
        alone = []
        one_run = FlowTeller(flows(trigger), alone.append)
        for one in documents(2, uid):
            one_run.take(*one)
        assert [one for one in told if one["run"] == uid] == alone
    assert teller._open == {}
