"""The tutorial of ptychography runs from its first cell to its last, and what it says is true."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.processes import left_behind, of_workspace

HERE = Path(__file__).resolve().parents[2]
# What it says of files is true as well: the probe that was exported is the one that was found.
ENDING = """
import numpy as np
from steering.ptychography.cxi import probe_of, read_probe

uid = session.record[0].uid
print(session.exit_status(uid))
result = session.results["ptychography"]
file = session.past.export_result(result, "nexus")
assert np.array_equal(read_probe(file), probe_of(result.outcome.data))
session.shutdown()
"""


@pytest.mark.system
@pytest.mark.timeout(300)
def test_it_steers_a_scan_on_what_its_object_says(workspace, monkeypatch):
    monkeypatch.setenv("STEERING_HOME", str(workspace.directory))
    notebook = nbformat.read(HERE / "notebooks" / "04-see-an-object-with-ptychography.ipynb", as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(ENDING))
    NotebookClient(notebook, timeout=180, kernel_name="python3").execute()
    printed = ["".join(out.get("text", "") for out in cell.get("outputs", ())) for cell in notebook.cells]
    said = "\n".join(printed)
    # Both the step and the end of the scan were accepted while it ran.
    assert said.count("accepted") == 2, said
    assert "success" in printed[-1]
    assert float(re.search(r"overlap by (\d+) %", said).group(1)) < 30
    assert float(re.search(r"changes by ([\d.]+) rad", said).group(1)) == pytest.approx(0.8, abs=0.15)
    assert float(re.search(r"beam +([\d.]+)", said).group(1)) == pytest.approx(0.449, abs=0.02)
    assert not left_behind(of_workspace(workspace))
