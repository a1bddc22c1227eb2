"""The tutorial of Laue microdiffraction runs from its first cell to its last, and what it says is true."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.processes import left_behind, of_workspace

HERE = Path(__file__).resolve().parents[2]
ENDING = """
uid = session.record[0].uid
print(session.exit_status(uid), session.past.export(uid, "nexus").exists())
session.shutdown()
"""


@pytest.mark.system
@pytest.mark.timeout(300)
def test_an_agent_looks_finer_where_spots_belong_to_nobody(workspace, monkeypatch, tmp_path):
    monkeypatch.setenv("STEERING_HOME", str(workspace.directory))
    notebook = nbformat.read(HERE / "notebooks" / "05-map-grains-with-laue.ipynb", as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(ENDING))
    NotebookClient(
        notebook, timeout=180, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    printed = ["".join(out.get("text", "") for out in cell.get("outputs", ())) for cell in notebook.cells]
    said = "\n".join(printed)
    print(said)
    # The place holds the inclusion, whose middle is at (3, -2) um.
    place = re.search(
        r"region for \S+ asked for sy ([-.\d]+) to ([-.\d]+) um step 0.5; sx ([-.\d]+) to ([-.\d]+) um", said
    )
    low_y, high_y, low_x, high_x = map(float, place.groups())
    assert low_y <= -4.2 < 0.2 <= high_y, said
    assert low_x <= 0.8 < 5.2 <= high_x, said
    assert ": accepted." in said, said
    assert "1 grain was found there" in said, said
    before, after = (float(one) for one in re.findall(r"([\d.]+) \+- [\d.]+ % of all spots", said))
    assert before < 95
    assert after > 98
    rows = [tuple(map(float, one)) for one in re.findall(r"strain_xx +(-?\d+) \+- +(\d+) um/m, made +(\d+)", said)]
    assert len(rows) > 3
    assert all(abs(seen - made) < 5 * error for seen, error, made in rows), rows
    assert max(made for _, _, made in rows) > 1000
    assert int(re.search(r"is seen in (\d+) points", said).group(1)) > 40
    assert "success True" in printed[-1]
    assert not left_behind(of_workspace(workspace))
