"""Acceptance in the browser: ``steering lab`` with nothing faked, driven as a scientist would."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

import steering
from steering.sim.samples import MapSample
from tests.beamline.site import over
from tests.processes import left_behind, of_workspace
from tests.widgets.lab import Lab, settled_box

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).parents[2] / "artefacts" / "screenshots"
NOTEBOOK = "01-steer-a-running-scan.ipynb"


class Beamtime:
    """A running ``steering lab`` and a session of the test's own on the same service."""

    def __init__(self, process, url, workspace):
        self.process, self.workspace = process, workspace
        address = urlsplit(url)
        self.url, self.token = f"{address.scheme}://{address.netloc}", address.query.removeprefix("token=")
        self.session = steering.open(workspace=workspace)

    def restart_kernel(self):
        """Restart the notebook's kernel past the browser."""
        headers = {"Authorization": f"token {self.token}"}
        (kernel,) = httpx.get(f"{self.url}/api/kernels", headers=headers).json()
        httpx.post(f"{self.url}/api/kernels/{kernel['id']}/restart", headers=headers, timeout=240).raise_for_status()


@pytest.fixture
def beamtime(workspace, tmp_path):
    """Start ``steering lab`` as the README says, end it with Ctrl-C, and see that nothing is left."""
    config = tmp_path / "config"
    config.mkdir()
    (config / "jupyter_lab_config.py").write_text("c.LabApp.expose_app_in_browser = True\n")
    command = [sys.executable, "-m", "steering.cli", "lab", "--no-browser", "--workspace", str(workspace.directory)]
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(config)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        url = next((found.group(0) for line in process.stdout if (found := re.search(r"http://\S+", line))), None)
        assert url is not None, f"no address was printed (exit code {process.wait()})"
        made = Beamtime(process, url, workspace)
        yield made
        made.session.close()
        processes = of_workspace(workspace)
        assert len(processes) >= 6
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=240)
    assert process.returncode == 0
    left = left_behind(processes)
    assert not left, f"processes were left behind: {left}"


def test_a_scan_is_steered_from_jupyterlab(beamtime):
    with Lab(beamtime.url, beamtime.token, width=1400, height=1000, failure=SHOTS) as lab:
        page, board = lab.page, beamtime.session.board
        lab.open(NOTEBOOK)
        lab.collapse_sidebar()
        # The dashboard was made before the browser came; its scan starts now that somebody sees it.
        page.locator(".st-dashboard").wait_for()
        page.locator(".st-state", has_text="Running").first.wait_for()
        board.status.wait(lambda status: status.scanning, 180)
        assert beamtime.session.set("exposure", 99).accepted is False
        page.locator(".st-journal .st-refused").first.wait_for()
        rocking(beamtime, lab, page, board)
        a_busy_kernel(lab, page, board)
        a_restarted_kernel(beamtime, lab, page, board)
        the_map(beamtime, lab, page, board)
        assert lab.errors == [], lab.errors
        assert lab.external == []


def rocking(beamtime, lab, page, board):
    """Change two parameters in the form and see them in the data."""
    # The notebook's own scan may be over by the time that the browser is there: one that lasts longer.
    if board.status.value.scanning:
        beamtime.session.finish()
    board.status.wait(lambda status: not status.scanning, 180)
    # However long it takes to fill in a form, there is a scan to steer.
    run = beamtime.session.start("rocking", exposure=1.0, range=1.3, step=0.001)
    board.status.wait(lambda status: status.run == run and status.points_done > 30, 300)
    page.locator(".st-panel-curve .st-plot[data-ready]").wait_for()
    # A new run takes back what is typed, so the page must have heard of it: the scans before were exposed otherwise.
    page.locator(".st-param-exposure-row .st-force b").get_by_text("1", exact=True).wait_for()
    page.locator(".st-param-range input").fill("0.3")
    page.locator(".st-param-exposure input").fill("0.1")
    page.locator("button.st-apply").click()
    try:
        board.rulings.wait(lambda rulings: sum(r.accepted and r.applied_at > 0 for r in rulings) >= 2, 180)
    except TimeoutError:
        form = page.locator(".st-panel-form").inner_text()
        pytest.fail(f"{form}\n{board.rulings.value}\n{board.status.value}")
    page.get_by_text("in force since point").first.wait_for()
    page.locator(".st-panel-curve").scroll_into_view_if_needed()
    shoot(page, "lab-rocking")
    applied = max(ruling.before_point for ruling in board.rulings.value if ruling.accepted)
    board.status.wait(lambda status: not status.scanning or status.points_done > applied + 30, 300)
    beamtime.session.finish()
    beamtime.session.wait(300)
    recorded = over(beamtime.session, run)["primary"]
    later = recorded.isel(event=recorded["seq_num"].values >= applied)
    assert later.sizes["event"] > 5
    assert (later["exposure"].values == 0.1).all()
    assert (np.abs(later["th"].values - 0.220004) <= 0.15 + 1e-6).all()


def a_busy_kernel(lab, page, board):
    """Pause while a cell blocks the kernel; abort."""
    page.locator(".st-scan select").select_option(index=0)
    page.locator("button.st-start").click()
    board.status.wait(lambda status: status.state == "running" and status.points_done > 2, 180)
    page.locator(".st-direct-bar[data-connected=true]").wait_for()
    with lab.busy_kernel():
        lab.press("pause")
        board.status.wait(lambda status: status.state == "paused", 180)
        lab.press("abort")
        board.status.wait(lambda status: not status.scanning, 180)


def a_restarted_kernel(beamtime, lab, page, board):
    """Restart the kernel in the middle of a scan: the scan goes on, and the run-again notebook shows all of it."""
    # It must outlast the time that the browser needs to come back.
    run = beamtime.session.start("rocking", exposure=2.0)
    board.status.wait(lambda status: status.points_done > 10, 180)
    beamtime.restart_kernel()
    points = board.status.value.points_done
    board.status.wait(lambda status: status.points_done > points + 5, 180)
    lab.open(NOTEBOOK)
    lab.collapse_sidebar()
    lab.run_all()
    # Until the cells had run again, the saved outputs named widgets of the kernel that is gone.
    lab.forgive("widget model not found")
    page.locator(".st-panel-curve .st-plot[data-ready]").wait_for()
    assert lab.value("session.board.status.value.run") == run
    lab.wait_for_value("session.board.result.value is not None and session.board.result.value.provenance.frames > 20")
    assert board.status.value.scanning
    beamtime.session.finish()
    lab.wait_for_value(
        "session.board.status.value.state == 'idle'"
        " and session.board.result.value.provenance.frames == session.board.status.value.points_done",
    )


def the_map(beamtime, lab, page, board):
    """Draw a region on the map, look finer there, and see it in the record."""
    page.locator(".st-scan select").select_option(index=1)
    page.locator(".st-start-centre").wait_for(state="hidden")
    page.locator(".st-start-step input").fill("5")
    page.locator("button.st-start").click()
    board.status.wait(lambda status: status.scan == "map" and status.points_done > 15, 180)
    # However long it takes to draw a region, there is a scan to look finer in.
    assert beamtime.session.pause().accepted
    plot = page.locator(".st-panel-map .st-plot[data-ready]")
    plot.wait_for()
    plot.scroll_into_view_if_needed()
    box = settled_box(plot)
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5, steps=4)
    page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.55, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    page.wait_for_function("() => document.querySelector('.st-region-x1 input').value !== ''")
    page.locator(".st-region-step input").fill("1")
    page.locator("button.st-finer").click()
    board.rulings.wait(lambda rulings: any(r.kind == "insert" and r.accepted for r in rulings), 180)
    assert beamtime.session.resume().accepted
    run = board.status.value.run
    beamtime.session.wait(180)
    lab.wait_for_value("session.board.result.value.provenance.frames == session.board.status.value.points_done")
    page.locator(".st-panel-map").scroll_into_view_if_needed()
    shoot(page, "lab-map")
    recorded = over(beamtime.session, run)["primary"]
    fine = recorded.isel(event=recorded["grid"].values == 1)
    assert fine.sizes["event"] >= 4
    assert set(fine["sx_step"].values) == {1.0}
    data = board.result.value.outcome.data
    sample = MapSample.load()
    places = zip(data["sx"].values, data["sy"].values, strict=True)
    assert data["frame_sum"].values.tolist() == [sample.expected_counts(x, y) for x, y in places]


def shoot(page, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")
