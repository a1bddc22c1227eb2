"""A compute step asks for a pool as urgent as it says, and tells which queue was chosen and why it waits."""

import asyncio
import json
from dataclasses import replace

import pytest
import yaml
from pydantic import ValidationError

from steering.commands.flow import describe_flow
from steering.core import registry
from steering.core.facility import FacilityStatus
from steering.core.pool import JobStatus, PoolRequest, PoolStatus
from steering.core.waiting import end_tasks
from steering.flow_runner.orders import order
from steering.flow_runner.runner import run_flow
from steering.flow_runner.watcher import Watcher
from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from steering.flow_steps.queue import tell_queue
from steering.flow_steps.warm import WarmFacilities
from steering.flows.entries import ComputeEntry
from steering.flows.explanation import explain_flow
from tests.flow_runner.workspaces import UID, Inline, flow, measured
from tests.flows.beamline import BEAMLINE

WHY = "preemptable: one job of 2 nodes for 30 min; not demand: refused the last job: not yours."
POOL = PoolStatus("live", "preemptable", "live", WHY, "running", "", 2, 1)


class Queued(Inline):
    """Keeps what is asked for; each pool stands at once."""

    asked = ()
    started = False
    pools = ()

    async def start(self):
        type(self).started = True

    async def ask(self, request):
        type(self).asked = (*self.asked, request)
        type(self).pools = (replace(POOL, name=request.urgency, urgency=request.urgency),)
        return f"Pool {request.urgency} on {WHY}"

    async def status(self):
        return FacilityStatus("inline", "running", "", (), pools=self.pools)


@pytest.fixture
def run(workspace, monkeypatch):
    """Do a flow with a compute step; return how it stands."""
    load = registry.load
    monkeypatch.setattr(registry, "load", lambda door, name: Queued if name == "inline" else load(door, name))
    for name, value in (("asked", ()), ("pools", ()), ("started", False)):
        monkeypatch.setattr(Queued, name, value)
    measured(workspace)

    def do(name="keep", **compute):
        made = flow(transfer=None, distribute=None, compute={"facility": "inline", **compute})
        journal, _ = order(workspace, name, made, UID)
        with WarmFacilities(workspace) as facilities:
            return run_flow(workspace, journal, facilities), journal

    return do


def test_it_is_asked_for_once_and_what_was_chosen_is_said(run):
    state, journal = run(urgency="live", nodes=2, walltime="0:30:00")
    assert state.status == "succeeded", state.why
    assert Queued.asked == (PoolRequest("", "live", 2, 0, 1800.0),)
    # The usual pool would be another one.
    assert not Queued.started
    assert state.step("compute").outcome["queue"] == WHY
    assert f"queue {WHY}" in describe_flow(state)
    assert any(line["kind"] == "waits" and WHY in line["why"] for line in journal.lines())
    # There is one by now, and it is as large.
    assert run("again", urgency="live", nodes=2)[0].status == "succeeded"
    assert len(Queued.asked) == 1
    assert run("more", urgency="live", nodes=3)[0].status == "succeeded"
    assert run("other", urgency="batch")[0].status == "succeeded"
    assert [(one.urgency, one.nodes) for one in Queued.asked] == [("live", 2), ("live", 3), ("batch", 1)]


def test_a_run_that_begins_asks_for_no_usual_pool_where_the_flow_asks_for_its_own(run, workspace, tmp_path):
    path = tmp_path / "beamline.yaml"
    made = {"trigger": "end", "steps": {"compute": {"facility": "inline", "urgency": "batch"}}}
    path.write_text(BEAMLINE + yaml.safe_dump({"flows": {"each": made}}))
    watcher = Watcher(workspace, path)
    watcher.run(json.dumps({"what": what, "run": UID, "scan": "rocking"}) for what in ("began", "ended"))
    watcher.finish()
    assert FlowJournal(flows_folder(workspace) / f"each-{UID[:8]}").state.status == "succeeded"
    assert ([one.urgency for one in Queued.asked], Queued.started) == (["batch"], False)


def test_without_an_urgency_it_takes_what_there_is(run):
    state, _ = run()
    assert state.status == "succeeded", state.why
    assert (Queued.asked, Queued.started) == ((), True)
    assert "queue" not in state.step("compute").outcome


async def test_why_it_waits_is_told_when_it_changes_and_no_more_once_there_are_workers(monkeypatch):
    monkeypatch.setattr("steering.flow_steps.queue._LOOK_SECONDS", 0.0)
    facility, told, heard = Queued(), [], asyncio.Event()
    job = JobStatus("7", 0, "queued", "Resources")
    waiting = FacilityStatus("slurm", "starting", "", (), pools=(replace(POOL, jobs=(job,), detail="It waits."),))
    working = (await Inline().status()).workers or (object(),)
    answers = iter([waiting, waiting, OSError("gone for a moment"), replace(waiting, workers=working)])

    async def status():
        answer = next(answers, replace(waiting, workers=working))
        if isinstance(answer, OSError):
            raise answer
        return answer

    def tell(sentence):
        told.append(sentence)
        if not sentence:
            heard.set()

    facility.status = status
    telling = asyncio.create_task(tell_queue(facility, "live", tell))
    async with asyncio.timeout(20):
        await heard.wait()
    await end_tasks(telling)
    assert told == [f"{WHY} It waits. Resources", ""]


@pytest.mark.parametrize(
    ("key", "value"), [("urgency", "now"), ("nodes", 0), ("walltime", "soon"), ("walltime", "0:0:0")]
)
def test_a_slip_is_said_when_the_file_is_read(key, value):
    with pytest.raises(ValidationError, match=r"live|greater than or equal to 1|is no walltime"):
        ComputeEntry.model_validate({key: value})


def test_the_explanation_says_how_urgent_it_is():
    made = flow(compute={"facility": "polaris", "urgency": "soon", "nodes": 2})
    said = explain_flow("keep", made, None)["steps"][1]["what"]
    assert said.endswith("on polaris; as urgent as soon, on 2 nodes: its policy chooses the queue when the step begins")
