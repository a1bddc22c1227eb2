"""The launcher keeps tiny pretend workers alive, and ends them."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

pytestmark = pytest.mark.system

# Stands in for steering.cluster.workers: its workers write who they are, then do what the test told them.
WORKERS = """
import json, os, signal, sys, time
from pathlib import Path
from steering.cluster.workers import Workers
folder = Path(os.environ["FAKE"])

def work(arguments):
    name = arguments[arguments.index("--name") + 1]
    (folder / f"{name}.{os.getpid()}").write_text(json.dumps([*arguments, os.environ.get("MASK", "")]))
    code = (folder / "code").read_text() if (folder / "code").exists() else ""
    if code:
        return int(code)
    signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.2), (folder / f"{name}.retired").touch(), sys.exit(0)))
    (folder / f"{name}.{os.getpid()}.ready").touch()
    os.read(0, 1)

(folder / f"fork_server.{os.getpid()}").touch()
sys.exit(Workers(work).serve())
"""
# Runs the launcher with that stand-in.
LAUNCH = """
import sys
from steering.cluster import launcher
launcher._FORK_SERVER = [sys.executable, sys.argv[1]]
sys.exit(launcher.main(sys.argv[2:]))
"""


@pytest.fixture
def launch(tmp_path):
    """Start a launcher; what it started ends with the test."""
    (tmp_path / "workers.py").write_text(WORKERS)
    (tmp_path / "launch.py").write_text(LAUNCH)
    started = []

    def start(*arguments, code=""):
        if code:
            (tmp_path / "code").write_text(code)
        process = psutil.Popen(
            [sys.executable, str(tmp_path / "launch.py"), str(tmp_path / "workers.py"), "x.json", "--name", "job",
             *arguments],
            env=os.environ | {"FAKE": str(tmp_path)}, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        # Closed, its standard input ends the workers whatever happened to the launcher.
        children = process.children(recursive=True) if process.is_running() else []
        for one in (process, *children):
            if one.is_running():
                one.kill()
        process.communicate(timeout=10)


def wait(condition, what):
    deadline = time.monotonic() + 20.0
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within 20 s: {what}"
        time.sleep(0.02)


def births(folder, name):
    return [file for file in folder.glob(f"{name}.*") if file.suffix[1:].isdigit()]


def ready(folder, count):
    return wait(lambda: len(list(folder.glob("*.ready"))) >= count, f"{count} workers")


def test_each_worker_has_its_name_mask_and_cores(launch, tmp_path):
    launch("--workers-per-node", "2", "--mask", "MASK", "--masks", "7,9", "--cores", "1-2:3-4", "--rank", "1",
           "--nodes", "2")  # fmt: skip
    ready(tmp_path, 2)
    said = {}
    for name in ("job-2", "job-3"):
        (file,) = births(tmp_path, name)
        arguments = json.loads(file.read_text())
        said[name] = (arguments[-1], arguments[arguments.index("--cores") + 1])
    assert said == {"job-2": ("7", "1-2"), "job-3": ("9", "3-4")}


def test_a_killed_worker_comes_back_and_the_others_stay(launch, tmp_path):
    launch("--workers-per-node", "2")
    ready(tmp_path, 2)
    (first,), (second,) = births(tmp_path, "job-0"), births(tmp_path, "job-1")
    os.kill(int(first.suffix[1:]), signal.SIGKILL)
    wait(lambda: len(births(tmp_path, "job-0")) == 2, "another job-0")
    assert births(tmp_path, "job-1") == [second]


def test_with_the_process_that_they_came_from_the_workers_end_and_others_take_their_places(launch, tmp_path):
    launch("--workers-per-node", "2")
    ready(tmp_path, 2)
    before = [psutil.Process(int(births(tmp_path, name)[0].suffix[1:])) for name in ("job-0", "job-1")]
    (fork_server,) = births(tmp_path, "fork_server")
    os.kill(int(fork_server.suffix[1:]), signal.SIGKILL)
    for name in ("job-0", "job-1"):
        wait(lambda name=name: len(births(tmp_path, name)) == 2, f"another {name}")
    assert psutil.wait_procs(before, 10)[1] == []
    assert len(births(tmp_path, "fork_server")) == 2


def test_with_the_launcher_everything_ends(launch, tmp_path):
    process = launch("--workers-per-node", "2")
    ready(tmp_path, 2)
    family = process.children(recursive=True)
    assert len(family) == 3
    process.kill()
    assert psutil.wait_procs(family, 10)[1] == []


def test_sigterm_lets_workers_retire_and_the_end_is_clean(launch, tmp_path):
    process = launch("--workers-per-node", "2")
    ready(tmp_path, 2)
    process.terminate()
    assert process.wait(15) == 0
    assert {file.name for file in tmp_path.glob("*.retired")} == {"job-0.retired", "job-1.retired"}
    assert len(births(tmp_path, "job-0")) == 1, "a worker that retired was started again"


def test_a_single_worker_that_is_told_to_leave_is_started_again(launch, tmp_path):
    process = launch("--workers-per-node", "2")
    ready(tmp_path, 2)
    (first,) = births(tmp_path, "job-0")
    os.kill(int(first.suffix[1:]), signal.SIGTERM)
    wait(lambda: len(births(tmp_path, "job-0")) == 2, "a second start")
    ready(tmp_path, 3)
    assert process.is_running()
    assert len(births(tmp_path, "job-1")) == 1


def test_a_worker_whose_lifetime_is_over_is_not_started_again(launch, tmp_path):
    process = launch("--workers-per-node", "2", "--lifetime", "0.5")
    ready(tmp_path, 2)
    time.sleep(0.6)  # their lifetime
    for name in ("job-0", "job-1"):
        (born,) = births(tmp_path, name)
        os.kill(int(born.suffix[1:]), signal.SIGTERM)
    assert process.wait(15) == 0
    assert [len(births(tmp_path, name)) for name in ("job-0", "job-1")] == [1, 1]


def test_a_worker_that_fails_at_once_is_tried_three_times(launch, tmp_path):
    process = launch(code="3")
    assert process.wait(20) == 3
    assert len(births(tmp_path, "job-0")) == 3
    assert "A worker ended 3 times in a row with exit code 3; given up." in process.stderr.read()


def test_a_worker_that_finds_no_scheduler_ends_the_job_with_the_cause(launch, tmp_path):
    process = launch("--workers-per-node", "2", code="69")
    assert process.wait(20) == 69
    assert "No scheduler answered on " in process.stderr.read()


def test_a_worker_that_lost_its_scheduler_is_started_again_for_as_long_as_it_takes(launch, tmp_path):
    launch(code="75")
    wait(lambda: len(births(tmp_path, "job-0")) >= 5, "five starts")
    (tmp_path / "code").unlink()
    ready(tmp_path, 1)


def test_workers_that_have_all_retired_end_the_job_well(launch):
    assert launch("--workers-per-node", "2", code="0").wait(20) == 0


def test_a_missing_interface_ends_at_once_with_those_that_there_are(launch, tmp_path):
    process = launch("--interface", "hsn7")
    assert process.wait(20) == 1
    assert "has no network interface 'hsn7'; it has lo" in process.stderr.read()
    assert not births(tmp_path, "job-0")


def test_several_nodes_without_fan_out_are_told(launch):
    process = launch("--nodes", "2")
    assert process.wait(20) == 1
    assert "needs fan_out" in process.stderr.read()
