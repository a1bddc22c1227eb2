"""Who does a flow, or ordered it, is ended in the midst of it: the flow goes on, and each effect is there once."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.resources import files

import psutil
import pytest
import yaml

import steering
from steering.beamline.embedded import find_service
from steering.catalogue.catalogue import Catalogue
from steering.core.workspace import Workspace
from steering.flow_runner.returned import returned_by
from steering.flow_steps.copying import sha256_of
from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from steering.flow_steps.hold import VARIABLE
from tests.flow_runner.workspaces import UID, measured
from tests.processes import left_behind, of_workspace
from tests.system import gated

pytestmark = pytest.mark.system

SOON = 120.0
STEPS = ["transfer", "compute", "catalogue", "distribute"]


@pytest.fixture
def place(tmp_path):
    """A workspace in which nothing is left behind."""
    made = Workspace(tmp_path / "workspace")
    yield made
    processes = of_workspace(made)
    subprocess.run(words("stop", made), capture_output=True, timeout=120, check=True)
    assert not left_behind(processes)


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """Where the analysis ``gated`` says that it has begun, and waits for a file ``open``."""
    made = tmp_path / "gate"
    made.mkdir()
    for name, value in {**gated.installed(tmp_path / "site"), gated.VARIABLE: str(made)}.items():
        monkeypatch.setenv(name, value)
    yield made
    # Whatever still waits there would be in the way of its own end.
    (made / "open").touch()


def flow(analysis, to="", trigger="hand"):
    """Make a flow of all steps."""
    analyses = [{"analysis": analysis, "label": "deep", "axes": ["th"]}]
    return {
        "trigger": trigger,
        "steps": {
            "transfer": {"to": to + "store/{run.uid}"},
            "compute": {"facility": "local", "analyses": analyses},
            "catalogue": {},
            "distribute": {"to": to + "out/{run.short}"},
        },
    }


def beamline(folder, **flows):
    """Write the simulated beamline's file with other flows."""
    text = files("steering.beamline").joinpath("embedded.yaml").read_text().partition("flows:")[0]
    path = folder / "beamline.yaml"
    path.write_text(text + yaml.safe_dump({"flows": flows}))
    return path


def words(what, place, *more):
    return [sys.executable, "-m", "steering.cli", *what.split(), *more, "--workspace", str(place.directory)]


def until(holds):
    """Wait for what tells nobody."""
    deadline = time.monotonic() + SOON
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def runner_of(journal):
    """Find the process that runs a flow, as its journal names it."""
    return psutil.Process(int(journal.state.process["pid"]))


def once(place, journal, top):
    """See that each effect of a flow that has succeeded is there once, and nothing half done."""
    lines = list(journal.lines())
    assert [line["step"] for line in lines if line["kind"] == "done"] == STEPS
    did = [line["key"] for line in lines if line["kind"] == "did"]
    assert len(did) == len(set(did))
    run = journal.state.run
    wanted = {f"run:{run}", f"result:{run}:deep"}
    assert {one.subject for one in Catalogue(place).find()} == wanted
    assert not list(place.directory.rglob("*.part"))
    for name in ("transfer", "distribute"):
        outcome = journal.state.step(name).outcome
        assert {one["path"]: one["sha256"] for one in outcome["files"]} == {
            str(path): sha256_of(path)
            for path in (place.directory / top / ("store" if name == "transfer" else "out")).rglob("*.*")
            if path.is_file() and not path.name.startswith("MANIFEST")
        }


def test_a_service_and_its_process_of_flows_that_are_killed_go_on_with_the_flow(place, tmp_path, monkeypatch):
    path = beamline(tmp_path, keep=flow("rocking_curve", trigger="end"))
    held = [tmp_path / "copied", tmp_path / "written"]
    monkeypatch.setenv(VARIABLE, f"transfer.copied={held[0]}")
    session = steering.open(workspace=place, beamline=path, speed=20, record=False)
    run = session.start("rocking", range=0.2)
    until(held[0].exists)
    journal = FlowJournal(flows_folder(place) / f"keep-{run[:8]}")
    assert journal.state.status == "running"
    before = [line["key"] for line in journal.lines() if line["kind"] == "did"]
    service, runner = int(find_service(place)["pid"]), runner_of(journal)
    # It would end by itself with the service, and a service that lives would start it again.
    runner.suspend()
    os.kill(service, signal.SIGKILL)
    runner.kill()
    until(lambda: journal.state.status == "interrupted")
    session.close()
    monkeypatch.setenv(VARIABLE, f"compute.written={held[1]}")
    other = steering.open(workspace=place, beamline=path, speed=20, record=False)
    try:
        # The next service takes it up unasked; now its process of flows alone is killed.
        until(held[1].exists)
        assert journal.state.step("transfer").status == "done"
        runner_of(journal).kill()
        until(lambda: journal.state.status == "succeeded")
        assert [line["key"] for line in journal.lines() if line["kind"] == "did"][: len(before)] == before
        once(place, journal, "")
        assert set(Catalogue(place).writes().values()) == {1}
        assert [one.run for one in other.catalogue.find("deep.fwhm < 1 deg", kind="run")] == [run]
    finally:
        other.shutdown()


def test_a_flow_goes_on_when_the_kernel_that_ordered_it_is_killed(place, tmp_path, gate):
    measured(place)
    path = beamline(tmp_path, keep=flow("gated"))
    kernel = (
        "import sys, steering\n"
        "from steering.core.workspace import Workspace\n"
        "from pathlib import Path\n"
        "if __name__ == '__main__':\n"
        "    session = steering.open(workspace=Workspace(Path(sys.argv[1])), beamline=sys.argv[2], record=False)\n"
        "    print(session.flows.run('keep', sys.argv[3]), flush=True)\n"
        "    sys.stdin.read()\n"
    )
    (tmp_path / "kernel.py").write_text(kernel)
    command = [sys.executable, str(tmp_path / "kernel.py"), str(place.directory), str(path), UID]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True, start_new_session=True) as process:
        journal = FlowJournal(flows_folder(place) / process.stdout.readline().strip())
        until(lambda: list(gate.glob("begun-*")))
        # As Jupyter ends a kernel: with all that is in its group.
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert journal.state.status == "running"
    (gate / "open").touch()
    until(lambda: journal.state.over)
    assert journal.state.status == "succeeded"
    once(place, journal, "")
    assert set(Catalogue(place).writes().values()) == {1}


def test_a_flow_that_is_killed_while_a_worker_computes_ends_as_one_that_nobody_disturbs(place, tmp_path, gate):
    measured(place)
    path = beamline(tmp_path, keep=flow("gated"), calm=flow("gated", "calm/"))
    more = ["--run", UID, "--beamline", str(path)]
    with subprocess.Popen(words("flow run keep", place, *more)) as process:
        journal = FlowJournal(flows_folder(place) / f"keep-{UID[:8]}")
        until(lambda: list(gate.glob("begun-*")))
        assert journal.state.step("compute").status == "running"
        process.kill()
    assert journal.state.status == "interrupted"
    (gate / "open").touch()
    done = subprocess.run(words("flow resume", place), capture_output=True, text=True, timeout=SOON, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert journal.state.step("compute").tries == 2
    once(place, journal, "")
    assert set(Catalogue(place).writes().values()) == {1}
    subprocess.run(words("flow run calm", place, *more), capture_output=True, timeout=SOON, check=True)
    calm = FlowJournal(flows_folder(place) / f"calm-{UID[:8]}")
    once(place, calm, "calm")
    (mine,), (theirs,) = returned_by(journal.state), returned_by(calm.state)
    assert mine.result.outcome.features == theirs.result.outcome.features
    assert mine.result.outcome.data.identical(theirs.result.outcome.data)
    assert mine.result.provenance.frames == theirs.result.provenance.frames


def scan_with_flow(place, path):
    """Write the one command that does a scan and its flow."""
    more = ["--flow", "keep", "--json", "--speed", "20", "--set", "range=0.2", "--beamline", str(path)]
    return words("run rocking", place, *more)


def test_a_scan_whose_flow_is_cancelled_ends_with_code_4(place, tmp_path, gate):
    command = scan_with_flow(place, beamline(tmp_path, keep=flow("gated")))
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as process:
        until(lambda: list(gate.glob("begun-*")) or process.poll() is not None)
        (folder,) = flows_folder(place).glob("keep-*")
        cancelled = subprocess.run(words(f"flow cancel {folder.name}", place), timeout=SOON, check=False)
        said, complaint = process.communicate(timeout=SOON)
    assert (cancelled.returncode, process.returncode) == (4, 4), complaint
    report = json.loads(said)
    assert (report["status"], report["flow"]["status"]) == ("success", "cancelled")
    assert "What was done is kept." in report["flow"]["why"]


@pytest.mark.thorough
def test_a_scan_waits_for_its_flow_that_another_process_runs_and_does_what_is_left_if_that_is_killed(
    place, tmp_path, monkeypatch
):
    held, path = tmp_path / "held", beamline(tmp_path, keep=flow("rocking_curve", trigger="end"))
    with monkeypatch.context() as patch:
        patch.setenv(VARIABLE, f"transfer.copied={held}")
        session = steering.open(workspace=place, beamline=path, speed=20, record=False)
    try:
        with subprocess.Popen(scan_with_flow(place, path), stdout=-1, stderr=-1, text=True) as process:
            until(held.exists)
            (journal,) = (FlowJournal(one) for one in flows_folder(place).glob("keep-*"))
            service, runner = psutil.Process(int(find_service(place)["pid"])), runner_of(journal)
            assert runner.ppid() == service.pid
            assert journal.state.status == "running"
            # A service that lives would start it again, and be in the way of whoever waits.
            service.suspend()
            runner.kill()
            until(lambda: journal.state.status == "succeeded")
            service.resume()
            said, complaint = process.communicate(timeout=SOON)
        assert process.returncode == 0, complaint
        assert json.loads(said)["flow"]["status"] == "succeeded"
        once(place, journal, "")
    finally:
        session.shutdown()
