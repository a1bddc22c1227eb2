"""However a command ends, what it started ends with it; what it found running goes on."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from steering.beamline.embedded import find_service, stop_service
from steering.commands.tutorials import FIRST, TECHNIQUES
from steering.core.workspace import Workspace
from steering.description.description import read_description
from tests.processes import left_behind, of_workspace
from tests.thorough import rare, some

pytestmark = pytest.mark.system

SOON = 240.0
BEAMLINE = """
name: Somebody's beamline
simulate: true
motors:
  th: {prefix: "STEER:th", units: deg}
detector: {prefix: "STEER:det:", image: "STEER:det:Pva1:Image"}
scans:
  - plan: rocking
    name: rocking
    title: Rocking curve
    axis: th
    parameters:
      centre: {units: deg, value: 0.22, low: -0.5, high: 1.0, largest_step: 0.5}
      range: {units: deg, value: 1.0, low: 0.01, high: 1.5, largest_step: 1.0}
      step: {units: deg, value: 0.005, low: 0.0005, high: 0.1, largest_step: 0.05}
      exposure: {units: s, value: 0.25, low: 0.01, high: 5.0, largest_step: 2.0}
"""


@pytest.fixture
def place(tmp_path):
    made = Workspace(tmp_path / "workspace")
    yield made
    processes = of_workspace(made)
    stop_service(made)
    left = left_behind(processes)
    assert not left, left


def steering(*words, place, **more):
    command = [sys.executable, "-m", "steering.cli", *words, "--workspace", str(place.directory)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def until(condition, what, seconds=SOON):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.05)
    return found


def status(place):
    service = find_service(place)
    if service is None:
        return {}
    headers = {"Authorization": f"Bearer {service['token']}"}
    # Plain HTTP. To load certificates takes longer than the question, which is asked twenty times a second.
    return httpx.get(f"{service['url']}/status", headers=headers, trust_env=False, verify=False, timeout=240).json()


def end(process, way):
    match way:
        case "closed pipe":
            # As when a pager or an SSH connection goes: it hears of it when it says the next thing.
            process.stdout.close()
            process.stderr.close()
            process.terminate()
        case _:
            process.send_signal(way)


@pytest.mark.parametrize("way", [rare(signal.SIGTERM), signal.SIGKILL, rare("closed pipe")])
def test_a_run_that_is_ended_leaves_nothing(place, way):
    process = steering("run", "rocking", "--speed", "1", place=place)
    until(lambda: status(place).get("points_done"), "a point")
    processes = [one for one in of_workspace(place) if one.pid != process.pid]
    assert len(processes) >= 4
    end(process, way)
    process.wait(300)
    assert not left_behind(processes)


MOMENTS = {
    "its processes begin": lambda place: list(place.run.glob("*.starting")),
    "the service is there": find_service,
    "its compute is there": lambda place: list(place.directory.glob("compute/*/scheduler.json")),
    "it is idle": lambda place: status(place).get("state") == "idle",
}


@pytest.mark.parametrize(
    "moment", some(MOMENTS, lambda moment: moment in ("the service is there", "its compute is there"))
)
def test_ctrl_c_while_it_opens_says_one_word(place, moment):
    process = steering("run", "rocking", place=place)
    until(lambda: MOMENTS[moment](place) or process.poll() is not None, moment)
    processes = [one for one in of_workspace(place) if one.pid != process.pid]
    process.send_signal(signal.SIGINT)
    said, complaint = process.communicate(timeout=240)
    assert (process.returncode, said, complaint) == (130, "", "Stopped.\n")
    assert not left_behind(processes)


@pytest.mark.parametrize(("way", "technique"), [rare(signal.SIGHUP, "xpcs"), (signal.SIGKILL, "")])
def test_a_lab_that_is_ended_leaves_nothing(place, way, technique):
    process = steering("lab", "--no-browser", *(["--technique", technique] if technique else []), place=place)
    for line in process.stdout:
        if "http://" in line:
            break
    # The address opens the technique's own notebook, and its own beamline is behind it.
    assert (TECHNIQUES[technique].notebook if technique else FIRST) in line
    wanted = read_description(Path(TECHNIQUES[technique].beamline)).name if technique else "Simulated APS beamline"
    until(lambda: status(place).get("beamline") == wanted, f"the beamline {wanted}")
    processes = [one for one in of_workspace(place) if one.pid != process.pid]
    assert len(processes) >= 6
    end(process, way)
    process.wait(300)
    assert not left_behind(processes)


@pytest.mark.parametrize("way", [signal.SIGHUP, rare(signal.SIGKILL)])
def test_a_service_that_is_ended_leaves_nothing(place, way):
    process = steering("serve", place=place)
    until(lambda: status(place).get("state") == "idle", "an idle service")
    processes = [one for one in of_workspace(place) if one.pid != process.pid]
    assert processes
    end(process, way)
    _, complaint = process.communicate(timeout=300)
    assert not left_behind(processes)
    # What ends first is not complained of by what ends after it.
    assert "CA.Client" not in complaint
    assert "Traceback" not in complaint


def test_what_ignores_a_closed_terminal_goes_on():
    code = (
        "from steering.commands.ending import end_like_ctrl_c; import signal; end_like_ctrl_c(); signal.raise_signal(1)"
    )
    done = subprocess.run(["nohup", sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == 0


def test_nothing_is_started_on_a_beamline_that_somebody_serves_and_it_goes_on(place, tmp_path):
    file = tmp_path / "beamline.yaml"
    file.write_text(BEAMLINE)
    serve = steering("serve", "--beamline", str(file), place=place)
    until(lambda: status(place).get("state") == "idle", "an idle service")
    lab = steering("lab", "--no-browser", place=place)
    said = ""
    for line in lab.stdout:
        said += line
        if found := re.search(r"(http://[^/]+)/\S+token=(\S+)", line):
            break
    assert "A service of Somebody's beamline runs in this workspace already" in said
    headers = {"Authorization": f"token {found[2]}"}
    assert httpx.get(f"{found[1]}/api/kernels", headers=headers, trust_env=False).json() == []
    lab.send_signal(signal.SIGINT)
    lab.wait(300)
    assert status(place)["state"] == "idle"
    assert status(place)["run"] == ""
    run = steering("run", "rocking", "--speed", "20", "--set", "step=0.1", place=place)
    out, _ = run.communicate(timeout=240)
    assert "success, 11 points" in out
    assert status(place)["state"] == "idle"
    serve.send_signal(signal.SIGINT)
    serve.wait(300)


def test_an_ended_run_ends_its_scan_on_a_service_that_goes_on(place):
    serve = steering("serve", "--speed", "1", place=place)
    until(lambda: status(place).get("state") == "idle", "an idle service")
    run = steering("run", "rocking", place=place)
    until(lambda: status(place).get("points_done"), "a point")
    run.terminate()
    run.wait(300)
    ended = status(place)
    assert ended["state"] == "idle"
    assert psutil.pid_exists(serve.pid)
    serve.terminate()
    serve.wait(300)


def test_a_pipe_that_nobody_reads_is_no_traceback(tmp_path):
    command = (
        f"{sys.executable} -m steering.cli check --json --workspace {tmp_path} | head -c 1; exit ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True, env={**os.environ})
    assert "Traceback" not in done.stderr
