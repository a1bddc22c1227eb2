"""The process that a node's workers are forked from, with real workers that find no scheduler."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from steering.cluster.fork_server import ForkServer, Worker
from steering.cluster.launcher import NO_SCHEDULER
from steering.cluster.workers import Workers


@pytest.fixture(scope="module")
def fork_server():
    process = subprocess.Popen(
        [sys.executable, "-m", "steering.cluster.workers", "nowhere.json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.stdin.close()
    assert process.wait(20) == 0
    process.stdout.close()
    process.stderr.close()


def order(process, **content):
    process.stdin.write(json.dumps(content) + "\n")
    process.stdin.flush()


def start(process, number, tmp_path, *arguments):
    given = [str(tmp_path / "nowhere.json"), "--name", "w", "--death-timeout", "0.1", *arguments]
    order(process, start=number, arguments=given, environment={"MASK": "3"})


def test_it_forks_from_one_thread_and_tells_the_exit_codes(fork_server, tmp_path):
    start(fork_server, 5, tmp_path)
    assert json.loads(fork_server.stdout.readline()) == {"ended": 5, "code": NO_SCHEDULER}
    # All is loaded now, and nothing of it has started a thread, of which a fork would keep the locks.
    assert len(list(Path(f"/proc/{fork_server.pid}/task").iterdir())) == 1


def test_a_worker_that_cannot_even_begin_says_why(fork_server, tmp_path):
    start(fork_server, 0, tmp_path, "--cores", "9999")
    assert json.loads(fork_server.stdout.readline()) == {"ended": 0, "code": 1}
    assert "This node has no cores 9999" in fork_server.stderr.readline()


def test_a_signal_reaches_the_worker_alone_and_one_for_a_worker_that_has_ended_nobody(fork_server, tmp_path):
    start(fork_server, 0, tmp_path, "--death-timeout", "60")
    order(fork_server, to=0, signal=9)
    assert json.loads(fork_server.stdout.readline()) == {"ended": 0, "code": -9}
    order(fork_server, to=0, signal=9)
    # The batch system's word to everybody is the launcher's to pass on.
    os.kill(fork_server.pid, 15)
    start(fork_server, 1, tmp_path)
    assert json.loads(fork_server.stdout.readline()) == {"ended": 1, "code": NO_SCHEDULER}


def test_a_worker_for_which_there_is_no_process_costs_no_other_and_is_said_once(monkeypatch, capsys):
    def refused():
        raise OSError(11, "Resource temporarily unavailable")

    workers = Workers.__new__(Workers)
    read, workers._news = os.pipe()
    workers._living, workers._pids, workers._forks = {7: (1, 0)}, {1: 7}, True
    monkeypatch.setattr(os, "fork", refused)
    opened = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(2):
        workers._fork({"start": 3, "arguments": [], "environment": {}})
        # As one that was killed: the launcher starts it again.
        assert json.loads(os.read(read, 999)) == {"ended": 3, "code": -9}
    assert len(list(Path("/proc/self/fd").iterdir())) == opened
    assert workers._pids == {1: 7}
    assert capsys.readouterr().err.count("A worker cannot be started now") == 1
    os.close(read)
    os.close(workers._news)


def test_a_node_that_has_no_room_for_a_process_tries_again(monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    served = ForkServer([sys.executable, "-c", "input()"])
    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "Popen", full)
        worker = Worker(served, 3, (), {})
        assert worker.look() == os.EX_OSERR
    assert capsys.readouterr().err == "No worker could be started: Resource temporarily unavailable.\n"
    worker.start()
    assert worker.look() is None
    served.close()
