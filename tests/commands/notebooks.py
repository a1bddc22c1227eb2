"""Tutorials as a person runs them: from the first cell to the last."""

import os
import re
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.memory import Memory
from tests.processes import left_behind, of_workspace

_NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
_FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What a page may ask for: the machine of a beginner, and his patience.
_MOST_BYTES, _CORES, _MOST_SECONDS = 2 << 30, 2, 180
_CORES_SEEN = "import os; print('cores', len(os.sched_getaffinity(0)))"
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
    own = [cell for cell in notebook.cells if cell.cell_type == "code"]
    notebook.cells += [nbformat.v4.new_code_cell(code) for code in (_CORES_SEEN, *more, ending)]
    # What it writes beside itself belongs into the workspace.
    workspace.directory.mkdir(parents=True, exist_ok=True)
    resources = {"metadata": {"path": str(workspace.directory)}}
    with two_cores(), Memory(workspace) as memory:
        NotebookClient(notebook, timeout=540, kernel_name="python3", resources=resources).execute()
    printed = ["".join(out.get("text", "") for out in cell.get("outputs", ())) for cell in notebook.cells]
    assert not left_behind(of_workspace(workspace))
    assert 0 < memory.peak < _MOST_BYTES
    assert int(re.search(r"^cores (\d+)$", "\n".join(printed), re.MULTILINE)[1]) <= _CORES
    # How long it took is printed, and says more of the machine: other tests run beside it. What it needs does not.
    print(f"{name}: {memory.peak / (1 << 20):.0f} MiB, {seconds_of(own):.0f} s, {memory.core_seconds:.0f} s of a core")
    assert 0 < memory.core_seconds < _CORES * _MOST_SECONDS, (
        f"{name} needs {memory.core_seconds:.0f} s of a core. A tutorial needs less than {_CORES * _MOST_SECONDS} s: "
        f"{_CORES} cores for {_MOST_SECONDS} s"
    )
    return "\n".join(printed), printed[-1]


@contextmanager
def two_cores():
    """Run what is started meanwhile on two of the cores that this process may use."""
    before = os.sched_getaffinity(0)
    cores = sorted(before)
    # Tests that run beside each other take different ones, where there are more.
    first = os.getpid() % len(cores)
    os.sched_setaffinity(0, (cores + cores)[first : first + _CORES])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def seconds_of(cells):
    """Add up for how long cells ran."""
    begun, ended = "iopub.execute_input", "shell.execute_reply"
    times = [cell.metadata["execution"] for cell in cells]
    when = datetime.fromisoformat
    return sum((when(one[ended]) - when(one[begun])).total_seconds() for one in times)
