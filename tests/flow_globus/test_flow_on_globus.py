"""A flow on Globus: the same steps, the same journal, the same result as between folders."""

import asyncio
import json
import logging
import signal
import subprocess
import sys
import threading

import pytest
import yaml

from steering.catalogue.catalogue import Catalogue
from steering.commands.flow import describe_flow
from steering.core.board import Board
from steering.core.errors import SteeringError
from steering.description.description import read_description
from steering.flow_runner.desk import Flows
from steering.flow_runner.orders import order
from steering.flow_runner.returned import returned_by
from steering.flow_runner.several import run_several
from steering.flow_runner.watcher import Watcher
from steering.flow_steps.bells import Bell
from steering.flow_steps.copying import sha256_of
from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from steering.flow_steps.recorded_run import find_run
from steering.flows.entries import FlowEntry
from steering.globus.compute import Compute
from steering.globus.login import Login
from steering.globus.payload import Source
from tests.flow_globus.places import STEPS
from tests.flow_runner.workspaces import UID, beside
from tests.flows.beamline import BEAMLINE

pytestmark = pytest.mark.system


def test_a_run_is_sent_analysed_catalogued_and_given_out(workspace, there, run):
    state = run(there.flow())
    assert (state.status, state.why) == ("succeeded", "")
    assert [one.status for one in state.steps] == ["done"] * 4
    frames = workspace.frames / f"{UID}.h5"
    assert sha256_of(there.eagle.folder / "store" / UID / frames.name) == sha256_of(frames)
    given = there.experiment.folder / "experiment" / "WSe2-flake" / UID[:8]
    assert sha256_of(given / "raw" / frames.name) == sha256_of(frames)
    assert (given / "results" / f"{UID[:8]}_curve.nxs").exists()
    (brought,) = returned_by(state)
    assert brought.result.outcome.features["fwhm"].units == "deg"
    entries = {one.subject for one in Catalogue(workspace).find()}
    assert entries == {f"run:{UID}", f"result:{UID}:curve"}
    made = there.effects
    assert (made.flow_runs, made.transfer_tasks, made.functions_run, made.entries_written) == (1, 3, 1, 2)
    # The manifest says what went where, when and how it was verified, as the local one does.
    (path,) = given.glob("MANIFEST-*.json")
    manifest = json.loads(path.read_text())
    assert manifest["flow"] == state.id
    assert manifest["folder"] == state.step("distribute").outcome["folder"]
    assert {one["name"] for one in manifest["files"]} == {
        f"raw/{frames.name}", "raw/journal.jsonl", f"results/{UID[:8]}_curve.nxs",
    }  # fmt: skip
    for one in manifest["files"]:
        assert (sha256_of(given / one["name"]), (given / one["name"]).stat().st_size) == (one["sha256"], one["size"])
        assert state.step("distribute").began <= one["at"] <= state.step("distribute").ended
    assert "checksum" in manifest["verified"]


async def test_the_feature_comes_back_into_the_session(workspace, there, run):
    flows, brought = Flows(workspace, Board()), asyncio.Queue()
    following = asyncio.create_task(flows.follow(brought.put_nowait))
    await asyncio.to_thread(run, there.flow())
    async with asyncio.timeout(30):
        result = await brought.get()
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert result.provenance.facility == f"inline, flow keep-{UID[:8]}"
    assert flows.returned.value["curve"].result.outcome.features == result.outcome.features
    assert result.outcome.data["intensity"].size == 40


@pytest.mark.parametrize(
    "returned",
    ["None", "{}", "{'outcome': {'features': {}, 'files': [{}]}, 'results': {}, 'entries': [], 'when': {}}",
     "{'outcome': {'features': {}, 'files': []}, 'results': {'../x': '{}'}, 'entries': [], 'when': {}}",
     "{'outcome': {'features': {}, 'files': []}, 'results': {}, 'entries': [{'subject': 'x'}], 'when': {}}"],
)  # fmt: skip
def test_what_another_function_returns_is_read_before_it_is_kept(workspace, there, run, returned):
    source = Source("theirs", f"def theirs(**asked):\n    return {returned}\n")
    state = run(there.flow({"compute_function": Compute(Login(workspace)).register(source)}))
    assert state.status == "failed"
    assert "The function of the compute step returned something else than results" in state.why
    assert len(Catalogue(workspace)) == 0
    assert not (workspace.directory / "flows" / "x.json").exists()


def test_no_secret_is_logged_journaled_or_shown(workspace, there, run, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("globus_sdk", "urllib3", "requests", "steering"):
        caplog.set_level(logging.DEBUG, logger=name)
    there.double.control.need_consent(there.source.id)
    failed = []
    # One consent is for the flow, one for the manifest.
    for _ in range(2):
        failed.append(run(there.flow()))
        Login(workspace).begin([failed[-1].why.partition("--consent '")[2].partition("'")[0]])
        there.double.control.expire_tokens()
    done = run(there.flow())
    assert ([one.status for one in failed], done.status) == (["failed"] * 2, "succeeded")
    logins = list((workspace.directory / "globus").glob("service-*.json"))
    kept = [json.loads(path.read_text())["tokens"].values() for path in logins]
    secrets = [there.double.auth.secret, there.double.key, *(token["access"] for one in kept for token in one)]
    assert len(secrets) > 6
    shown = [caplog.text, json.dumps(done.json()), *map(describe_flow, failed), describe_flow(done), repr(done)]
    files = [path for path in workspace.directory.rglob("*") if path.is_file() and path not in logins]
    shown += [path.read_bytes().decode(errors="replace") for path in files]
    assert len(caplog.text) > 1000
    assert not [secret[:6] for secret in secrets for text in shown if secret in text]


def test_what_globus_needs_is_said_when_the_file_is_checked(tmp_path):
    path = tmp_path / "beamline.yaml"
    flow = {"runs_on": "globus", "steps": {"compute": {}, "catalogue": {}}, "globus": {"source": "raw"}}
    path.write_text(BEAMLINE + yaml.safe_dump({"flows": {"keep": flow}}))
    wanted = "compute_endpoint, index, steps.compute.analyses, steps.catalogue.visible_to"
    with pytest.raises(SteeringError, match=f"It runs on Globus, which needs more.*{wanted}"):
        read_description(path)


def test_one_that_waits_at_globus_is_not_in_the_way_of_the_others(workspace, there, run, tmp_path):
    flow = {"trigger": "end", "steps": {"transfer": STEPS["transfer"]}}
    flows = {"far": {**flow, "runs_on": "globus", "globus": there.globus}, "near": flow}
    path = tmp_path / "beamline.yaml"
    path.write_text(BEAMLINE + yaml.safe_dump({"flows": flows}))
    there.double.control.stall_transfers()
    watcher = Watcher(workspace, path)
    watcher.run([json.dumps({"what": "ended", "run": UID, "scan": "rocking"})])
    near, far = (FlowJournal(flows_folder(workspace) / f"{name}-{UID[:8]}") for name in ("near", "far"))
    assert near.until_over(30)
    assert (near.state.status, far.state.status) == ("succeeded", "running")
    there.double.control.stall_transfers("")
    watcher.finish()
    assert far.state.status == "succeeded"


def test_several_are_resumed_at_once_and_one_that_waits_is_not_in_the_way(workspace, there, run):
    local = {"steps": {"transfer": STEPS["transfer"]}}
    made = {
        "far": there.flow(),
        "farther": there.flow(transfer={"to": "other/{run.uid}"}),
        "near": FlowEntry.model_validate(local),
    }
    ordered = {name: order(workspace, name, one, UID)[0] for name, one in made.items()}
    there.double.control.stall_transfers()
    found = []
    resuming = threading.Thread(target=lambda: found.extend(run_several(workspace, list(ordered.values()))))
    resuming.start()
    assert ordered["near"].until_over(30)
    # Both are asked for, though neither can go on.
    with Bell(flows_folder(workspace)) as bell:
        while [ordered[name].state.step("transfer").status for name in ("far", "farther")] != ["running"] * 2:
            assert bell.wait(30)
    there.double.control.stall_transfers("")
    resuming.join(60)
    assert [(one.flow, one.status, one.why) for one in found] == [(name, "succeeded", "") for name in made]
    assert run_several(workspace, []) == []


@pytest.mark.system
def test_ctrl_c_ends_all_that_is_resumed_and_it_goes_on_where_it_was(workspace, there):
    made = {"far": there.flow(), "farther": there.flow(transfer={"to": "other/{run.uid}"})}
    ordered = [order(workspace, name, one, UID)[0] for name, one in made.items()]
    there.double.control.stall_transfers()
    words = [sys.executable, "-m", "steering.cli", "flow", "resume", "--workspace", str(workspace.directory)]
    with subprocess.Popen(words, stdout=-1, stderr=-1, text=True) as process, Bell(flows_folder(workspace)) as bell:
        while [one.state.step("transfer").status for one in ordered] != ["running"] * 2:
            assert process.poll() is None, process.communicate()
            bell.wait(1.0)
        process.send_signal(signal.SIGINT)
        said = "".join(process.communicate(timeout=120))
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert [one.state.status for one in ordered] == ["interrupted"] * 2
    there.double.control.stall_transfers("")
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done
    assert there.effects.flow_runs == 2


WITHOUT = """
import sys

sys.modules["globus_sdk"] = None
from steering.cli import main

sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.system
def test_without_the_extra_local_flows_run_and_one_on_globus_says_what_is_missing(workspace, there, tmp_path):
    path = tmp_path / "beamline.yaml"
    local = {"transfer": STEPS["transfer"], "compute": STEPS["compute"]}
    flows = {"keep": {"runs_on": "globus", "steps": STEPS, "globus": there.globus}, "local": {"steps": local}}
    path.write_text(BEAMLINE + yaml.safe_dump({"flows": flows}))
    ended = {}
    for name in flows:
        words = ["flow", "run", name, "--run", UID, "--beamline", str(path), "--workspace", str(workspace.directory)]
        program = [sys.executable, "-c", WITHOUT, *words]
        done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
        ended[name] = done.returncode, done.stdout + done.stderr
    assert ended["local"][0] == 0, ended
    assert ended["keep"][0] == 1
    assert "pip install 'steering[globus]'" in ended["keep"][1]
    assert "Traceback" not in ended["keep"][1]


def test_no_file_of_a_run_is_taken_for_one_of_the_flow(workspace, there, run):
    id_ = f"keep-{UID[:8]}"
    written = beside(workspace, "journal.jsonl", f"{id_}/journal.jsonl", f"{id_}/results/curve.json", "steering/x")
    state = run(there.flow())
    assert state.status == "succeeded", state.why
    given = there.experiment.folder / "experiment" / "WSe2-flake" / UID[:8]
    for folder in (there.eagle.folder / "store" / UID, given / "raw"):
        for name, content in written.items():
            assert (folder / name).read_bytes() == content
        assert (folder / "journal-2.jsonl").read_bytes() == find_run(workspace, UID).journal.read_bytes()
    assert (given / "results" / f"{UID[:8]}_curve.nxs").exists()
    assert (there.eagle.folder / "store" / UID / "steering-2" / id_ / "results").is_dir()
    (one,) = returned_by(state)
    assert one.result.provenance.frames == 40
    assert state.step("compute").outcome["files"][0]["path"].endswith(f"/steering-2/{id_}/results/{UID[:8]}_curve.nxs")
