"""A finished run is analysed by a facility of Globus Compute: once, whoever is killed, and the result is back."""

import asyncio
import json
import os
import signal
from contextlib import contextmanager
from dataclasses import replace

import pytest
import yaml

from steering.core.board import Board
from steering.core.errors import SteeringError
from steering.core.facility import FacilityStatus
from steering.facilities.named import make_facility
from steering.flow_globus import whole_run
from steering.flow_globus.on_endpoint import packed, read_packed
from steering.flow_globus.whole_run import analysed, asked_of
from steering.flow_runner.analysis_flow import analysis_flow
from steering.flow_runner.desk import Flows
from steering.flow_runner.orders import order
from steering.flow_runner.returned import returned_by
from steering.flow_runner.runner import run_flow
from steering.flow_steps.flow_journal import FlowJournal
from steering.flow_steps.recorded_run import find_run
from steering.flow_steps.warm import WarmFacilities
from steering.flow_steps.work import Work
from steering.flows.entries import ComputeEntry, FlowEntry
from steering.testing.inline import InlineRemote
from steering.testing.waiting import until
from tests.flow_runner.workspaces import UID, installed, measured
from tests.surroundings import endpoint_of

CURVE = {"analysis": "rocking_curve", "label": "curve", "axes": ["th"]}


@contextmanager
def batch_of(workspace, folder, monkeypatch, **more):
    """Measure a run, and serve an endpoint that the facility ``batch`` stands for."""
    measured(workspace)
    for name, value in {**installed(folder / "site"), "STEERING_HOME": str(folder / "home")}.items():
        monkeypatch.setenv(name, value)
    with endpoint_of("batch", workspace, facility="inline", directory=str(folder / "eagle"), **more) as double:
        yield double


@pytest.fixture
def batch(workspace, tmp_path, monkeypatch):
    with batch_of(workspace, tmp_path, monkeypatch) as double:
        yield double


@pytest.fixture
def flows(workspace):
    return Flows(workspace, Board())


def work_of(workspace, **step):
    run = find_run(workspace, UID)
    work = Work(workspace, FlowJournal(workspace.directory / "flows" / "x-1"), run, run.facts("x"), None)
    return work, ComputeEntry.model_validate({"facility": "batch", "analyses": [CURVE], **step})


@pytest.mark.system
def test_a_run_is_analysed_by_name_and_its_result_comes_back_once(workspace, batch, flows):
    ordered = flows.analyse(CURVE, run=UID, facility="batch")
    state = flows.wait(ordered, 120)
    assert (state.status, state.why) == ("succeeded", "")
    (found,) = returned_by(state)
    source = found.result.provenance
    assert (source.run, source.label, source.frames) == (UID, "curve", 40)
    assert source.facility == f"batch (inline there), flow {ordered}"
    assert found.result.outcome.features["total"].value == 688128.0
    assert found.result.outcome.data.sizes
    assert 0 <= found.age < 120
    assert found.latency_class in ("live", "within a minute", "within a quarter of an hour")
    assert flows.analyse(CURVE, run=UID, facility="batch") == ordered
    assert flows.results(ordered)["curve"].outcome.features.keys() == found.result.outcome.features.keys()
    # Another choice of parameters is another one.
    assert flows.analyse({**CURVE, "label": "again"}, run=UID, facility="batch") != ordered
    assert batch.control.effects()["functions_run"] <= 2


@pytest.mark.system
async def test_whoever_is_killed_while_it_waits_finds_it_again(workspace, batch, flows):
    batch.control.offline(make_facility("batch", workspace).endpoint.endpoint)
    ordered = flows.analyse(CURVE, run=UID, facility="batch")
    journal = FlowJournal(workspace.directory / "flows" / ordered)
    notes = workspace.directory / "compute" / "batch-calls"
    killed, said = [], lambda: str(journal.state)
    for _ in range(2):
        # A runner of its own, that has said why it waits, and has what it submitted written down.
        await until(lambda: journal.held and journal.folded.process.get("pid") not in [None, *killed], said)
        await until(lambda: "is offline. 1 runs wait or work there" in journal.state.step("compute").why, said)
        await until(lambda: any(json.loads(one.read_text())["task"] for one in notes.glob("*.json")), said)
        killed.append(journal.folded.process["pid"])
        os.kill(int(killed[-1]), signal.SIGKILL)
        assert journal.until_free(20)
        flows.resume(ordered)
    batch.control.online(make_facility("batch", workspace).endpoint.endpoint)
    assert flows.wait(ordered, 120).status == "succeeded"
    effects = batch.control.effects()
    assert (effects["functions_run"], effects["functions_started"]) == (1, 1)


@pytest.mark.system
def test_what_fails_there_is_said_here_and_done_anew_when_it_is_resumed(workspace, batch, flows):
    # It is seen there under another name, which is none.
    frames = str(workspace.frames)
    section = json.loads(json.dumps({"paths": {frames: "/nowhere"}}))
    file = workspace.directory / "steering.yaml"
    before = file.read_text()
    file.write_text(before.replace("      kind:", f"      paths: {json.dumps(section['paths'])}\n      kind:"))
    ordered = flows.analyse(CURVE, run=UID, facility="batch")
    state = flows.wait(ordered, 120)
    assert state.status == "failed"
    assert "curve has 0 of" in state.why
    file.write_text(before)
    flows.resume(ordered)
    assert flows.wait(ordered, 120).status == "succeeded"


def test_what_is_asked_says_where_files_are_as_the_endpoint_sees_them(workspace, tmp_path, monkeypatch):
    measured(workspace)
    work, step = work_of(workspace, urgency="live", when="points > 3")
    there = replace_paths(workspace, {str(workspace.frames): "/eagle/frames"})
    asked = asked_of(work, step, there)
    assert (asked["was"], asked["files_in"]) == (str(workspace.frames), "/eagle/frames")
    assert read_packed(asked["journal_text"]) == work.run.journal.read_bytes()
    assert asked["compute"]["facility"] == "local"
    assert (asked["compute"]["urgency"], asked["compute"]["when"]) == ("", "")
    json.dumps(asked)
    # What was transferred is taken from there, and a journal that is seen is not sent.
    work.outcomes["transfer"] = {"folder": "/gdata/run", "files": []}
    there = replace_paths(workspace, {"/gdata": "/eagle", str(workspace.directory): "/mine"})
    asked = asked_of(work, step, there)
    assert asked["files_in"] == "/eagle/run"
    assert asked["journal_in"] == f"/mine/{work.run.journal.relative_to(workspace.directory)}"
    assert "journal_text" not in asked


@pytest.mark.system
def test_a_step_that_is_urgent_goes_to_the_queue_of_the_policy_and_a_refused_one_is_followed_by_the_next(
    workspace, tmp_path, monkeypatch
):
    with batch_of(workspace, tmp_path, monkeypatch, queues="polaris") as double:
        step = {"facility": "batch", "analyses": [CURVE], "urgency": "live", "nodes": 2, "walltime": "0:30:00"}
        flow = FlowEntry.model_validate({"steps": {"compute": step}})
        journal, _ = order(workspace, "keep", flow, UID)
        with WarmFacilities(workspace) as facilities:
            state = run_flow(workspace, journal, facilities)
        assert (state.status, state.why) == ("succeeded", "")
        chosen = state.effects["queues:chosen"]["configs"]
        assert chosen[0]["queue"] == "demand", "the double refuses it"
        assert len({one["queue"] for one in chosen}) == len(chosen) > 1
        assert {(one["nodes_per_block"] * one.get("max_blocks", 1), one["walltime"]) for one in chosen} == {
            (2, "00:30:00")
        }
        # What is said is which queue took it, and not which was asked first.
        said = state.step("compute").outcome["queue"]
        assert said.startswith(chosen[1]["queue"])
        assert "tried before" in said
        assert "The queues were not asked" in said
        effects = double.control.effects()
        assert (effects["functions_started"], effects["functions_run"]) == (1, 1)


@pytest.mark.system
def test_the_queues_are_asked_where_they_are_seen(workspace, tmp_path, monkeypatch):
    with batch_of(workspace, tmp_path, monkeypatch, queues="polaris", queues_on="login"):
        file = workspace.directory / "steering.yaml"
        sites = yaml.safe_load(file.read_text())
        sites["steering"]["sites"]["login"] = {**sites["steering"]["sites"]["batch"], "queues": "", "queues_on": ""}
        file.write_text(yaml.safe_dump(sites))
        step = {"facility": "batch", "analyses": [CURVE], "urgency": "batch"}
        journal, _ = order(workspace, "keep", FlowEntry.model_validate({"steps": {"compute": step}}), UID)
        with WarmFacilities(workspace) as facilities:
            state = run_flow(workspace, journal, facilities)
        assert state.status == "succeeded", state.why
        # Where the function runs no PBS answers, and that is said.
        assert "The queues were not asked: " in state.step("compute").outcome["queue"]
        assert "no endpoint that sees them" not in state.step("compute").outcome["queue"]


async def test_a_step_that_is_urgent_where_nobody_knows_the_queues_is_refused_with_what_to_do(workspace):
    measured(workspace)
    work, step = work_of(workspace, urgency="soon")
    with pytest.raises(
        SteeringError, match=r"^The step is to be as urgent as 'soon', and nothing says which queues batch"
    ):
        await analysed(work, step, replace_paths(workspace, {}), ["curve"])


def replace_paths(workspace, paths):
    from steering.facilities.globus_compute import GlobusComputeFacility

    return GlobusComputeFacility(workspace, "batch", endpoint="A", paths=paths)


def test_a_journal_that_is_too_long_is_refused_with_what_to_do(workspace, monkeypatch):
    measured(workspace)
    work, step = work_of(workspace)
    monkeypatch.setattr("steering.flow_globus.whole_run._MOST_CHARACTERS", 100)
    with pytest.raises(SteeringError, match=r"MB compressed\. Allowed: 0 MB\. Say under paths: of the facility"):
        asked_of(work, step, replace_paths(workspace, {}))


@pytest.mark.parametrize(
    ("text", "words"),
    [("no base 64!", "came spoiled"), ("AAAA", "came spoiled"), (packed(b"x" * 1000)[:8], "spoiled|cut off")],
)
def test_a_journal_that_comes_spoiled_is_said(text, words):
    with pytest.raises(SteeringError, match=words):
        read_packed(text)


def test_a_journal_that_unpacks_without_end_is_refused(monkeypatch):
    monkeypatch.setattr("steering.flow_globus.on_endpoint.MOST_JOURNAL", 1000)
    with pytest.raises(SteeringError, match="has more than 0 MB, or came cut off"):
        read_packed(packed(bytes(10_000)))


@pytest.mark.parametrize("answer", [None, {}, {"outcome": 3}, []])
async def test_what_is_no_answer_is_not_kept(workspace, answer):
    measured(workspace)
    work, step = work_of(workspace)
    facility = replace_paths(workspace, {})
    asked, forgotten = [], []
    facility.submit = lambda key, *_: asked.append(key) or InlineRemote(key, answer, None)
    facility.forget = forgotten.append

    async def status():
        return FacilityStatus("batch", "running")

    facility.status, work = status, replace(work)
    work.waits = lambda _: None
    with pytest.raises(SteeringError, match=r"^batch has returned something else .* Then resume\.$"):
        await analysed(work, step, facility, ["curve"])
    # Resumed, it is asked for anew.
    assert forgotten == asked != []


@pytest.mark.parametrize(
    ("analyses", "facility", "words"),
    [
        (["rocking_curv"], "local", "There is no analysis 'rocking_curv'. Allowed: "),
        (["rocking_curve"], "globus", "There is no facility 'globus'. Allowed: aurora, "),
        ([{"analysis": "rocking_curve", "axis": ["th"]}], "local", "The analysis cannot be asked for: "),
        ([{"label": "x"}], "local", "There is no analysis 'None'"),
        ([3], "local", "There is no analysis '3'"),
    ],
)
def test_what_cannot_be_analysed_is_refused_before_anything_is_ordered(workspace, flows, analyses, facility, words):
    measured(workspace)
    with pytest.raises(SteeringError) as refused:
        flows.analyse(*analyses, run=UID, facility=facility)
    assert words in str(refused.value)
    assert not (workspace.directory / "flows").exists()


@pytest.mark.parametrize(
    "label", ["b" * 90, "\U00010400" * 90, "../../../elsewhere", "a/b"], ids=["long", "of four bytes", "up", "down"]
)
def test_what_labels_are_called_makes_no_two_flows_one_and_leaves_no_folder(workspace, label):
    first, other = ({**CURVE, "label": label, "axes": [axis]} for axis in ("th", "phi"))
    names = [analysis_flow([CURVE, one], "local", workspace)[0] for one in (first, other)]
    assert len(set(names)) == 2
    for name in names:
        assert "/" not in name
        # A dash and eight characters of the run follow.
        assert len(os.fsencode(name)) <= 246


async def test_a_question_that_goes_unanswered_ends_no_telling(monkeypatch):
    answers = [FacilityStatus("far", "running", "one"), SteeringError("no answer"), OSError("no link")]
    told = []

    class Far:
        async def status(self):
            answer = answers.pop(0) if answers else FacilityStatus("far", "running", "two")
            if isinstance(answer, Exception):
                raise answer
            return answer

    monkeypatch.setattr(whole_run, "_LOOK_SECONDS", 0.0)
    telling = asyncio.create_task(whole_run._tell(Far(), told.append))
    await until(lambda: telling.done() or len(told) == 2, lambda: f"told {told}")
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    assert told == ["one", "two"]
