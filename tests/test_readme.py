"""The README's commands, run as it writes them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import left_behind, of_workspace

HERE = Path(__file__).resolve().parents[1]
README = (HERE / "README.md").read_text(encoding="utf-8")


def run(command, tmp_path, *more):
    assert f"\n{command}\n" in README, f"the README does not say {command}"
    # This environment is the one that ./steer has made for these tests; a home of its own keeps the user's as it is.
    environment = {**os.environ, "STEERING_ENVIRONMENT": sys.prefix, "STEERING_HOME": str(tmp_path)}
    return subprocess.run(
        [*command.split(), *more], cwd=HERE, env=environment, capture_output=True, text=True, timeout=400, check=False
    )


@pytest.mark.system
def test_check_says_what_is_ready(tmp_path):
    done = run("./steer check", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT READY" not in done.stdout


@pytest.mark.system
def test_a_map_without_jupyter_prints_json_takes_a_steering_file_and_leaves_nothing(tmp_path, workspace):
    steps = [
        {"after_points": 3, "action": {"kind": "set", "parameter": "exposure", "value": 99}},
        {"after_points": 3, "action": {"kind": "set", "parameter": "exposure", "value": 0.5}},
    ]
    steer = tmp_path / "steer.json"
    steer.write_text(json.dumps({"steps": steps, "agents": {"recentre": "suggest"}}))
    more = ["--speed", "20", "--set", "step=10", "--steer", str(steer), "--workspace", str(workspace.directory)]
    done = run("./steer run map --json", tmp_path, *more)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["status"] == "success"
    assert report["points"] == report["frames"] == 24
    assert report["features"]["points"]["value"] == 24
    assert report["features"]["points"].keys() == {"value", "uncertainty", "units"}
    assert [ruling["verdict"] for ruling in report["rulings"]] == ["refused", "accepted"]
    for name in ("photon_to_feature", "proposal_to_applied"):
        assert report["latency_ms"][name]["p50"] <= report["latency_ms"][name]["p99"]
    assert not left_behind(of_workspace(workspace))


@pytest.mark.system
def test_a_rocking_scan_is_steered_by_an_agent(tmp_path):
    done = run("./steer run rocking --agent recentre=automatic", tmp_path, "--speed", "20")
    assert done.returncode == 0, done.stderr
    assert "accepted: recentre for " in done.stdout
    assert "peak " in done.stdout


def test_the_first_picture_is_a_real_screenshot():
    picture = (HERE / "docs" / "images" / "dashboard.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert "docs/images/dashboard.png" in README
