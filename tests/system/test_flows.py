"""Flows on the whole embedded system: a run's end starts one, and what it has found steers the next scan."""

import json
import subprocess
import sys
from importlib.resources import files

import pytest

import steering
from tests.processes import left_behind, of_workspace

pytestmark = pytest.mark.system

FLOWS = """
flows:
  back:
    title: Back to the next scan
    trigger: {at: end, scans: [rocking]}
    steps:
      transfer: {to: "store/{run.uid}", when: status == success}
      compute: {facility: local, analyses: [{analysis: rocking_curve, label: deep, axes: [th]}]}
      catalogue: {}
      distribute: {to: "out/{run.short}", when: deep.fwhm < 1 deg}
  heaps:
    trigger: {at: bytes, bytes: 8 MB}
    steps:
      compute: {facility: local, analyses: [{analysis: rocking_curve, label: part, axes: [th]}]}
"""


@pytest.fixture
def session(workspace, tmp_path):
    text = files("steering.beamline").joinpath("embedded.yaml").read_text()
    text = text.partition("flows:")[0].replace(
        "agents: [recentre]", "agents: [{agent: recentre, label: again, of: deep}]"
    )
    path = tmp_path / "beamline.yaml"
    path.write_text(text + FLOWS)
    made = steering.open(workspace=workspace, beamline=path, speed=20)
    yield made
    processes = of_workspace(workspace)
    made.shutdown()
    assert not left_behind(processes)


def test_the_end_of_a_run_starts_a_flow_and_the_next_scan_is_steered_on_what_it_found(session):
    assert list(session.flows) == ["back", "heaps"]
    # The peak is at one side, so a look at all of it says where to go.
    run = session.start("rocking", centre=0.3, range=0.4)
    session.wait(120)
    returned = session.flows.returned
    returned.wait(lambda found: "deep" in found, 60)
    state = session.flows.wait(f"back-{run[:8]}", 60)
    assert (state.status, state.why, state.by) == ("succeeded", "", "end of the run")
    assert all(one.status == "done" for one in state.steps)
    # Meanwhile it was looked at after each 8 MB of pixels.
    heap = session.flows.wait(f"heaps-{run[:8]}-1", 60)
    assert (heap.status, heap.by) == ("succeeded", "bytes of the run")
    found = returned.value["deep"]
    assert found.result.provenance.run == run
    entry = session.catalogue.find("deep.fwhm < 1 deg", kind="run")[0]
    assert session.record[entry.run].start["uid"] == run
    session.set_mode("again", "automatic")
    second = session.start("rocking", centre=0.3, range=0.4)
    rulings = session.board.rulings.wait(lambda all_of: any(one.who.startswith("again") for one in all_of), 60)
    assert rulings[0].verdict == "accepted", rulings
    assert rulings[0].basis == found.result.basis
    session.wait(120)
    assert session.flows.wait(f"back-{second[:8]}", 60).status == "succeeded"
    tell_no_secret(session)


def tell_no_secret(session):
    """What opens the service and the record is in nothing that a flow has made."""
    secrets = [session._client.secret.encode(), session._record_address["key"].encode()]
    made = [
        path
        for name in ("flows", "store", "out")
        for path in (session.workspace.directory / name).rglob("*")
        if path.is_file()
    ]
    assert len(made) > 10
    for path in (*made, session.catalogue.path):
        content = path.read_bytes()
        assert not any(secret in content for secret in secrets), path


def test_a_scan_and_its_flow_are_one_command(workspace, tmp_path):
    command = [sys.executable, "-m", "steering.cli", "run", "rocking", "--flow", "keep", "--json", "--speed", "20"]
    command += ["--set", "range=0.2", "--workspace", str(workspace.directory)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["flow"]["status"] == "succeeded"
    assert report["flow"]["run"] == report["run"]
    assert [one["status"] for one in report["flow"]["steps"]] == ["done"] * 4
    (manifest,) = workspace.directory.glob("experiment/*/*/MANIFEST-*.json")
    assert json.loads(manifest.read_text())["run"] == report["run"]
    assert not left_behind(of_workspace(workspace))
    wrong = subprocess.run([*command[:6], "kep", *command[7:]], capture_output=True, text=True, timeout=60, check=False)
    assert wrong.returncode == 1
    assert "There is no flow 'kep'. There are: keep" in wrong.stderr
