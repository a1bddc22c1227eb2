"""Planted secrets are searched for in all that a flow on Globus makes, says, sends, and starts."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import traceback
from base64 import b64encode
from importlib.resources import files

import nbformat
import psutil
import pytest
import yaml
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from steering.catalogue.catalogue import Catalogue
from steering.core.errors import SteeringError
from steering.flow_globus.run import cancel_there
from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from steering.globus.account import APP
from steering.globus.compute import Compute
from steering.globus.login import Login
from steering.globus.payload import Source
from tests.flow_globus.places import STEPS
from tests.flow_runner.workspaces import UID
from tests.flows.beamline import BEAMLINE
from tests.globus.conftest import log_in
from tests.thorough import rare

pytestmark = pytest.mark.system

ID = f"keep-{UID[:8]}"
NAME = "STEERING_GLOBUS_CLIENT_SECRET"


@pytest.fixture
def planted(there, monkeypatch):
    """A secret as Globus makes those of service accounts, which a shell or a URL would have to quote."""
    secret = b64encode(b"\xfb\xff" + secrets.token_bytes(30)).decode()
    there.double.auth.secret = secret
    monkeypatch.setenv(NAME, secret)
    return secret


def known(workspace, there, planted):
    """All secrets there are by now, and the file that may hold tokens."""
    (file,) = (workspace.directory / "globus").glob("service-*.json")
    tokens = [token["access"] for token in json.loads(file.read_text())["tokens"].values()]
    basic = b64encode(f"{there.double.auth.service.identity}:{planted}".encode()).decode()
    return [planted, there.double.key, basic, *tokens], file


def at_globus(double):
    """All that was sent there, but for what opens it."""
    sent = list(double.flows._flows.values())
    sent += [(run.body, run.label, run.tags) for run in double.flows._runs.values()]
    sent += [(task.function, task.arguments, task.keywords) for task in double.compute._tasks.values()]
    sent += [index.entries for index in double.search._indexes.values()]
    sent += [task.order.label for task in double.transfer._tasks.values()]
    return repr(sent)


def words(workspace, path, *given):
    return [
        sys.executable,
        "-m",
        "steering.cli",
        *given,
        "--workspace",
        str(workspace.directory),
        "--beamline",
        str(path),
    ]


@pytest.mark.system
def test_nothing_that_a_flow_leaves_says_or_starts_has_a_secret(workspace, there, planted, tmp_path):
    path = tmp_path / "beamline.yaml"
    flows = {"keep": {"runs_on": "globus", "steps": STEPS, "globus": there.globus}}
    path.write_text(BEAMLINE + yaml.safe_dump({"flows": flows}))
    lines, said = set(), []
    there.double.control.stall_transfers("no data came")
    command = words(workspace, path, "flow", "run", "keep", "--run", UID, "--json")
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as process:
        while process.poll() is None:
            for one in (psutil.Process(), *psutil.Process().children(recursive=True)):
                with psutil.Process.oneshot(one):
                    try:
                        lines.add(" ".join(one.cmdline()))
                    except psutil.Error:
                        continue
            journal = FlowJournal(flows_folder(workspace) / ID)
            if journal.exists and "no data" in journal.state.step("transfer").why:
                there.double.control.stall_transfers("")
        said += process.communicate()
    assert process.returncode == 0, said
    for given in (
        ["flow", "status"],
        ["flow", "status", "--json"],
        ["flow", "explain", "keep", "--run", UID, "--definition"],
    ):
        done = subprocess.run(words(workspace, path, *given), capture_output=True, text=True, timeout=120, check=True)
        said += [done.stdout, done.stderr]
    found, logins = known(workspace, there, planted)
    assert len(found) > 6
    assert len(lines) > 3
    catalogue = Catalogue(workspace)
    said += [repr(catalogue.find()), repr(catalogue.on("runs").find()), repr([one.content for one in catalogue.find()])]
    made = [one for top in (workspace.directory, there.folder) for one in top.rglob("*") if one.is_file()]
    assert len(made) > 15
    said += [one.read_bytes().decode(errors="replace") for one in made if one != logins]
    said += [*lines, *map(str, made), at_globus(there.double)]
    assert not [secret[:4] for secret in found for text in said if secret in text]


THEIRS = f"""def theirs(**asked):
    import os
    secret = os.environ["{NAME}"]
    raise RuntimeError(f"%s")
"""


@pytest.mark.parametrize(
    "text", ["sent with {secret} to /eagle/run", "Authorization: Basic {asked['basic']}", "?token={asked['basic']}&x=1"]
)
def test_what_a_node_says_in_its_error_is_cleaned_before_it_is_kept(workspace, there, run, planted, text, monkeypatch):
    basic = b64encode(f"{there.double.auth.service.identity}:{planted}".encode()).decode()
    source = Source("theirs", (THEIRS % text).replace("{asked['basic']}", "{os.environ['BASIC']}"))
    monkeypatch.setenv("BASIC", basic)
    state = run(there.flow({"compute_function": Compute(Login(workspace)).register(source)}))
    assert state.status == "failed"
    assert "(withheld)" in state.why, state.why
    journal = (flows_folder(workspace) / ID / "journal.jsonl").read_text()
    for secret in (planted, basic, basic.rstrip("=")):
        assert secret not in state.why + journal + json.dumps(state.json())


def test_an_error_of_a_flow_holds_no_request(workspace, there, run, planted, monkeypatch):
    run(there.flow())
    journal = FlowJournal(flows_folder(workspace) / ID)
    monkeypatch.setenv(NAME, wrong := b64encode(os.urandom(32)).decode())
    there.double.control.expire_tokens()
    (workspace.directory / "globus").joinpath(known(workspace, there, planted)[1].name).unlink()
    with pytest.raises(SteeringError) as caught:
        cancel_there(workspace, journal)
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert wrong not in shown
    assert planted not in shown
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


CELLS = [
    "import steering\nfrom pathlib import Path\nfrom steering.core.workspace import Workspace",
    "workspace = Workspace(Path({folder!r}))",
    "session = steering.open(workspace=workspace, beamline={file!r}, speed=20, record=False)\nsession",
    "print(session.flows.explain('keep', {run!r}, definition=True))",
    "id = session.flows.run('keep', {run!r})\nsession.flows.wait(id, 120)",
    "session.flows.states.value, session.flows.returned.value, session.flows.entries",
    "session.catalogue.on('runs').find()",
    "session.catalogue.on('nothing').find()",
    "from steering.globus.flow import Flows",
    "from steering.globus.login import Login",
    "login = Login(session.workspace)\nlogin, Flows(login)",
    "Flows(login).status('00000000-0000-0000-0000-000000000000')",
    "session.shutdown()",
]


def as_person(there, workspace, run, monkeypatch):
    """Log a person in, who gives each consent that a flow asks for."""
    for name in (NAME, NAME.replace("SECRET", "ID")):
        monkeypatch.delenv(name)
    monkeypatch.setenv(APP, there.double.auth.native)
    log_in(Login(workspace))
    for _ in range(5):
        state = run(there.flow())
        if state.status == "succeeded":
            # The notebook orders it anew; Globus has the flow by now, and the consent to run it.
            shutil.rmtree(flows_folder(workspace) / ID)
            return
        scope = state.why.partition("--consent '")[2].partition("'")[0]
        assert scope, state.why
        log_in(Login(workspace), [scope])
    raise AssertionError(state.why)


@pytest.mark.parametrize("who", [rare("service account"), "person"])
def test_no_secret_is_in_a_notebook_that_runs_a_flow_and_shows_its_errors(
    who, workspace, there, run, planted, tmp_path, monkeypatch
):
    if who == "person":
        as_person(there, workspace, run, monkeypatch)
    flow = there.flow().model_dump(mode="json", exclude_unset=True)
    path = tmp_path / "beamline.yaml"
    text = files("steering.beamline").joinpath("embedded.yaml").read_text().partition("flows:")[0]
    path.write_text(text + yaml.safe_dump({"flows": {"keep": flow}}))
    words = {"folder": str(workspace.directory), "file": str(path), "run": UID}
    notebook = new_notebook(cells=[new_code_cell(one.format(**words)) for one in CELLS])
    NotebookClient(notebook, timeout=240, allow_errors=True, kernel_name="python3").execute()
    saved = tmp_path / "saved.ipynb"
    nbformat.write(notebook, saved)
    failed = [
        number for number, cell in enumerate(notebook.cells) if any(one.output_type == "error" for one in cell.outputs)
    ]
    said = saved.read_text()
    # What is asked for and is not there; no other cell has failed.
    assert failed == [7, 11], said
    assert "succeeded" in str(notebook.cells[4].outputs)
    secrets_ = [planted, there.double.key]
    for login in (workspace.directory / "globus").glob("*.json"):
        tokens = json.loads(login.read_text()).get("tokens", {}).values()
        secrets_ += [token[kind] for token in tokens for kind in ("access", "refresh") if token.get(kind)]
    assert len(secrets_) > (8 if who == "person" else 5)
    assert not [secret[:4] for secret in secrets_ if secret in said]
    # Nor in what the flow has left.
    logins = set((workspace.directory / "globus").iterdir())
    for one in workspace.directory.rglob("*"):
        if one.is_file() and one not in logins:
            content = one.read_bytes().decode(errors="replace")
            assert not [secret[:4] for secret in secrets_ if secret in content], one
