"""What starts flows while a scan runs, on the whole embedded system, and what they bring steers that scan."""

from importlib.resources import files

import pytest

import steering
from steering.core.workspace import Workspace
from steering.flow_steps.flow_journal import journals
from tests.processes import left_behind, of_workspace

pytestmark = pytest.mark.system

AGENTS = (
    "[recentre, {agent: recentre, label: middle, of: part}, "
    "{agent: watch, label: bright, parameters: {feature: maximum, high: 0}}]"
)
FLOWS = """
flows:
  narrow:
    trigger: {at: feature, feature: fwhm < 1 deg, scans: [rocking]}
    steps:
      compute: {facility: local, analyses: [{analysis: rocking_curve, label: seen, axes: [th]}]}
      catalogue: {}
  never:
    trigger: {at: feature, feature: fwhm < 1 s}
    steps: {catalogue: {}}
  kept:
    trigger: {at: alarm, agent: bright}
    steps: {transfer: {to: "store/{run.uid}"}, catalogue: {}}
  others:
    trigger: {at: alarm, agent: middle, scans: [map]}
    steps: {catalogue: {}}
  parts:
    trigger: {at: frames, frames: 30, scans: [rocking]}
    steps:
      compute: {facility: local, analyses: [{analysis: rocking_curve, label: part, axes: [th]}]}
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("triggers")
    text = files("steering.beamline").joinpath("embedded.yaml").read_text().partition("flows:")[0]
    path = folder / "beamline.yaml"
    path.write_text(text.replace("agents: [recentre]", f"agents: {AGENTS}") + FLOWS)
    workspace = Workspace(folder / "workspace")
    made = steering.open(workspace=workspace, beamline=path, speed=20, record=False)
    yield made
    processes = of_workspace(workspace)
    made.shutdown()
    assert not left_behind(processes)


def test_a_feature_and_an_alarm_start_flows_that_succeed(session):
    session.set_mode("bright", "suggest")
    run = session.start("rocking", centre=0.22, range=0.4)
    session.flows.states.wait(lambda all_of: any(one.id == f"narrow-{run[:8]}" for one in all_of), 120)
    session.wait(120)
    # One that copies waits for the end of the run.
    session.flows.states.wait(lambda all_of: any(one.id == f"kept-{run[:8]}" for one in all_of), 120)
    narrow, kept = (session.flows.wait(f"{name}-{run[:8]}", 120) for name in ("narrow", "kept"))
    assert [(one.status, one.why, one.by) for one in (narrow, kept)] == [
        ("succeeded", "", "feature of the run"),
        ("succeeded", "", "alarm of the run"),
    ]
    # It did not wait for the end of the run.
    assert session.flows.results(narrow.id)["seen"].provenance.run == run
    assert narrow.ordered < kept.ordered
    ordered = [one.id for one in journals(session.workspace) if one.state.run == run and not one.id.startswith("parts")]
    assert sorted(ordered) == [f"kept-{run[:8]}", f"narrow-{run[:8]}"]


def test_what_a_flow_brings_while_the_scan_runs_steers_it(session):
    session.set_mode("middle", "automatic")
    # The peak is at one side, and each point takes long enough for a flow to come back.
    run = session.start("rocking", centre=0.3, range=0.6, exposure=2.0)
    rulings = session.board.rulings.wait(
        lambda all_of: any(one.who.startswith("middle") and one.applied_at for one in all_of), 180
    )
    assert session.board.status.value.scanning
    mine = [one for one in rulings if one.who.startswith("middle")]
    assert mine[0].verdict == "accepted", mine
    found = session.flows.returned.value["part"]
    assert found.result.provenance.run == run
    assert found.flow.startswith(f"parts-{run[:8]}-")
    assert mine[0].basis == found.result.basis
    session.set_mode("middle", "off")
    session.wait(180)
    assert session.exit_status(run) == "success"
