"""A flow that needs a person: what the command says, and with which code it ends."""

import json
import os
import signal
import time

import pytest
import yaml

from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from steering.globus.flow import Flows
from steering.globus.flow_values import Definition
from steering.globus.login import Login
from tests.flow_globus.places import STEPS
from tests.flow_runner.workspaces import UID
from tests.flows.beamline import BEAMLINE
from tests.globus.test_flow import asking

pytestmark = pytest.mark.system

ID = f"keep-{UID[:8]}"


@pytest.fixture
def file(there, workspace, tmp_path):
    """A beamline's file with a flow of all steps, and one that asks a person."""
    definition = asking()
    flow = Flows(Login(workspace)).make(Definition("theirs", definition.states, definition.schema))
    flows = {
        "keep": {"runs_on": "globus", "steps": STEPS, "globus": there.globus},
        "asks": {"steps": {}, "globus": {"flow": flow, "input": {"run": "{run.uid}"}}},
    }
    path = tmp_path / "beamline.yaml"
    path.write_text(BEAMLINE + yaml.safe_dump({"flows": flows}))
    return path


def words(workspace, *given):
    return [*given, "--workspace", str(workspace.directory)]


def test_a_flow_without_a_login_ends_with_1_and_the_command_that_logs_in(file, workspace, forks, monkeypatch):
    for path in (workspace.directory / "globus").iterdir():
        path.unlink()
    kept = {name: os.environ[name] for name in os.environ if name.startswith("STEERING_GLOBUS_")}
    for name in kept:
        monkeypatch.delenv(name)
    done = forks.run(*words(workspace, "flow", "run", "keep", "--run", UID, "--beamline", str(file)))
    assert done.returncode == 1
    assert "steering globus login" in done.stdout
    assert f"steering flow resume {ID}" in done.stdout
    done = forks.run(*words(workspace, "flow", "resume", ID), **kept)
    assert done.returncode == 0, done.stdout


def test_a_flow_without_a_consent_ends_with_1_and_the_command_that_gives_it(file, workspace, there, forks):
    there.double.control.need_consent(there.source.id)
    run = words(workspace, "flow", "run", "keep", "--run", UID, "--beamline", str(file), "--json")
    done = forks.run(*run)
    assert done.returncode == 1
    why = json.loads(done.stdout)["why"]
    scope = why.partition("steering globus login --consent '")[2].partition("'")[0]
    assert there.source.id in scope
    assert forks.run(*words(workspace, "globus", "login", "--consent", scope)).returncode == 0
    # The manifest is sent by this login itself, which needs a consent of its own.
    why = json.loads(forks.run(*words(workspace, "flow", "resume", ID, "--json")).stdout)["why"]
    scope = why.partition("steering globus login --consent '")[2].partition("'")[0]
    assert forks.run(*words(workspace, "globus", "login", "--consent", scope)).returncode == 0
    assert forks.run(*words(workspace, "flow", "resume", ID)).returncode == 0


def test_a_flow_that_asks_a_person_waits_and_says_so_with_3(file, workspace, forks):
    run = words(workspace, "flow", "run", "asks", "--run", UID, "--beamline", str(file))
    journal = FlowJournal(flows_folder(workspace) / f"asks-{UID[:8]}")
    with forks.start(*run) as process:
        while not (journal.exists and "A person is asked" in journal.state.step("flow").why):
            assert process.runs, process.said()
            time.sleep(0.02)
        status = forks.run(*words(workspace, "flow", "status", journal.id))
        assert (status.returncode, process.runs) == (3, True)
        (command,) = (one for one in status.stdout.split(". ") if "steering globus answer " in one)
        question = command.partition("steering globus answer ")[2].split()[0]
        # As `timeout` does it, or cron's own end.
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait() == 130
    assert forks.run(*words(workspace, "globus", "answer", question, "keep")).returncode == 0
    done = forks.run(*words(workspace, "flow", "resume", journal.id))
    assert done.returncode == 0, done.stdout
