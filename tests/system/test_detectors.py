"""Two areaDetectors and a classic scaler in one scan: each analysis has the frames of its own detector."""

import asyncio
import time

import pytest
import yaml

import steering
from steering.analyses.centre_of_mass import CentreOfMass
from steering.analyses.rocking_curve import RockingCurve
from steering.contract.outcome import require_same
from steering.core.action import Abort
from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.description.description_entries import DeviceEntry
from steering.devices.own_devices import connect_devices
from tests.beamline.site import over

pytestmark = pytest.mark.system
SOON = 240.0
BEAMLINE = """
name: Two detectors
simulate: {detectors: {side: map}}
motors:
  eta: {prefix: "STEER:th", units: deg}
  samx: {prefix: "STEER:sx", units: um}
detector: {prefix: "STEER:det:", image: "STEER:det:Pva1:Image"}
detectors:
  side: {prefix: "STEER:side:"}
signals:
  temperature: {set: "STEER:temperature", read: "STEER:temperature:read", units: K, tolerance: 0.2, timeout: 20}
devices:
  scaler: {class: "ophyd.scaler:EpicsScaler", arguments: {prefix: "STEER:scaler1"}}
scans:
  - plan: rocking
    name: rocking
    title: Rocking curve with a fluorescence detector
    axis: eta
    detectors: [side]
    read: [scaler]
    before: {"STEER:det:sample": rocking}
    analyses:
      - rocking_curve
      - {analysis: centre_of_mass, label: fluorescence, detector: side}
      - {analysis: centre_of_mass, label: spot}
      - {analysis: scalars, label: columns}
    agents:
      - {agent: recentre, label: centre, of: rocking_curve}
      - {agent: recentre, label: wide, of: rocking_curve, parameters: {widths: 5}}
    parameters:
      centre: {units: deg, value: 0.22, low: -0.5, high: 1.0}
      range: {units: deg, value: 1.0, low: 0.01, high: 1.5}
      step: {units: deg, value: 0.02, low: 0.0005, high: 0.1}
      exposure: {units: s, value: 0.25, low: 0.01, high: 5.0}
      temperature: {units: K, low: 280.0, high: 400.0}
"""


# No analysis of it looks at the second detector from the start.
BEAMLINE += (
    BEAMLINE[BEAMLINE.index("  - plan: rocking") :]
    .replace("name: rocking", "name: plain")
    .replace("      - {analysis: centre_of_mass, label: fluorescence, detector: side}\n", "")
)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("detectors")
    (folder / "beamline.yaml").write_text(BEAMLINE)
    opened = steering.open(workspace=Workspace(folder / "workspace"), beamline=folder / "beamline.yaml", speed=20.0)
    try:
        opened.take_lease()
        for agent in ("centre", "wide"):
            opened.set_mode(agent, "off")
        yield opened
    finally:
        opened.shutdown()


def test_each_analysis_has_the_frames_of_its_detector(session):
    run = session.start("rocking", step=0.05)
    session.board.status.wait(lambda status: status.points_done >= 5, SOON)
    assert session.set("temperature", 300.0).accepted
    assert session.board.detectors.value == ("det", "side")
    assert session.add_analysis("centre_of_mass", label="late", detector="side", kept=7) == "late"
    assert session.add_analysis("centre_of_mass", label="same", detector="det", kept=7) == "same"
    session.remove_analysis("same")
    with pytest.raises(SteeringError, match=r"There is no detector 'up' in this scan\. It has: det, side\."):
        session.add_analysis("centre_of_mass", detector="up")
    session.wait(SOON)
    record = over(session, run)
    assert record.start["detectors"] == ["det", "side"]
    events = record["primary"]
    names = [name for name in events.variables if events[name].dtype.kind == "f" and events[name].ndim == 1]
    columns = {name: events[name].values for name in names}
    units = {name: events[name].attrs.get("units", "") for name in names}
    count = len(columns["eta"])
    block = FrameBlock(run, "primary", 0, count, None, columns, units)
    results = session.results
    assert set(results) == {"rocking_curve", "spot", "columns", "fluorescence", "late"}
    # A classic scaler counts I0 at each point: 5000 counts a second and mA, 200 mA, for 0.1 s.
    assert columns["scaler_channels_chan2"].tolist() == [100_000.0] * count
    assert results["columns"].outcome.data["scaler_channels_chan2"].values.tolist() == [100_000.0] * count
    assert next(iter(results)) == "rocking_curve"
    assert session.board.result.value is results["rocking_curve"]
    found = {"det": record.frames().values, "side": record.frames(detector="side").values}
    assert found["det"].shape == (count, 256, 256)
    assert found["side"].shape == (count, 128, 128)
    wanted = {
        "rocking_curve": (RockingCurve("eta"), "det"),
        "spot": (CentreOfMass(), "det"),
        "fluorescence": (CentreOfMass(), "side"),
        "late": (CentreOfMass(7), "side"),
    }
    for label, (analysis, detector) in wanted.items():
        at_once = analysis.result(analysis.update(analysis.empty(), block, found[detector]))
        require_same(at_once, results[label].outcome, "bitwise", label)
    deadline = time.monotonic() + SOON
    while True:
        try:
            kept = record.provenance("fluorescence")
        except SteeringError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            break
    assert kept["frames"] == count
    assert (abs(columns["temperature"][-3:] - 300.0) < 0.5).all()
    assert session.board.trends.value.keys() >= {"rocking_curve", "fluorescence"}
    session.remove_analysis("late")
    assert "late" not in session.results


@pytest.mark.thorough
def test_a_detector_that_nobody_looked_at_is_analysed_from_its_first_frame_on(session):
    run = session.start("plain", step=0.05)
    session.board.status.wait(lambda status: status.points_done >= 5, SOON)
    session.board.detectors.wait(lambda detectors: detectors == ("det", "side"), SOON)
    assert session.add_analysis("centre_of_mass", label="late", detector="side", kept=7) == "late"
    session.wait(SOON)
    frames = over(session, run).frames(detector="side").values
    block = FrameBlock(run, "primary", 0, len(frames), None, {}, {})
    analysis = CentreOfMass(7)
    at_once = analysis.result(analysis.update(analysis.empty(), block, frames))
    require_same(at_once, session.results["late"].outcome, "bitwise", "late")
    session.remove_analysis("late")
    assert "late" not in session.results


def test_it_is_recentred_on_its_own_axis(session):
    session.set_mode("centre", "automatic")
    session.start("rocking", step=0.01, exposure=0.05)
    session.wait(SOON)
    session.set_mode("centre", "off")
    assert "range" in [ruling.subject for ruling in session.board.rulings.value if ruling.accepted]
    assert session.results["fluorescence"].provenance.frames == session.board.result.value.provenance.frames < 101


def test_both_are_let_go_by_an_abort_and_the_next_scan_has_all_frames(session):
    session.start("rocking", exposure=5.0)
    session.board.status.wait(lambda status: status.points_done >= 2, SOON)
    assert session.propose(Abort("enough")).accepted
    session.board.status.wait(lambda status: not status.scanning, SOON)
    assert session.board.status.value.message == ""
    run = session.start("rocking", step=0.1, exposure=0.1)
    session.wait(SOON)
    record = over(session, run)
    assert len(record.frames().values) == len(record.frames(detector="side").values) == 11
    assert {one.provenance.frames for one in session.results.values()} == {11}


def test_what_a_file_may_not_say_of_detectors(tmp_path, workspace):
    wrong = yaml.safe_load(BEAMLINE)
    wrong["detectors"]["twin"] = {"prefix": "STEER:det:"}
    wrong["detectors"]["eta"] = {"prefix": "STEER:eta"}
    wrong["scans"][0]["detectors"] = ["sid"]
    wrong["scans"][0]["read"] = ["scalr"]
    wrong["devices"]["side"] = {"class": "ophyd:EpicsSignalRO", "arguments": {"read_pv": "STEER:ring_current"}}
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    with pytest.raises(SteeringError) as error:
        steering.open(workspace=workspace, beamline=tmp_path / "wrong.yaml")
    for sentence in (
        "detector and twin are the same, STEER:det:.",
        "'STEER:eta' does not end with a colon.",
        "'eta' is a motor, a signal or a column already. Choose another name.",
        "There is no detector 'sid'. Allowed: eta, side, twin. Did you mean side?",
        "The scan does not trigger 'side'.",
        "'side' is a motor, a signal, a detector or a column. Choose another name.",
        "There is no signal or device 'scalr'. Allowed: temperature, scaler, side. Did you mean scaler?",
    ):
        assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("ophyd.scaler:Nothing", "The device odd cannot be made from ophyd.scaler:Nothing: "),
        ("nowhere:Thing", "No module named 'nowhere'"),
        ("builtins:Exception", "cannot be made from builtins:Exception"),
        ("types:SimpleNamespace", "cannot be read: it has no read() and describe(), as Bluesky wants."),
    ],
)
def test_a_device_that_cannot_be_made_is_named(kind, sentence):
    entry = DeviceEntry.model_validate({"class": kind})
    with pytest.raises(SteeringError) as error:
        asyncio.run(connect_devices({"odd": entry}))
    assert sentence in str(error.value)
    assert "odd" in str(error.value)
