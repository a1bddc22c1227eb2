"""Tutorials as a person runs them: from the first cell to the last."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.processes import left_behind, of_workspace

_NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def executed(name, ending, workspace, monkeypatch):
    """Run a notebook in a workspace, and a cell after it; return all that was printed, and what that cell printed."""
    monkeypatch.setenv("STEERING_HOME", str(workspace.directory))
    notebook = nbformat.read(_NOTEBOOKS / name, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(ending))
    # What it writes beside itself belongs into the workspace.
    workspace.directory.mkdir(parents=True, exist_ok=True)
    resources = {"metadata": {"path": str(workspace.directory)}}
    NotebookClient(notebook, timeout=180, kernel_name="python3", resources=resources).execute()
    printed = ["".join(out.get("text", "") for out in cell.get("outputs", ())) for cell in notebook.cells]
    assert not left_behind(of_workspace(workspace))
    return "\n".join(printed), printed[-1]
