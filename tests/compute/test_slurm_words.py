"""What Slurm says of a job, of 22.05 (plain values) and of 23.11 and later (values in objects, lists of states)."""

import math

import pytest

from steering.compute.answers import expand_hosts
from steering.compute.batch import Observation
from steering.compute.slurm import _partition, observation

BEGUN = 1_795_000_000


def old(state, **more):
    return observation({"job_id": 7, "job_state": state, "state_reason": "None", "state_description": "",
                        "start_time": 0, "time_limit": 60, "exit_code": 0, "nodes": "", **more})  # fmt: skip


def number(value):
    return {"set": True, "infinite": False, "number": value}


def new(*states, **more):
    entry = {"job_id": 7, "job_state": list(states), "state_reason": "None", "state_description": "",
             "start_time": number(0), "time_limit": number(60), "nodes": "",
             "exit_code": {"status": ["SUCCESS"], "return_code": number(0), "signal": {"id": number(0), "name": ""}},
             }  # fmt: skip
    return observation(entry | more)


def test_old_and_new_say_the_same_of_a_waiting_job():
    before = old("PENDING", state_reason="Resources", start_time=BEGUN)
    assert before == new("PENDING", state_reason="Resources", start_time=number(BEGUN))
    assert (before.phase, before.words, before.expected_start, before.walltime) == ("queued", "Resources", BEGUN, 3600)
    assert math.isnan(before.started)
    assert not before.never


def test_old_and_new_say_the_same_of_a_running_job():
    before = old("RUNNING", start_time=BEGUN, nodes="n[1-2]")
    assert before == new("RUNNING", start_time=number(BEGUN), nodes="n[1-2]")
    assert before == Observation("running", nodes=("n1", "n2"), started=BEGUN, walltime=3600.0)


@pytest.mark.parametrize("reason", ["PartitionNodeLimit", "PartitionTimeLimit", "BadConstraints"])
def test_some_reasons_are_never_mended_by_waiting(reason):
    assert old("PENDING", state_reason=reason).never
    assert not old("RUNNING", state_reason=reason).never


ENDS = {"COMPLETED": "finished", "FAILED": "failed", "OUT_OF_MEMORY": "failed", "NODE_FAIL": "preempted",
        "PREEMPTED": "preempted", "TIMEOUT": "expired", "CANCELLED": "cancelled"}  # fmt: skip


@pytest.mark.parametrize(("state", "end"), ENDS.items())
def test_an_end_says_how(state, end):
    assert (old(state).phase, old(state).end) == (new(state).phase, new(state).end) == ("ended", end)


def test_a_job_that_is_still_completing_has_not_ended():
    assert (new("CANCELLED", "COMPLETING").phase, new("CANCELLED", "COMPLETING").end) == ("ending", "")


def test_a_requeued_job_waits_again():
    assert new("PENDING", "REQUEUED").phase == "queued"
    assert new("REQUEUE_HOLD", "PENDING").phase in ("queued", "held")


def test_exit_codes_are_read_from_a_wait_status_and_from_an_object():
    assert old("FAILED", exit_code=69 << 8).exit_code == 69
    assert old("FAILED", exit_code=9).exit_code == 137
    coded = {"status": ["ERROR"], "return_code": number(69), "signal": {"id": number(0), "name": ""}}
    assert new("FAILED", exit_code=coded).exit_code == 69


def test_a_number_that_is_not_set_or_infinite_is_none():
    unset = {"set": False, "infinite": False, "number": 5}
    endless = {"set": False, "infinite": True, "number": 0}
    assert math.isnan(new("PENDING", start_time=unset).expected_start)
    assert math.isnan(new("RUNNING", time_limit=endless).walltime)


def test_an_unknown_state_is_no_end():
    assert old("SOMETHING_NEW").phase == "held"


def test_names_of_nodes_are_written_out():
    assert expand_hosts("n[1-3,7],login") == ["n1", "n2", "n3", "n7", "login"]
    assert expand_hosts("x[08-10]") == ["x08", "x09", "x10"]
    assert expand_hosts("") == []


def test_a_partition_says_its_limits():
    line = "PartitionName=debug Default=YES MaxNodes=UNLIMITED MaxTime=01:00:00 MinNodes=0 State=UP TotalNodes=3"
    state = _partition(line, {"debug": 2}, ["debug", "other", "debug"])
    assert (state.name, state.takes, state.queued, state.nodes_free) == ("debug", True, 2, 2)
    assert (state.nodes_all, state.nodes_most, state.walltime_most) == (3, 0, 3600)
    assert not _partition("PartitionName=x State=DOWN MaxTime=UNLIMITED", {}, []).takes
