"""The tutorial of flows runs from its first cell to its last, and what it says is true."""

import re

import pytest

from tests.commands.notebooks import executed

ENDING = """
print(len(list(session.workspace.directory.glob("experiment/*/*/results/*.nxs"))))
session.shutdown()
"""


@pytest.mark.system
@pytest.mark.timeout(700)
def test_runs_are_kept_and_the_next_scan_is_steered_on_what_was_found(workspace, monkeypatch):
    said, last = executed("06-automate-an-experiment.ipynb", ENDING, workspace, monkeypatch)
    assert "1. transfer: copy the run's files and its journal to store/{run.day}/{run.uid}" in said
    assert "4. distribute: copy raw and results to experiment/" in said
    # What Globus would be told has ten times as many lines as the rest, and is left out as the page says.
    assert "StartAt" not in said
    assert said.count("done, ") == 4, said
    assert ", flow keep-" in said
    moved = re.search(r"centre 0\.3 deg -> (0\.2\d+) deg, accepted", said)
    assert moved, said
    assert float(moved.group(1)) == pytest.approx(0.207, abs=0.02), said
    assert "They rest on rocking_curve@" in said
    assert "succeeded\nTrue" in said
    assert "2 decision(s) on the newest run, 2 files" in said
    assert last.startswith("2\n")
