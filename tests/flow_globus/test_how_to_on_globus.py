"""The flow and each command of "On Globus", as the page has them, on the facility that an endpoint has by itself."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow_globus.places import There
from tests.flow_runner.workspaces import UID, measured
from tests.flows.beamline import BEAMLINE

pytestmark = pytest.mark.system

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "automate-an-experiment.md"
SECTION = PAGE.read_text().partition("## On Globus\n")[2]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = 'set -eu; steering() { "$PYTHON" -m steering.cli "$@"; }; '


@pytest.fixture
def there(workspace, tmp_path, monkeypatch):
    measured(workspace)
    made = There(tmp_path / "there", workspace)
    with made.double:
        for name, value in {**made.double.environment(), "STEERING_HOME": str(workspace.directory)}.items():
            monkeypatch.setenv(name, value)
        yield made
        stop = [sys.executable, "-m", "steering.cli", "compute", "stop", "local"]
        subprocess.run(stop, check=True, capture_output=True, timeout=60)


def test_each_command_of_the_page_works_with_its_flow(there, tmp_path):
    blocks = [match.groups() for match in FENCE.finditer(SECTION)]
    flow = next(text for language, text in blocks if language == "yaml")
    flow = flow.replace("compute_folder: /eagle", f"compute_folder: {there.eagle.folder}")
    (tmp_path / "beamline.yaml").write_text(BEAMLINE + flow)
    commands = next(text for language, text in blocks if language == "console").splitlines()
    assert len(commands) > 4
    said = {}
    for line in commands:
        done = subprocess.run(
            ["bash", "-c", SHELL + line.replace("3fa2b1c4", UID[:8])],
            env={**os.environ, "PYTHON": sys.executable}, cwd=tmp_path, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), f"{line}: {done.stdout}"
        said[line] = done.stdout
    state = json.loads(next(text for line, text in said.items() if line.endswith("--json")))
    assert [one["status"] for one in state["steps"]] == ["done"] * 4
    assert "    whole: " in said["steering flow status keep-3fa2b1c4"]
    assert list((there.experiment.folder / "GUP-1" / "WSe2-flake" / UID[:8] / "results").iterdir())
