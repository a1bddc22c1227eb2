"""By the command, whose process is killed at each step: it goes on where it was, and Globus does nothing twice."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from steering.catalogue.catalogue import Catalogue
from steering.flow_globus.queue import CHOSEN, REFUSED
from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from steering.flow_steps.hold import VARIABLE
from tests.flow_globus.places import STEPS, There, left
from tests.flow_globus.test_queues import describe
from tests.flow_runner.workspaces import UID, measured
from tests.flows.beamline import BEAMLINE
from tests.thorough import some

pytestmark = pytest.mark.system

POINTS = ["globus.intended", "globus.asked", "globus.started"]
POINTS += [f"{step}.{when}" for step in STEPS for when in ("began", "acted", "done")]
POINTS += ["catalogue.written", "manifest.intended", "manifest.sent", "reader.intended", "reader.shared"]
# One of each kind, and of each step; all of them with --thorough.
DAILY = {
    "globus.asked", "transfer.acted", "compute.acted", "catalogue.written", "distribute.done", "manifest.sent",
    "reader.shared",
}  # fmt: skip
# Of a flow whose queue the policy chooses, whose first choice is refused.
QUEUE_POINTS = ["queue.answered", "queue.chosen", "queue.refused"]
ID = f"keep-{UID[:8]}"
ONCE = {
    # Of the steps, and of the manifest.
    "transfer_tasks": 3,
    "files_moved": 6,
    "functions_run": 1,
    "entries_written": 2,
    "flow_runs": 1,
    "flows_made": 1,
    "rules_made": 1,
}
GIVEN = f"experiment/WSe2-flake/{UID[:8]}"
EVERYTHING = {f"{UID}.h5", "journal.jsonl", f"{GIVEN}/raw/{UID}.h5", f"{GIVEN}/raw/journal.jsonl"}
EVERYTHING |= {f"{GIVEN}/results/{UID[:8]}_curve.nxs", f"{GIVEN}/MANIFEST-{ID}.json"}
LOCAL = {**STEPS, "distribute": {**STEPS["distribute"], "to": "given/{run.sample}"}}


@pytest.fixture
def there(workspace, tmp_path, monkeypatch):
    """The double, a run, and a beamline's file with the flow ``keep`` on Globus and ``local`` between folders."""
    measured(workspace)
    made = There(tmp_path / "there", workspace)
    with made.double:
        given = {**STEPS["distribute"], "readers": [f"urn:globus:groups:id:{made.double.auth.person.groups[0]}"]}
        flows = {
            "keep": {"runs_on": "globus", "steps": {**STEPS, "distribute": given}, "globus": made.globus},
            "local": {"steps": LOCAL},
            "queued": {
                "runs_on": "globus",
                "steps": {**STEPS, "compute": {**STEPS["compute"], "urgency": "live"}},
                "globus": {**made.globus, "facility": "slurm", "compute_config": {}},
            },
        }
        describe(workspace.directory)
        made.file = tmp_path / "beamline.yaml"
        made.file.write_text(BEAMLINE + yaml.safe_dump({"flows": flows}))
        # The double's own processes, which run the function, are given them too.
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        yield made


def words(workspace, there, what="run", name="keep"):
    more = ["--run", UID, "--beamline", str(there.file)] if what == "run" else []
    return ["flow", what, name, "--json", "--workspace", str(workspace.directory), *more]


def done(workspace, there, name="keep"):
    """Run a flow by the program itself."""
    command = [sys.executable, "-m", "steering.cli", *words(workspace, there, name=name)]
    return answer(subprocess.run(command, capture_output=True, text=True, timeout=120, check=False))


def answer(ended):
    assert not ended.stderr, ended.stderr
    return ended.returncode, json.loads(ended.stdout), ended.stdout


def killed_at(point, workspace, there, held, forks, name="keep"):
    with forks.start(*words(workspace, there, name=name), **{VARIABLE: f"{point}={held}"}) as process:
        while not held.exists():
            assert process.runs, process.said()
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def names(state, step):
    return [one["name"] for one in state.step(step).outcome["files"]]


@pytest.mark.parametrize("point", some(POINTS, DAILY.__contains__))
def test_killed_at_any_point_each_effect_is_there_once(point, there, workspace, tmp_path, forks, monkeypatch):
    there.warm(forks, monkeypatch)
    killed_at(point, workspace, there, tmp_path / "held", forks)
    journal = FlowJournal(flows_folder(workspace) / ID)
    assert journal.state.status == "interrupted"
    assert answer(forks.run(*words(workspace, there, "status", ID)))[0] == 3
    code, state, _ = answer(forks.run(*words(workspace, there, "resume", ID)))
    assert (code, state["status"]) == (0, "succeeded")
    counted = there.double.control.effects()
    assert {name: counted[name] for name in ONCE} == ONCE
    assert [line["step"] for line in journal.lines() if line["kind"] == "done"] == list(STEPS)
    did = [line["key"] for line in journal.lines() if line["kind"] == "did"]
    assert len(did) == len(set(did))
    assert {one.subject for one in Catalogue(workspace).find()} == {f"run:{UID}", f"result:{UID}:curve"}
    assert set(left(there, ID)) == EVERYTHING
    assert not list(workspace.directory.rglob("*.part"))


@pytest.mark.parametrize("point", QUEUE_POINTS)
def test_killed_while_its_queue_is_chosen_or_refused_each_choice_is_made_once(
    point, there, workspace, tmp_path, forks, monkeypatch
):
    there.warm(forks, monkeypatch)
    killed_at(point, workspace, there, tmp_path / "held", forks, "queued")
    journal = FlowJournal(flows_folder(workspace) / f"queued-{UID[:8]}")
    assert journal.state.status == "interrupted"
    code, state, said = answer(forks.run(*words(workspace, there, "resume", journal.id)))
    assert (code, state["status"]) == (0, "succeeded"), said
    did = [line for line in journal.lines() if line["kind"] == "did"]
    assert len({line["key"] for line in did}) == len(did)
    # It was tried on one queue, which refused it, and on one more.
    assert [line["config"]["queue"] for line in did if line["key"].startswith(CHOSEN)] == ["demand", "debug"]
    assert [line["queue"] for line in did if line["key"].startswith(REFUSED)] == ["demand"]
    assert "not demand: refused the last job: " in state["steps"][1]["outcome"]["queue"]
    counted = there.double.control.effects()
    assert {name: counted[name] for name in ONCE} == {**ONCE, "flow_runs": 2, "rules_made": 0}
    assert {one.subject for one in Catalogue(workspace).find()} == {f"run:{UID}", f"result:{UID}:curve"}


def test_it_ends_as_the_same_flow_between_folders(there, workspace):
    assert done(workspace, there, "local")[0] == 0
    local = FlowJournal(flows_folder(workspace) / f"local-{UID[:8]}").state
    entries = {one.subject: one for one in Catalogue(workspace).find()}
    code, state, said = done(workspace, there)
    assert code == 0, said
    journal = FlowJournal(flows_folder(workspace) / ID)
    mine = journal.state
    assert [(one.name, one.status) for one in mine.steps] == [(one.name, one.status) for one in local.steps]
    assert mine.step("compute").outcome["features"] == local.step("compute").outcome["features"]
    assert mine.step("catalogue").outcome["subjects"] == local.step("catalogue").outcome["subjects"]
    for step in ("transfer", "distribute"):
        assert names(mine, step) == names(local, step)
    for entry in Catalogue(workspace).find():
        before = entries[entry.subject]
        assert entry.features == before.features
        assert entry.content["dc"] == before.content["dc"]
        assert (before.metadata["flow"], entry.metadata["flow"]) == (local.id, ID)
        assert {**entry.metadata, "flow": local.id} == before.metadata
        assert [one["sha256"] for one in entry.files if one["filename"].endswith("h5")] == [
            one["sha256"] for one in before.files if one["filename"].endswith("h5")
        ]
    # Asked again it is done once, and says the same.
    assert done(workspace, there)[:2] == (0, state)
    # No secret is anywhere but in the logins.
    secrets = [there.double.auth.secret, there.double.key]
    for path in workspace.directory.rglob("*"):
        if path.is_file() and path.parent.name != "globus":
            assert not any(one in path.read_bytes().decode(errors="replace") for one in secrets), path
    assert not any(one in said for one in secrets)


def test_two_commands_at_once_do_each_step_once(there, workspace, forks, monkeypatch):
    there.warm(forks, monkeypatch)
    # Both are under way before either can go on.
    there.double.control.stall_transfers()
    journal = FlowJournal(flows_folder(workspace) / ID)
    with forks.start(*words(workspace, there)) as first, forks.start(*words(workspace, there)) as second:
        while not (journal.exists and journal.state.step("transfer").status == "running"):
            assert first.runs or second.runs, (first.said(), second.said())
            time.sleep(0.02)
        # One of them does it; the other says so, and ends.
        while first.runs and second.runs:
            time.sleep(0.02)
        there.double.control.stall_transfers("")
        ended = sorted([(first.wait(), first.said()), (second.wait(), second.said())])
    assert [code for code, _ in ended] == [0, 3]
    assert "is run by another process" in json.loads(ended[1][1][0])["why"]
    counted = there.double.control.effects()
    assert {name: counted[name] for name in ONCE} == ONCE
    assert set(Catalogue(workspace).writes().values()) == {1}
