"""A flow whose process is killed at any step goes on where it was, and nothing is done twice."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from steering.catalogue.catalogue import Catalogue
from steering.core.workspace import Workspace
from steering.flow_runner.orders import order
from steering.flow_steps.copying import sha256_of
from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from steering.flow_steps.hold import VARIABLE
from tests.flow_runner.workspaces import UID, flow, installed, measured

pytestmark = pytest.mark.system

STEPS = ("transfer", "compute", "catalogue", "distribute")
# Of each step the points that a flow comes to, in their order.
POINTS = {
    "transfer": (
        "transfer.began",
        "copying.piece",
        "copying.whole",
        "transfer.copied",
        "transfer.acted",
        "transfer.done",
    ),
    "compute": ("compute.began", "compute.written", "compute.acted", "compute.done"),
    "catalogue": ("catalogue.began", "catalogue.written", "catalogue.acted", "catalogue.done"),
    "distribute": ("distribute.began", "distribute.copied", "distribute.acted", "distribute.done"),
}
ID = f"keep-{UID[:8]}"
# What a step that was killed while it acted does once more, to the same end: the entry replaces itself.
AGAIN = {"catalogue.written", "catalogue.acted"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What a flow leaves that nobody disturbs, by path below the workspace; and the environment of its process."""
    folder = tmp_path_factory.mktemp("undisturbed")
    environment = installed(folder / "site")
    workspace = ordered(folder)
    assert started(workspace, environment)["status"] == "succeeded"
    return left(workspace), environment


def ordered(folder):
    workspace = Workspace(folder / "workspace")
    measured(workspace)
    order(workspace, "keep", flow(), UID)
    return workspace


def words(workspace):
    return ["flow", "resume", ID, "--json", "--workspace", str(workspace.directory)]


def started(workspace, environment):
    """Resume the flow by the program itself."""
    command = [sys.executable, "-m", "steering.cli", *words(workspace)]
    given = {**os.environ, **environment}
    return state_of(subprocess.run(command, env=given, capture_output=True, text=True, timeout=120, check=False))


def state_of(done):
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


def left(workspace):
    """Return what is there: names and content, without what differs from one flow to the next (times, paths)."""
    there = {}
    for top in ("store", "experiment"):
        for path in sorted((workspace.directory / top).rglob("*")):
            if path.is_file():
                name = str(path.relative_to(workspace.directory))
                there[name] = sha256_of(path) if path.suffix == ".h5" else path.stat().st_mode
    entries = Catalogue(workspace).find()
    return there, [(one.subject, sorted(one.features), len(one.files)) for one in entries]


def killed_at(point, workspace, environment, held, forks):
    """Run the flow until it stands at a point, and kill it there."""
    with forks.start(*words(workspace), **environment, **{VARIABLE: f"{point}={held}"}) as process:
        while not held.exists():
            assert process.runs, process.said()
            time.sleep(0.02)
        journal = FlowJournal(flows_folder(workspace) / ID)
        assert journal.state.status == "running"
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert journal.state.status == "interrupted"
    assert f"steering flow resume {ID}" in journal.state.why
    return journal


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_point_it_goes_on_and_each_effect_is_there_once(step, undisturbed, tmp_path, forks):
    wanted, environment = undisturbed
    workspace = ordered(tmp_path)
    before = []
    # It goes on from each kill to the next point, and is killed there.
    for point in POINTS[step]:
        journal = killed_at(point, workspace, environment, tmp_path / point, forks)
        did = [line["key"] for line in journal.lines() if line["kind"] == "did"]
        assert did[: len(before)] == before
        before = did
    state = state_of(forks.run(*words(workspace), **environment))
    assert state["status"] == "succeeded"
    assert left(workspace) == wanted
    did = [line["key"] for line in journal.lines() if line["kind"] == "did"]
    # What was done before is not done again.
    assert len(did) == len(set(did))
    assert did[: len(before)] == before
    done = [line["step"] for line in journal.lines() if line["kind"] == "done"]
    assert done == list(STEPS)
    writes = set(Catalogue(workspace).writes().values())
    assert writes == {1 + len(AGAIN.intersection(POINTS[step]))}
    # Nothing half done is left.
    assert not list(workspace.directory.rglob("*.part"))
