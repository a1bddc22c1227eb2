"""A new technique from outside: an analysis, a sample, a scan, a tutorial; nothing of ours is changed."""

import json
import math
from importlib import invalidate_caches

import nbformat
import pytest
import yaml
from nbclient import NotebookClient

import steering
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from tests.processes import left_behind, of_workspace

pytestmark = pytest.mark.system

ANALYSIS = """
import numpy as np
import xarray as xr

from steering.core.result import Feature, Outcome


class Sinogram:
    name, exactness = "sinogram", "bitwise"

    def __init__(self, axis="rot"):
        self.axis = axis

    @property
    def parameters(self):
        return {"axis": self.axis}

    def empty(self):
        return {}

    def update(self, state, block, frames):
        rows = zip(block.indices.tolist(), block.columns[self.axis].tolist(), frames.sum(axis=1).tolist())
        return state | {index: (angle, row) for index, angle, row in rows}

    def merge(self, left, right):
        return left | right

    def result(self, state):
        kept = [state[index] for index in sorted(state)]
        if not kept:
            return Outcome({}, xr.Dataset())
        angles, rows = np.array([one[0] for one in kept]), np.array([one[1] for one in kept])
        data = xr.Dataset(
            {"sinogram": (("angle", "column"), rows, {"units": "counts"})},
            {"angle": ("angle", angles, {"units": "deg"})},
        )
        return Outcome({"turned": Feature(float(np.ptp(angles)), float("nan"), "deg")}, data)
"""
SAMPLE = """
import numpy as np


class Pins:
    shape = (8, 64)

    def frame(self, positions, exposure, random):
        angle = np.radians(positions["rot"])
        row = np.zeros(self.shape[1])
        row[int(round(32 + 20 * np.cos(angle)))] = 100.0
        return np.tile(row, (self.shape[0], 1)).astype(np.int32)
"""
BEAMLINE = """
name: Tomography at home
simulate:
  samples: {pins: "tomo_sample:Pins"}
  motors: {rot: {units: deg, low: -20, high: 200, speed: 100}}
motors:
  rot: {prefix: "STEER:rot", units: deg}
detector: {prefix: "STEER:det:", image: "STEER:det:Pva1:Image"}
scans:
  - plan: sweep
    name: turn
    title: Half a turn on the fly
    axis: rot
    frames: 181
    before: {"STEER:det:sample": pins}
    analyses: [sinogram]
    parameters:
      start: {units: deg, value: 0.0, low: 0.0, high: 180.0}
      stop: {units: deg, value: 180.0, low: 0.0, high: 180.0}
      exposure: {units: s, value: 0.05, low: 0.001, high: 1.0}
"""
TUTORIAL = (
    """
import steering
from steering_widgets import Dashboard

session = steering.open(beamline="tomography.yaml")
dashboard = Dashboard(session)
dashboard
""",
    """
session.start("turn")
session.wait(200)
""",
    """
import json

result = session.results["sinogram"]
data = result.outcome.data
print(json.dumps({
    "frames": result.provenance.frames,
    "turned": result.outcome.features["turned"].value,
    "angles": data["angle"].values.tolist(),
    "brightest": data["sinogram"].argmax("column").values.tolist(),
    "view": dashboard._page._views._choice.widget.options,
}))
""",
    "session.shutdown()",
)


@pytest.fixture
def outside(tmp_path, monkeypatch):
    folder = tmp_path / "outside"
    about = folder / "tomo-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "tomo.py").write_text(ANALYSIS)
    (folder / "tomo_sample.py").write_text(SAMPLE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tomo\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[steering.analyses]\nsinogram = tomo:Sinogram\n")
    (tmp_path / "tomography.yaml").write_text(BEAMLINE)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("STEERING_HOME", str(tmp_path / "home"))
    monkeypatch.syspath_prepend(folder)
    invalidate_caches()
    return tmp_path


def test_its_tutorial_runs(outside):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in TUTORIAL])
    workspace = Workspace(outside / "home")
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(outside)}}
    )
    client.execute()
    (printed,) = [out["text"] for out in notebook.cells[2]["outputs"] if out["output_type"] == "stream"]
    told = json.loads(printed.splitlines()[-1])
    assert told["frames"] == 181
    # Where the pin is says at which angle the frame was taken.
    assert told["turned"] > 150
    pairs = list(zip(told["angles"], told["brightest"], strict=True))
    off = sorted(abs(32 + 20 * math.cos(math.radians(angle)) - column) for angle, column in pairs)
    assert off[len(off) // 2] < 0.75
    assert off[-1] < 3
    assert told["view"]
    assert not left_behind(of_workspace(workspace))


def test_a_beamline_s_file_is_read_before_anything_is_started(outside, workspace):
    wrong = yaml.safe_load(BEAMLINE)
    wrong["scans"][0]["frames"] = 1
    (outside / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    with pytest.raises(SteeringError, match="A sweep of 1 frame is none"):
        steering.open(workspace=workspace, beamline=outside / "wrong.yaml")
    with pytest.raises(SteeringError, match="cannot be read"):
        steering.open(workspace=workspace, beamline="nowhere.yaml")
    assert not list(workspace.run.glob("*.json"))


def test_a_service_of_another_beamline_is_not_taken_for_this_one(outside, workspace):
    with steering.open(workspace=workspace, record=False) as session:
        with pytest.raises(SteeringError, match=r"serves Simulated APS beamline, and not .*tomography\.yaml"):
            steering.open(workspace=workspace, beamline=outside / "tomography.yaml")
        assert session.board.status.value.state == "idle"
        session.shutdown()
