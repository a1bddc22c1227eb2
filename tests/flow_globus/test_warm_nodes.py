"""A node that has loaded what functions need is one like any other: what runs there ends with it."""

import threading

import psutil
import pytest

from steering.flow_runner.orders import order
from steering.flow_steps.hold import VARIABLE
from steering.globus.compute import Compute, ComputeOrder, new_group
from steering.globus.login import Login
from steering.globus.payload import Source
from tests.flow_runner.workspaces import UID, flow, measured
from tests.processes import left_behind

pytestmark = pytest.mark.system

STAY = """
def stay(file):
    import os, pathlib, threading

    pathlib.Path(file).write_text(f"{os.getpid()} {os.environ['GIVEN']}\\n")
    threading.Event().wait()
"""


def test_a_function_has_the_environment_and_ends_with_its_node(there, workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("GIVEN", "now")
    file = tmp_path / "here"
    compute = Compute(Login(workspace))
    config = {"queue": "preemptable", "account": "aps"}
    function = compute.register(Source("stay", STAY))
    compute.submit(ComputeOrder(new_group(), there.endpoint.id, function, (str(file),), config=config))
    tick = threading.Event()
    while not (file.exists() and file.read_text().endswith("\n")):
        tick.wait(0.01)
    pid, given = file.read_text().split()
    assert given == "now"
    process = psutil.Process(int(pid))
    assert there.double.compute.preempt() == 1
    assert left_behind([process]) == []


def test_a_command_ends_with_its_code_or_with_who_started_it(forks, workspace, tmp_path):
    held = tmp_path / "held"
    measured(workspace)
    order(workspace, "keep", flow(), UID)
    resume = ("flow", "resume", f"keep-{UID[:8]}", "--workspace", str(workspace.directory))
    assert forks.run(*resume[:2], "nothing", *resume[3:]).returncode == 1
    tick = threading.Event()
    with forks.start(*resume, **{VARIABLE: f"transfer.began={held}"}) as fork:
        while not held.exists():
            assert fork.runs, fork.said()
            tick.wait(0.01)
        process = psutil.Process(fork.pid)
    assert left_behind([process]) == []
