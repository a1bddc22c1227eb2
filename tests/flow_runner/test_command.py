"""``steering flow``: what it says, and with which code it ends."""

import json
import math
import threading
from dataclasses import replace

import pytest

from steering import cli
from steering.commands.flow import describe_flow, run_or_wait
from steering.core import registry
from steering.description.description import read_description
from steering.flow_runner.orders import order
from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from steering.flow_steps.flow_state import FlowState, StepState, fold
from tests.flow_runner.workspaces import UID, Inline, measured
from tests.flows.beamline import BEAMLINE

FLOWS = """
flows:
  keep:
    title: All of it
    steps:
      transfer: {to: "store/{run.uid}"}
      compute: {facility: inline}
      catalogue: {}
      distribute: {to: "out", mode: "0640", when: peak > 100 deg}
"""
ID = f"keep-{UID[:8]}"


@pytest.fixture
def steering(workspace, tmp_path, monkeypatch, capsys):
    """Call the command; return its code and what it printed."""
    load = registry.load
    monkeypatch.setattr(registry, "load", lambda door, name: Inline if name == "inline" else load(door, name))
    monkeypatch.setattr("steering.commands.flow.end_like_ctrl_c", lambda: None)
    path = tmp_path / "beamline.yaml"
    path.write_text(BEAMLINE + FLOWS)
    measured(workspace)

    def call(*words):
        file = ["--beamline", str(path)] if words[0] in ("run", "explain") else []
        code = cli.main(["flow", *words, *file, "--workspace", str(workspace.directory)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return call


def journal_of(workspace):
    return FlowJournal(flows_folder(workspace) / ID)


def test_a_flow_is_explained_run_and_looked_at(steering):
    assert steering("status") == (0, "No flow has been ordered in this workspace.\n")
    code, said = steering("explain", "keep", "--run", UID[:6])
    assert code == 0
    assert "copy 2 files" in said
    assert "StartAt" not in said
    assert '"StartAt": "TransferWhen"' in steering("explain", "keep", "--definition")[1]
    code, said = steering("explain", "keep", "--json")
    assert json.loads(said)["globus"]["lacking"] == [
        "source", "destination", "compute_endpoint", "index", "experiment", "steps.compute.analyses",
        "steps.catalogue.visible_to",
    ]  # fmt: skip
    code, said = steering("run", "keep")
    assert code == 0, said
    assert f"{ID}: succeeded." in said
    assert "left out. status == success and (peak > 100 deg) does not hold." in said
    code, said = steering("run", "keep", "--run", UID, "--json")
    assert (code, json.loads(said)["status"]) == (0, "succeeded")
    assert steering("status")[0] == 0
    assert steering("resume") == (0, "There is nothing to resume.\n")


def test_a_flow_that_was_changed_after_it_was_ordered_is_done_as_it_was_and_says_so(steering, tmp_path):
    assert "was ordered before" not in steering("run", "keep")[1]
    assert "was ordered before" not in steering("run", "keep")[1]
    path = tmp_path / "beamline.yaml"
    path.write_text(path.read_text().replace("store/{run.uid}", "elsewhere/{run.uid}"))
    code, said = steering("run", "keep")
    assert code == 0
    assert f"The flow run {ID} was ordered before this flow was changed, and is done as the flow was then " in said
    told = '(steps.transfer.to was "store/{run.uid}" and is "elsewhere/{run.uid}")'
    assert told in said
    assert "elsewhere" not in said.replace(told, "")
    assert told in steering("resume", ID, "--beamline", str(path))[1]


def test_what_failed_ends_with_1_and_is_resumed(steering, workspace):
    away = (workspace.frames / f"{UID}.h5").rename(workspace.directory / "away.h5")
    code, said = steering("run", "keep")
    assert code == 1
    assert "cannot be found here" in said
    assert steering("status", ID[:6])[0] == 1
    away.rename(workspace.frames / f"{UID}.h5")
    code, said = steering("resume", "--json")
    assert (code, json.loads(said)["status"]) == (0, "succeeded")


def test_one_that_was_cut_off_ends_with_3_and_one_that_was_cancelled_with_4(steering, workspace, tmp_path, monkeypatch):
    entry = read_description(tmp_path / "beamline.yaml").flows["keep"]
    journal, _ = order(workspace, "keep", entry, UID)
    with journal:
        journal.write("running")
        code, said = steering("run", "keep")
        assert (code, "is run by another process" in said) == (3, True)
    assert steering("status")[0] == 3
    assert "Go on: steering flow resume" in steering("status")[1]
    hint = f"This is not your usual workspace: add --workspace {workspace.directory}\n"
    assert steering("status")[1].endswith(hint)
    assert hint not in steering("status", "--json")[1]
    monkeypatch.setenv("STEERING_HOME", str(workspace.directory))
    assert hint not in steering("status")[1]
    code, said = steering("cancel", ID)
    assert (code, "cancelled. It was cancelled." in said) == (4, True)
    assert steering("run", "keep")[0] == 4
    assert steering("resume", ID)[0] == 0


def test_a_copy_that_goes_on_says_how_fast_and_how_long():
    step = StepState(
        "transfer", "running", began=100.0, told=104.0, bytes=20_000_000, bytes_total=50_000_000, mark=(100.0, 0)
    )
    said = describe_flow(FlowState("keep-1", steps=(step,)))
    assert "transfer    running, 20.0 of 50.0 MB, 5.0 MB/s, 6 s left" in said
    # Where the clock was set back nobody knows.
    assert "MB/s" not in describe_flow(FlowState("keep-1", steps=(replace(step, told=99.0),)))
    assert "MB/s" not in describe_flow(FlowState("keep-1", steps=(replace(step, status="done", ended=110.0),)))


def test_a_copy_that_goes_on_after_a_night_is_as_fast_as_it_is_now():
    """It was cut off at 20 of 50 MB, ten hours passed, and it goes on where it was."""
    of = {"step": "transfer"}
    lines = [
        {"kind": "ordered", "steps": ["transfer"], "flow": "keep", "run": UID, "time": 0.0, "by": "hand"},
        {"kind": "began", "time": 0.0, **of},
        {"kind": "progress", "time": 4.0, "bytes": 20_000_000, "bytes_total": 50_000_000, **of},
        {"kind": "began", "time": 36_000.0, **of},
    ]
    assert fold(ID, lines[:3]).step("transfer").rate == 5e6
    assert fold(ID, lines).step("transfer").rate == 0.0
    lines.append({"kind": "progress", "time": 36_001.0, "bytes": 20_000_000, "bytes_total": 50_000_000, **of})
    assert fold(ID, lines).json()["steps"][0]["remaining"] is None
    lines.append({"kind": "progress", "time": 36_003.0, "bytes": 30_000_000, "bytes_total": 50_000_000, **of})
    found = fold(ID, lines).json()["steps"][0]
    assert (found["rate"], found["remaining"]) == (5e6, 4.0)


def test_who_runs_it_hears_that_it_is_cancelled(steering, workspace, tmp_path):
    entry = read_description(tmp_path / "beamline.yaml").flows["keep"]
    journal, _ = order(workspace, "keep", entry, UID)
    held, wished = threading.Event(), threading.Event()

    def run():
        with FlowJournal(journal.folder) as mine:
            mine.write("running")
            held.set()
            wished.wait(20)
            mine.write("ended", {"status": "cancelled", "why": "It was told so."})

    running = threading.Thread(target=run)
    running.start()
    held.wait(20)
    wish = FlowJournal.wish_cancelled

    def heard(self):
        wish(self)
        wished.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FlowJournal, "wish_cancelled", heard)
        code, said = steering("cancel", ID)
    running.join()
    assert (code, "It was told so." in said) == (4, True)


def test_a_command_that_needs_the_flow_waits_for_whoever_runs_it_and_goes_on_after_a_kill(
    steering, workspace, tmp_path, monkeypatch
):
    entry = read_description(tmp_path / "beamline.yaml").flows["keep"]
    journal, _ = order(workspace, "keep", entry, UID)
    tried, ran = [], threading.Event()

    def run():
        # The process of flows, which is killed before it has done anything.
        with FlowJournal(journal.folder) as mine:
            mine.write("running")
            ran.set()
            wait.wait(20)

    wait = threading.Event()
    until_over = FlowJournal.until_over

    def waited(self, seconds):
        tried.append(seconds)
        wait.set()
        return until_over(self, seconds)

    monkeypatch.setattr(FlowJournal, "until_over", waited)
    running = threading.Thread(target=run)
    running.start()
    ran.wait(20)
    state = run_or_wait(workspace, journal)
    running.join()
    assert (state.status, tried) == ("succeeded", [math.inf])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run",), "Say the name of the flow: steering flow run NAME"),
        (("run", "kep"), "There is no flow 'kep'. There are: keep"),
        (("run", "keep", "--run", "x"), "No run of the workspace"),
        (("cancel", "x"), "0 flow runs are called 'x'. The newest are: none"),
        (("resume", "x"), "0 flow runs are called 'x'"),
    ],
)
def test_a_slip_is_a_sentence_and_ends_with_1(steering, words, said):
    code, printed = steering(*words)
    assert code == 1
    assert said in printed
