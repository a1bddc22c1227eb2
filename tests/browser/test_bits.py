"""The demo instrument of apsbits, unmodified, in an environment of its own, steered from the dashboard."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.beamline.site import ROOT, instrument_site
from tests.system.test_stops import primary, recorded
from tests.widgets.lab import Lab, jupyter, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

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


@pytest.fixture
def bits(tmp_path):
    """A Python with apsbits and this checkout."""
    # What ./steer installs with.
    uv = [sys.executable, "-m", "uv"]
    folder = tmp_path / "bits"
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
    page.locator(".st-direct-pause:not([aria-disabled=true])").click()
    page.locator(".st-direct-bar[data-state=paused]").wait_for()
    # What the plan was called with is not offered for change.
    # The plan itself has set its signal.
    page.locator(".st-param-brightness-row .st-force", has_text="10000").wait_for()
    assert page.locator(".st-param-num").count() == 0
    page.locator(".st-param-brightness input").fill("500")
    page.locator("button.st-apply").click()
    page.locator(".st-direct-resume").click()
    lab.wait_for_value("{p.name: p.value for p in session.board.status.value.parameters}['brightness'] == 500")
    lab.wait_for_value("[one for one in session.results.values() if 'motor' in one.outcome.data] != []")
    page.locator(".st-panel-progress .st-state-running").wait_for()
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "instrument.png")
    page.locator(".st-direct-finish").click()
    page.locator(".st-ended", has_text="ended").wait_for()
