"""The command line as a user has it: real processes, and none of them left."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import psutil
import pytest

from steering.beamline.embedded import find_service
from tests.processes import left_behind, of_workspace

pytestmark = pytest.mark.system

STEERING = [sys.executable, "-m", "steering.cli"]


@contextmanager
def running(*arguments):
    """Run a command; end it if the test fails meanwhile."""
    with subprocess.Popen([*STEERING, *arguments], stdout=-1, stderr=-1, text=True) as process:
        try:
            yield process
        except BaseException:
            process.terminate()
            raise


# What is loaded tells so, by a module of its name that stands before it.
_TELLS = """
from pathlib import Path
with Path(__file__).with_name("loaded").open("a") as file:
    file.write(f"{__name__}\\n")
raise ImportError(f"{__name__} is not needed here")
"""


@pytest.fixture
def needless(tmp_path, monkeypatch):
    """A file that names what was loaded of that which costs each process a second or more of a core, to no use."""
    for name in ("rfc3987_syntax", "ophyd", "jupyter_server_proxy"):
        (tmp_path / f"{name}.py").write_text(_TELLS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "loaded"


def test_ctrl_c_in_the_middle_of_a_scan_ends_everything_and_nothing_needless_was_loaded(workspace, needless):
    with running("run", "rocking", "--workspace", str(workspace.directory)) as process:
        wait_for(lambda: list(workspace.journal.glob("*.jsonl")), process)
        processes = of_workspace(workspace)
        assert len(processes) >= 5
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=240)
    assert (process.returncode, complaint) == (130, "Stopped.\n")
    assert not left_behind(processes)
    assert not needless.exists(), needless.read_text()


def test_killing_the_service_leaves_no_simulation_and_no_record(workspace):
    with running("serve", "--workspace", str(workspace.directory), "--speed", "20") as process:
        wait_for(lambda: find_service(workspace), process)
        processes = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        # Itself, the simulated beamline and the record, which runs a helper while it makes its catalogue.
        assert len(processes) >= 3
        again = [*STEERING, "serve", "--workspace", str(workspace.directory)]
        second = subprocess.run(again, capture_output=True, text=True, timeout=240, check=False)
        assert second.returncode == 1
        assert "A beamline service runs, or is starting" in second.stderr
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=240)
    assert not left_behind(processes[1:])
    assert find_service(workspace) is None


def test_compute_is_started_looked_at_and_stopped_and_check_says_so(workspace):
    place = ["--workspace", str(workspace.directory)]

    def ask(*arguments):
        return subprocess.run([*STEERING, *arguments, *place], capture_output=True, text=True, timeout=240, check=False)

    assert "stopped" in ask("compute", "status", "local").stdout
    assert "local: running, 2 workers" in ask("compute", "start", "local").stdout
    found = {entry["what"]: entry for entry in json.loads(ask("check", "--json").stdout)}
    assert found["facility local"]["detail"] == "running, 2 workers."
    assert all(entry["ready"] for entry in found.values())
    processes = of_workspace(workspace)
    assert ask("compute", "stop", "local").returncode == 0
    assert not left_behind(processes)


def wait_for(condition, process, timeout=240.0):
    """Wait until a condition holds while a process lives."""
    pause = threading.Event()
    for _ in range(int(timeout / 0.1)):
        if condition():
            return
        if process.poll() is not None:
            pytest.fail(f"the command ended: {process.communicate()}")
        pause.wait(0.1)
    pytest.fail("the condition did not hold in time")
