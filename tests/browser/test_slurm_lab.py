"""Acceptance in the browser: a scan analysed on a real Slurm, its pool scaled and given back in the panel."""

import json
import re
from pathlib import Path

import pytest
import yaml

import steering
from tests.beamline.site import over
from tests.processes import left_behind, of_workspace
from tests.widgets.lab import Lab, jupyter, write_notebook

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).parents[2] / "artefacts" / "screenshots"
SITE = {
    "workers_per_node": 1,
    "memory_per_node": "2 GB",
    "poll": 0.5,
    "queues": {"preemptable": {"nodes_per_job": 1, "source": "this test"}},
    "preference": {"live": ["preemptable"], "soon": ["preemptable"], "batch": ["preemptable"]},
}
CELL = """
from pathlib import Path
import steering
from steering.core.workspace import Workspace
from steering_widgets import Dashboard

session = steering.open(facility="slurm", workspace=Workspace(Path({folder})), speed=20)
dashboard = Dashboard(session)
dashboard
"""


@pytest.fixture
def lab(slurm, workspace, tmp_path):
    """A JupyterLab whose notebook steers with workers of Slurm; nothing of it may stay."""
    workspace.directory.mkdir(parents=True)
    (workspace.directory / "steering.yaml").write_text(yaml.safe_dump({"steering": {"sites": {"slurm": SITE}}}))
    folder = tmp_path / "notebooks"
    folder.mkdir()
    write_notebook(folder / "steer.ipynb", CELL.format(folder=json.dumps(str(workspace.directory))))
    with jupyter(folder) as (url, token), Lab(url, token, width=1500, height=1300, failure=SHOTS) as made:
        made.open("steer.ipynb")
        made.collapse_sidebar()
        made.run_all()
        yield made
        processes = of_workspace(workspace)
        made.execute("dashboard.close(); session.shutdown()")
        assert made.errors == []
    assert processes, "the session had no processes"
    assert left_behind(processes) == []
    assert slurm.ask("squeue", "-h", "-t", "R,PD") == ""


def test_a_scan_on_slurm_in_the_dashboard(lab, slurm, workspace, spec_scan):
    page = lab.page
    panel = page.locator(".st-panel-compute")
    panel.get_by_text("All workers there").first.wait_for()
    row = panel.locator(".st-pool tbody tr")
    row.get_by_text("running").wait_for()
    assert re.fullmatch(r"n[123]", row.locator("td").nth(2).inner_text())
    mine = steering.open(workspace=workspace, facility="slurm")
    try:
        run = scanned(page, panel, mine, slurm)
        refused(page, panel)
        given_back(page, panel, slurm)
        recorded = over(mine, run)["primary"]
        assert recorded.sizes["event"] == 201
        assert mine.record[run].stop["exit_status"] == "success"
    finally:
        mine.close()
    features = {
        name: lab.value(f"session.board.result.value.outcome.features[{name!r}].value") for name in ("total", "peak")
    }
    assert features["total"] == sum(spec_scan["ImageTot"])
    assert features["peak"] == pytest.approx(0.2150, abs=0.0005)


def scanned(page, panel, mine, slurm):
    """Start a scan, have its job pre-empted, and see in the panel what became of both."""
    page.locator(".st-scan select").select_option(index=0)
    page.locator("button.st-start").click()
    mine.board.status.wait(lambda status: status.points_done > 20, 180)
    demand = slurm.occupy("demand", 3)
    state = panel.locator(".st-pool tbody td:nth-child(2)")
    state.get_by_text(re.compile("^(pre-empted|waiting|being submitted)")).first.wait_for()
    panel.locator(".st-pool").get_by_text(re.compile("Job [0-9]+ was pre-empted")).first.wait_for()
    panel.scroll_into_view_if_needed()
    shoot(page, "slurm-preempted")
    slurm.ask("scancel", demand)
    panel.get_by_text("All workers there").first.wait_for()
    run = mine.board.status.value.run
    mine.wait(300)
    panel.get_by_text(re.compile(r"201\s+of 201 frames, each once$")).first.wait_for()
    page.locator(".st-panel-curve .st-plot[data-ready]").wait_for()
    shoot(page, "slurm-rocking")
    return run


def refused(page, panel):
    """Ask for more than there is: a sentence, and the pool stays as it was."""
    panel.locator(".st-compute-nodes input").fill("50")
    panel.locator("button.st-compute-start").click()
    panel.get_by_text(re.compile("50 nodes, it has 3")).first.wait_for(timeout=10_000)
    panel.get_by_text("All workers there").first.wait_for()


def given_back(page, panel, slurm):
    """Scale to two nodes, and give them back."""
    panel.locator(".st-compute-nodes input").fill("2")
    panel.locator("button.st-compute-start").click()
    panel.locator(".st-pool tbody tr").nth(1).get_by_text("running").wait_for()
    panel.get_by_text("1 of 1").nth(1).wait_for()
    shoot(page, "slurm-two-nodes")
    panel.locator("button.st-compute-stop").click()
    # It asks first.
    panel.locator(".st-press-line").get_by_role("button", name="Stop").click()
    panel.get_by_text("No workers", exact=True).wait_for()
    assert slurm.ask("squeue", "-h", "-t", "R") == ""


def shoot(page, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")
