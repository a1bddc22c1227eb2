"""The flows and each command of "How to automate an experiment", in the order of the page, up to its part on Globus.

That part has a test of its own, against the double.
"""

import grp
import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from tests.flow_runner.workspaces import UID, measured
from tests.processes import left_behind, of_workspace

pytestmark = [pytest.mark.system, pytest.mark.whole]

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "automate-an-experiment.md"
TEXT = PAGE.read_text().partition("## On Globus\n")[0]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
SHELL = 'set -eu; steering() { "$PYTHON" -m steering.cli "$@"; }; '
RUN = "3fa2b1c4"


def beamline(data):
    """Write the simulated beamline's file with the page's flows that need no cluster, and its agent."""
    texts = [text for language, text in BLOCKS if language == "yaml"]
    flows = {name: one for text in texts for name, one in yaml.safe_load(text)["flows"].items() if name != "urgent"}
    (agent,) = re.findall(r"agents: \[(\{.*\})\]", "".join(texts))
    text = files("steering.beamline").joinpath("embedded.yaml").read_text().partition("flows:")[0]
    written = yaml.safe_dump({"flows": flows}).replace("/data/", f"{data}/")
    # Whoever runs this need not be in that group.
    written = written.replace("group: staff", f"group: {grp.getgrgid(os.getgid()).gr_name}")
    return text.replace("agents: [recentre]", f"agents: [{agent}]") + written


def test_each_command_of_the_page_works_with_its_flows(workspace, tmp_path):
    data = tmp_path / "data"
    measured(workspace)
    (tmp_path / "beamline.yaml").write_text(beamline(data))
    commands = [line for language, text in BLOCKS if language == "console" for line in text.splitlines()]
    assert len(commands) > 7
    said = {}

    def do(line):
        # Said as a person says it who stands in the folder above.
        line = line.replace(RUN, UID[:8]).replace("/data/beamline", os.path.relpath(workspace.directory, tmp_path))
        # A quarter of the points that a person would take.
        line += " --speed 20 --set step=0.02" if line.startswith("steering run ") else ""
        done = subprocess.run(
            ["bash", "-c", SHELL + line],
            env={**os.environ, "PYTHON": sys.executable, "STEERING_HOME": str(workspace.directory)},
            cwd=tmp_path, capture_output=True, text=True, timeout=400, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), f"{line}: {done.stdout}"
        return done.stdout

    for line in commands:
        if line == f"steering flow status keep-{RUN}":
            # The page has said that it starts by hand, or by itself at the end of the run.
            do(f"steering flow run keep --run {RUN} --beamline beamline.yaml")
        said[line] = do(line)
    assert "No flow has been ordered" in said["steering flow status"]
    assert f"keep-{UID[:8]}: succeeded" in said[f"steering flow status keep-{RUN}"]
    assert "There is nothing to resume." in said["steering flow resume"]
    once, twice = (json.loads(text) for line, text in said.items() if line.startswith("steering run "))
    assert once["flow"]["status"] == "succeeded"
    assert [one["flow"]["status"] for one in twice["scans"]] == ["succeeded"] * 2
    assert [one for one in twice["scans"][1]["rulings"] if one["who"].startswith("again")]
    assert (data / "store").is_dir()
    subprocess.run(
        [sys.executable, "-m", "steering.cli", "stop", "--workspace", str(workspace.directory)],
        capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    assert not left_behind(of_workspace(workspace))
