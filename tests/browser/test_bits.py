"""Instruments that need packages which are not ours, in an environment of their own.

The demo instrument of apsbits is steered unmodified from the dashboard; one of EPICS devices as classic ophyd and
apstools make them, from a session.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import steering
from steering.core.action import Finish, Pause, Resume, SetParameter
from steering.sim.samples import RockingSample
from tests.beamline.site import ROOT, instrument_site, site
from tests.system.test_stops import primary, recorded
from tests.widgets.lab import Lab, jupyter, write_notebook

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).parents[2] / "artefacts" / "screenshots"
# Its dependencies are many, and some of them are not ours to have.
BITS = "apsbits==2.0.4"
FILE = {
    "name": "Demo instrument",
    "instrument": "apsbits.demo_instrument.startup",
    "signals": {"brightness": {"device": "sim_det.Imax", "units": "ct"}},
    "scans": [
        {
            "name": "rel_scan",
            "title": "Relative scan of sim_motor",
            "plan": "own",
            "call": "sim_rel_scan_plan",
            "arguments": {"sigma": 2},
            "parameters": {
                "span": {"units": "mm", "value": 5, "low": 0.1, "high": 20},
                "num": {"units": "", "value": 51, "low": 2, "high": 100_000, "decimals": 0},
                "brightness": {"units": "ct", "low": 1, "high": 100_000},
            },
        }
    ],
}
CELL = """
from pathlib import Path
import steering
from steering.core.workspace import Workspace
from steering_widgets import Dashboard

session = steering.open(workspace=Workspace(Path({folder})))
dashboard = Dashboard(session)
dashboard
"""


EPICS_FILE = {
    "name": "Hall of EPICS",
    "instrument": "tests.beamline.halls.epics",
    "signals": {"exposure_time": {"device": "adsim.cam.acquire_time", "units": "s"}},
    "scans": [
        {
            "name": "rock",
            "title": "Rock theta",
            "plan": "own",
            "call": "rock",
            "analyses": ["centre_of_mass", "scalars"],
            "parameters": {
                "span": {"units": "deg", "value": 0.2, "low": 0.01, "high": 1},
                "num": {"units": "", "value": 401, "low": 2, "high": 1001, "decimals": 0},
                "exposure": {"units": "s", "value": 0.25, "low": 0.01, "high": 1},
                "exposure_time": {"units": "s", "low": 0.01, "high": 1},
            },
        }
    ],
}


@pytest.fixture(scope="module")
def bits(tmp_path_factory):
    """A Python with apsbits, and with it apstools, and this checkout."""
    # What ./steer installs with.
    uv = [sys.executable, "-m", "uv"]
    folder = tmp_path_factory.mktemp("bits")
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    wanted = [BITS, "--editable", f"{ROOT}[classic]"]
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, *wanted], check=True)
    return str(python)


def test_its_plan_is_steered_from_the_dashboard(bits, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    with instrument_site(tmp_path) as place:
        place.python, place.directory, place.patience = bits, here, 240.0
        assert place.serve(FILE), place.log
        write_notebook(tmp_path / "steer.ipynb", CELL.format(folder=json.dumps(str(place.workspace.directory))))
        with jupyter(tmp_path) as (url, token), Lab(url, token, width=1500, height=1000, failure=SHOTS) as lab:
            lab.open("steer.ipynb")
            lab.collapse_sidebar()
            lab.run_all()
            steered(lab)
            lab.execute("dashboard.close(); session.shutdown()")
            assert lab.errors == []
    documents, _ = recorded(place)
    start, stop = documents[0][1], next(document for name, document in documents if name == "stop")
    assert (start["plan_name"], start["title"], stop["exit_status"]) == (
        "rel_scan", "test run with simulator(s)", "success",
    )  # fmt: skip
    assert 0 < len(primary(documents)) < 20_000
    streams = {document["uid"]: document["name"] for name, document in documents if name == "descriptor"}
    kinds = [d["data"]["kind"] for n, d in documents if n == "event" and streams[d["descriptor"]] == "steering"]
    assert sorted(kinds) == ["finish", "pause", "resume", "set"]
    (spec,) = here.glob("*.dat")
    assert f"#S {start['scan_id']}" in spec.read_text(), "its SPEC file is written as ever"


def steered(lab):
    page = lab.page
    page.set_default_timeout(180_000)
    page.locator(".st-start-num input").fill("20000")
    page.locator("button.st-start").click()
    page.locator(".st-direct-pause:not([aria-disabled=true])").wait_for()
    lab.press("pause")
    # What the plan was called with is not offered for change.
    # The plan itself has set its signal.
    page.locator(".st-param-brightness-row .st-force", has_text="10000").wait_for()
    assert page.locator(".st-param-num").count() == 0
    page.locator(".st-param-brightness input").fill("500")
    page.locator("button.st-apply").click()
    lab.press("resume")
    lab.wait_for_value("{p.name: p.value for p in session.board.status.value.parameters}['brightness'] == 500")
    lab.wait_for_value("[one for one in session.results.values() if 'motor' in one.outcome.data] != []")
    page.locator(".st-panel-progress .st-state-running").wait_for()
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "instrument.png")
    lab.press("finish")
    page.locator(".st-ended", has_text="was finished early").wait_for()


def test_a_motor_record_and_an_area_detector_of_classic_devices_are_steered(bits, tmp_path):
    frames = tmp_path / "frames"
    with site(tmp_path, kind="classic") as place:
        place.python, place.patience = bits, 240.0
        place.environment["HALLS_FOLDER"] = str(frames)
        assert place.serve(EPICS_FILE), place.log
        session = steering.open(workspace=place.workspace)
        try:
            run = session.start("rock")
            session.board.status.wait(lambda status: status.points_done >= 5, 240)
            assert session.propose(Pause()).accepted
            session.board.status.wait(lambda status: status.state == "paused", 240)
            measured = session.board.status.value.points_done
            assert session.propose(SetParameter("exposure_time", 0.05)).accepted
            assert session.propose(Resume()).accepted
            try:
                session.board.status.wait(lambda status: status.points_done >= measured + 5, 240)
            except TimeoutError:
                pytest.fail(f"{session.board.status.value}\n{place.log}")
            assert session.propose(Finish()).accepted
            assert session.wait(300) == run
            ended = session.board.status.value.ended
            spot, columns = (session.results[label].outcome for label in ("centre_of_mass", "scalars"))
        finally:
            session.shutdown()
    assert ended.status == "success"
    assert spot.features["frames"].value == ended.points
    # What the simulation shows at the recorded exposure is what was recorded at the nearest angle.
    sample, sums = RockingSample.load(), spot.data["frame_sum"].values
    nearest = [int(np.argmin(np.abs(sample.theta - theta))) for theta in columns.data["theta"].values]
    recorded_sums = sample.frames[nearest].sum(axis=(1, 2))
    assert (sums[:measured] == recorded_sums[:measured]).all()
    assert (sums[measured + 1 :] < 0.5 * recorded_sums[measured + 1 :]).all()
    assert [file.suffix for file in frames.iterdir()] == [".h5"]
