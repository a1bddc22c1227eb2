"""Tutorials as a person runs them: from the first cell to the last."""

import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.memory import Memory
from tests.processes import left_behind, of_workspace

_NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
_FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What a page may ask for: the machine of a beginner.
_MOST_BYTES = 2 << 30
# The record has the last results some moments after the run.
_KEPT = """
import time

_deadline = time.monotonic() + 60
while session.record and set(session.results) - set(session.record[0].results.labels) and time.monotonic() < _deadline:
    time.sleep(0.1)
"""


def executed(name, ending, workspace, monkeypatch):
    """Run a notebook in a workspace, the code between its texts, and a cell after it.

    Returns:
        All that was printed, and what that cell printed.
    """
    monkeypatch.setenv("STEERING_HOME", str(workspace.directory))
    notebook = nbformat.read(_NOTEBOOKS / name, as_version=4)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    shown = [code for text in texts for code in _FENCE.findall(text)]
    more = [_KEPT, *shown] if shown else []
    notebook.cells += [nbformat.v4.new_code_cell(code) for code in (*more, ending)]
    # What it writes beside itself belongs into the workspace.
    workspace.directory.mkdir(parents=True, exist_ok=True)
    resources = {"metadata": {"path": str(workspace.directory)}}
    with Memory(workspace) as memory:
        NotebookClient(notebook, timeout=180, kernel_name="python3", resources=resources).execute()
    printed = ["".join(out.get("text", "") for out in cell.get("outputs", ())) for cell in notebook.cells]
    assert not left_behind(of_workspace(workspace))
    assert 0 < memory.peak < _MOST_BYTES
    print(f"{name}: {memory.peak / (1 << 20):.0f} MiB")
    return "\n".join(printed), printed[-1]
