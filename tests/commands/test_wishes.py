"""What is mistyped on the command line is said at once, and nothing is started."""

import json
import subprocess
import sys

import pytest

from steering import cli
from steering.commands import wishes
from steering.core import registry
from steering.core.errors import SteeringError
from tests.processes import of_workspace

AGENTS = ", ".join(registry.names("agents"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "rockin"], "There is no scan 'rockin'. Allowed: rocking, map. Did you mean rocking?"),
        (
            ["run", "rocking", "--set", "exposre=1"],
            "no parameter 'exposre'. Allowed: centre, range,",
        ),
        (["run", "rocking", "--set", "exposure=99"], "exposure = 99 s is outside the limits. Allowed: 0.01 to 5 s."),
        (["run", "map", "--set", "step=nan"], "step = nan um is not a finite number. Allowed: 0.1 to 10 um."),
        (["run", "map", "--set", "step"], "--set step: no value is given. Write NAME=VALUE"),
        (["run", "map", "--set", "step=fine"], "step = 'fine' is not a number. Allowed: 0.1 to 10 um."),
        (["run", "map", "--agent", "recenter"], f"There is no agent 'recenter'. Allowed: {AGENTS}."),
        (
            ["run", "map", "--agent", "recentre=on"],
            "There is no mode 'on' of the agent recentre. Allowed: off,",
        ),
        (["run", "map", "--facility", "polari"], "There is no facility 'polari'. Allowed: aurora, local"),
        (["run", "map", "--speed", "0"], "--speed 0: not a number above 0."),
        (["run", "map", "--times", "0"], "--times 0: not a whole number above 0."),
        (["run", "map", "--times", "1.5"], "--times 1.5: not a whole number above 0."),
        (["run", "map", "--beamline", "none.yaml"], "The beamline description none.yaml cannot be read: No such file"),
        (["run", "map", "--timeout", "soon"], "--timeout soon: not a number above 0 s."),
        (["run", "map", "--steer", "none.json"], "The steering file none.json cannot be read: No such file"),
        (["lab", "--speed", "-1"], "--speed -1: not a number above 0."),
        (["serve", "--beamline", "none.yaml"], "The beamline description none.yaml cannot be read: No such file"),
        (["serve", "--speed", "0"], "--speed 0 must be above 0"),
    ],
)
def test_a_slip_is_said_and_nothing_is_started(workspace, words, said, capfd):
    assert cli.main([*words, "--workspace", str(workspace.directory)]) == 1
    assert said in capfd.readouterr().err
    assert not of_workspace(workspace)
    assert not list(workspace.directory.glob("*"))


def test_a_slip_in_a_steering_file_is_said_too(workspace, tmp_path, capfd):
    steer = tmp_path / "steer.json"
    steer.write_text(json.dumps({"steps": [], "agents": {"recentre": "sugest"}}))
    assert cli.main(["run", "map", "--steer", str(steer), "--workspace", str(workspace.directory)]) == 1
    assert "no mode 'sugest' of the agent recentre. Allowed: off, suggest, automatic. Did you" in capfd.readouterr().err


def test_the_names_are_those_of_the_service_that_runs(workspace, monkeypatch):
    monkeypatch.setattr(wishes, "find_service", lambda _: {"url": "http://127.0.0.1:1", "token": "t", "pid": 7})
    with pytest.raises(SteeringError, match=r"\(process 7\) does not answer at http://127.0.0.1:1"):
        wishes.scans_of(workspace)


def test_to_say_so_needs_no_large_library():
    code = (
        "import sys\nfrom steering import cli\ncli.main(['run', 'rockin'])\n"
        "print(sorted({'xarray', 'pandas', 'bluesky', 'dask', 'bokeh'} & set(sys.modules)))\n"
        "import steering_widgets\nfrom steering_widgets import Dashboard\n"
        "print(sorted({'xarray', 'pandas', 'bokeh'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[]", "[]"]


def test_a_beamline_file_is_checked_by_itself(tmp_path, capfd):
    file = tmp_path / "beamline.yaml"
    file.write_text("name: Ours\n")
    assert cli.main(["check", "--beamline", str(file)]) == 1
    out = capfd.readouterr().out
    assert "NOT READY  beamline" in out
    assert "line 1: The key 'motors' is missing." in out
