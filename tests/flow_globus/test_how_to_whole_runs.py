"""All of "Have finished runs analysed there", as the page has it, against the double."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from steering.core.board import Board
from steering.flow_runner.desk import Flows
from steering.testing.globus import DoubleGlobus
from tests.flow_runner.workspaces import UID, installed, measured
from tests.flows.beamline import BEAMLINE

pytestmark = pytest.mark.system

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-globus.md"
SECTION = PAGE.read_text().partition("## Have finished runs analysed there\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
RUN = "3fa2b1c4"


@pytest.fixture
def double(workspace, tmp_path, monkeypatch):
    """The double; the page's facility stands for an endpoint of it, whose own one is in this process."""
    measured(workspace)
    with DoubleGlobus(time_scale=0.01) as made:
        given = {**made.environment(), **installed(tmp_path / "site"), "STEERING_HOME": str(tmp_path / "home")}
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        content = yaml.safe_load(next(text for language, text in BLOCKS if language == "yaml"))
        (section,) = content["steering"]["sites"].values()
        section |= {"endpoint": made.compute.endpoint("polaris").id, "facility": "inline"}
        section["directory"] = str(tmp_path / "eagle")
        # By the double's time, which is a hundredth.
        section["config"]["walltime"] = "48:00:00"
        (workspace.directory / "steering.yaml").write_text(yaml.safe_dump(content))
        yield made


def test_the_call_the_flow_and_the_command_of_the_page_work(double, workspace, tmp_path):
    flows = Flows(workspace, Board())
    (call,) = (text for language, text in BLOCKS if language == "ipython")
    ordered = eval(call.replace(RUN, UID[:8]), {"session": SimpleNamespace(flows=flows)})
    state = flows.wait(ordered, 120)
    assert (state.status, state.why) == ("succeeded", "")
    assert "fwhm" in flows.results(ordered)["rocking_curve"].outcome.features
    path = tmp_path / "beamline.yaml"
    path.write_text(BEAMLINE + [text for language, text in BLOCKS if language == "yaml"][1])
    (command,) = (line for language, text in BLOCKS if language == "console" for line in text.splitlines())
    for words in (["flow", "run", "again", "--run", UID[:8], "--beamline", str(path)], command.split()[1:]):
        done = subprocess.run(
            [sys.executable, "-m", "steering.cli", *words, "--workspace", str(workspace.directory)],
            env=dict(os.environ), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "polaris_batch" in done.stdout
