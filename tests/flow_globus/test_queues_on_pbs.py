"""Queue, nodes and walltime from what PBS says of its queues, as on Polaris: its shipped description, and ``qstat``."""

import pytest
import yaml

from steering.flow_globus.queue_there import choose_there
from tests.flow_globus.places import STEPS
from tests.flow_globus.test_queues import chosen
from tests.surroundings import batch_system_around

# PBS is played by processes.
pytestmark = pytest.mark.system

ASKED = {"facility": "polaris", "urgency": "live", "nodes": 1, "walltime": None, "refusals": {}, "look": True}


@pytest.fixture
def pbs(tmp_path):
    """Three nodes, with queues as Polaris has them."""
    with batch_system_around("pbs", tmp_path) as replay:
        yield replay


@pytest.fixture
def polaris(workspace, there):
    """Say only what nobody else can know of Polaris: the account."""
    for folder in (workspace.directory, there.folder / "home"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "steering.yaml").write_text(yaml.safe_dump({"steering": {"sites": {"polaris": {"account": "aps"}}}}))


def test_a_flow_goes_to_the_queue_that_can_start_now(pbs, polaris, there, run, workspace):
    # The first job has all nodes, the second waits for them.
    for _ in range(2):
        pbs.control("occupy", "demand", "3")
    there.double.compute.endpoint("login")
    login = {"queue": "debug", "account": "aps", "walltime": "1:00:00"}
    more = {"facility": "polaris", "queue_endpoint": "login", "queue_config": login, "compute_config": {}}
    state = run(there.flow(more, compute={**STEPS["compute"], "urgency": "live"}, catalogue=None))
    assert state.status == "succeeded", state.why
    made, _ = chosen(workspace)
    assert made == [{"account": "aps", "queue": "debug", "nodes_per_block": 1, "walltime": "01:00:00"}]
    queue = state.step("compute").outcome["queue"]
    assert queue.startswith("debug: one job of 1 node for 1 h, can start now (before it come demand, which cannot)")
    assert "The queues were not asked" not in queue


def test_each_state_of_the_queues_leads_elsewhere(pbs, polaris, workspace):
    for change, asked, queue in (
        ((), {}, "demand"),
        ((), {"refusals": {"demand": "Unauthorized Request"}}, "debug"),
        ((), {"urgency": "soon"}, "preemptable"),
        ((), {"urgency": "batch", "nodes": 12}, "preemptable"),
        (("occupy", "demand", "3"), {}, "demand"),
        (("occupy", "demand", "3"), {}, "debug"),
        (("occupy", "debug", "1"), {}, "debug-scaling"),
    ):
        if change:
            pbs.control(*change)
        answer = choose_there({**ASKED, **asked}, workspace)
        assert answer["config"]["queue"] == queue, (change, asked, answer["why"])


def test_pbs_that_does_not_answer_leaves_the_rules_and_that_is_said(pbs, polaris, workspace):
    for trouble in ("freeze", "garbage"):
        pbs.control(trouble)
        answer = choose_there(ASKED, workspace)
        assert answer["config"]["queue"] == "demand"
        assert "The queues were not asked: " in answer["why"], trouble
        pbs.control("thaw")
