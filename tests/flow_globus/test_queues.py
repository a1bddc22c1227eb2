"""Queue, nodes and walltime of a flow's job: by the compute owner's policy, from what the queues say."""

import json
from types import SimpleNamespace

import pytest
import yaml

from steering.commands.flow import describe_flow
from steering.core import registry
from steering.flow_globus.queue import CHOSEN, REFUSED
from steering.flow_globus.queue_there import choose_there
from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from tests.flow_globus.places import STEPS
from tests.flow_runner.workspaces import UID

pytestmark = pytest.mark.system

SITE = {
    "account": "aps",
    "queues": {
        "demand": {"walltime_most": "48:00:00", "source": "this test"},
        "debug": {"walltime_most": "48:00:00", "nodes_most": 2, "source": "this test"},
        "preemptable": {"walltime_most": "72:00:00", "nodes_per_job": 1, "source": "this test"},
    },
    "preference": {
        "live": ["demand", "debug", "preemptable"], "soon": ["preemptable"], "batch": ["preemptable", "debug"],
    },
    # By the double's time, which is a hundredth.
    "walltime": {"live": "48:00:00", "soon": "48:00:00", "batch": "48:00:00"},
}  # fmt: skip
ASKED = {"facility": "slurm", "urgency": "live", "nodes": 1, "walltime": None, "refusals": {}, "look": False}


def describe(folder):
    """Describe the facility in a workspace."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "steering.yaml").write_text(yaml.safe_dump({"steering": {"sites": {"slurm": SITE}}}))


@pytest.fixture
def asking(there, workspace):
    """A flow whose queue is chosen; a second endpoint is where the queues can be asked."""
    describe(workspace.directory)
    describe(there.folder / "home")
    there.double.compute.endpoint("login")
    more = {"facility": "slurm", "compute_config": {}}
    login = {"queue": "debug", "account": "aps", "walltime": "48:00:00"}
    look = {"queue_endpoint": "login", "queue_config": login}

    def flow(*, look_at=True, urgency="live", **compute):
        step = {**STEPS["compute"], "urgency": urgency, **compute}
        return there.flow({**more, **(look if look_at else {})}, compute=step, catalogue=None)

    return flow


def chosen(workspace):
    """What was written down: choices and refusals, in order."""
    lines = list(FlowJournal(flows_folder(workspace) / f"keep-{UID[:8]}").lines())
    done = [line for line in lines if line["kind"] == "did" and line["key"].startswith((CHOSEN, REFUSED))]
    return [line["config"] if line["key"].startswith(CHOSEN) else line["queue"] for line in done], lines


def test_demand_refuses_and_the_next_queue_that_takes_jobs_is_said_with_the_reasons(
    slurm, asking, run, there, workspace
):
    # The first choice is refused by the double, the second takes no jobs now, as Slurm says.
    slurm.ask("scontrol", "update", "PartitionName=debug", "State=DOWN")
    try:
        state = run(asking())
    finally:
        slurm.ask("scontrol", "update", "PartitionName=debug", "State=UP")
    assert state.status == "succeeded", state.why
    made, lines = chosen(workspace)
    one = {"account": "aps", "nodes_per_block": 1}
    # The rules allow two days everywhere; Slurm itself says that demand gives an hour.
    first, second = {"queue": "demand", "walltime": "01:00:00"}, {"queue": "preemptable", "walltime": "48:00:00"}
    assert made == [{**one, **first}, "demand", {**one, **second}]
    said = " ".join(line["why"] for line in lines if line["kind"] == "waits")
    assert "Queue demand: one job of 1 node for 1 h, can start now" in said
    assert "The queue demand was refused (" in said
    queue = state.step("compute").outcome["queue"]
    assert "preemptable: one job of 1 node for 48 h" in queue
    assert "not demand: refused the last job: " in queue
    assert "not debug: takes no jobs now" in queue
    assert queue in describe_flow(state)
    # The job of the double went where it was chosen, and each of it was done once.
    assert there.effects.transfer_tasks == 3
    assert there.effects.functions_run == 3


def test_without_an_endpoint_that_sees_the_queues_the_rules_alone_choose_and_that_is_said(
    asking, run, workspace, there
):
    state = run(asking(look_at=False, urgency="batch", nodes=3, walltime="20:00:00"))
    assert state.status == "succeeded", state.why
    made, _ = chosen(workspace)
    assert made == [
        {"account": "aps", "queue": "preemptable", "nodes_per_block": 1, "walltime": "20:00:00", "max_blocks": 3}
    ]
    assert "The queues were not asked: no endpoint that sees them is named." in state.step("compute").outcome["queue"]
    # The function is in the job that was chosen, and asks for no other.
    assert there.effects.functions_run == 1


def test_what_no_queue_can_do_is_said_for_each_and_nothing_is_sent(asking, run, there):
    state = run(asking(look_at=False, walltime="100:00:00"))
    assert state.status == "failed"
    assert "No queue could be chosen: " in state.why
    for queue in ("demand", "debug", "preemptable"):
        assert f"{queue}: 100 h is outside its" in state.why
    assert there.effects.flow_runs == 0


def test_a_facility_without_queues_and_a_batch_system_that_is_silent(workspace, tmp_path, monkeypatch):
    describe(workspace.directory)
    answer = choose_there({**ASKED, "facility": "local"}, workspace)
    assert answer == {"refused": "The facility local has no queues. Name one that has under 'globus:' of the flow."}
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = choose_there({**ASKED, "look": True}, workspace)
    assert answer["config"]["queue"] == "demand"
    assert "The queues were not asked: " in answer["why"]
    assert json.dumps(answer)


def test_a_facility_of_somebody_else_has_no_queues(workspace, monkeypatch):
    monkeypatch.setattr(registry, "load", lambda _door, _name: lambda workspace: SimpleNamespace(name="theirs"))
    assert "has no queues" in choose_there({**ASKED, "facility": "theirs"}, workspace)["refused"]
