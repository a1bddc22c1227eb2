import os
import select
import sys
import threading
import time

import psutil
import pytest

from steering.core.errors import SteeringError
from steering.machine.daemon import Daemon
from steering.machine.identity import identity, mine
from steering.machine.secret_file import read_secret, write_secret

pytestmark = pytest.mark.system

_MODULE = """
import signal, sys, threading
from pathlib import Path
from steering.machine.identity import identity
from steering.machine.secret_file import read_secret, write_secret
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
write_secret(Path(sys.argv[1]), identity())
stop.wait()
Path(sys.argv[1]).unlink()
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "made_daemon.py").write_text(_MODULE)
    (tmp_path / "made_failure.py").write_text("raise SystemExit('no beam today')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def test_two_callers_at_once_start_one_process_and_stop_ends_it(module):
    file = module / "run" / "it.json"
    daemon = Daemon(file, "made_daemon", [str(file)], "It")
    found = []
    callers = [threading.Thread(target=lambda: found.append(daemon.ensure())) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len({entry["pid"] for entry in found}) == 1
    daemon.stop()
    assert not psutil.pid_exists(found[0]["pid"])
    assert daemon.connection() is None
    daemon.stop()


def test_a_child_of_ours_that_ends_just_when_it_is_looked_at_is_collected(module, monkeypatch):
    """Between any two looks at it a process may end: it must not stay behind as a zombie of ours."""
    file = module / "run" / "it.json"
    daemon = Daemon(file, "made_daemon", [str(file)], "It")
    number = daemon.ensure()["pid"]
    look, kill = psutil.Process.status, os.kill

    def ends_first(process):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        return look(process)

    def told(process, number):
        kill(process, number)
        monkeypatch.setattr(psutil.Process, "status", ends_first)

    monkeypatch.setattr(os, "kill", told)
    daemon.stop()
    assert not psutil.pid_exists(number)


def test_one_that_is_ending_is_waited_for_and_another_started(module):
    slow = _MODULE.replace("stop.wait()", "stop.wait()\nleave(Path(sys.argv[1]))\nimport time; time.sleep(2.0)")
    (module / "made_leaving.py").write_text(slow.replace("import identity", "import identity, leave"))
    file = module / "run" / "it.json"
    daemon = Daemon(file, "made_leaving", [str(file)], "It")
    first = psutil.Process(daemon.ensure()["pid"])
    first.terminate()
    deadline = time.monotonic() + 20
    while not (read_secret(file) or {}).get("ending"):
        assert time.monotonic() < deadline
    assert daemon.connection() is None
    assert daemon.present()["pid"] == first.pid
    second = daemon.ensure()["pid"]
    assert second != first.pid
    assert not first.is_running() or first.status() == psutil.STATUS_ZOMBIE
    # Stopping waits for one that is ending already.
    psutil.Process(second).terminate()
    daemon.stop()
    assert not psutil.pid_exists(second)
    assert not file.exists()


def test_one_that_is_just_being_started_is_ended_too(module):
    (module / "made_slowly.py").write_text("import time\ntime.sleep(1.0)\n" + _MODULE)
    file = module / "run" / "it.json"
    daemon = Daemon(file, "made_slowly", [str(file)], "It")
    found = []
    starter = threading.Thread(target=lambda: found.append(daemon.ensure()))
    starter.start()
    while not daemon.log.exists():
        pass
    daemon.stop()
    starter.join()
    assert not psutil.pid_exists(found[0]["pid"])
    assert daemon.connection() is None


def test_a_process_that_was_killed_is_noticed_and_replaced(module):
    file = module / "run" / "it.json"
    daemon = Daemon(file, "made_daemon", [str(file)], "It")
    first = daemon.ensure()
    process = psutil.Process(first["pid"])
    process.kill()
    process.wait()
    assert daemon.connection() is None
    assert daemon.ensure()["pid"] != first["pid"]
    daemon.stop()


def test_a_process_that_fails_says_why(module):
    file = module / "run" / "it.json"
    with pytest.raises(SteeringError, match="no beam today"):
        Daemon(file, "made_failure", [], "It").ensure()


def test_a_lifeline_ends_a_child_whose_parent_was_killed(tmp_path):
    child = tmp_path / "child.py"
    child.write_text(
        "import time\nfrom steering.machine.lifeline import hold_lifeline\nhold_lifeline()\ntime.sleep(600)\n"
    )
    parent = tmp_path / "parent.py"
    parent.write_text(
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, {str(child)!r}], stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\ntime.sleep(600)\n"
    )
    with psutil.Popen([sys.executable, str(parent)], stdout=-1, text=True) as process:
        number = int(process.stdout.readline())
        # Readable once the process has ended, whoever is to reap it.
        orphan = os.pidfd_open(number)
        process.kill()
        ended, _, _ = select.select([orphan], [], [], 20)
    os.close(orphan)
    assert ended, "the child outlived its parent"


def test_one_on_another_host_that_shows_that_it_lives_is_the_one_and_is_stopped_there(module):
    file = module / "run" / "it.json"
    file.parent.mkdir()
    write_secret(file, {"pid": os.getpid(), "started": 0.0, "machine": "login-2"})
    daemon = Daemon(file, "made_daemon", [str(file)], "It", abroad=True)
    assert daemon.ensure()["machine"] == "login-2"
    with pytest.raises(SteeringError, match=r"It runs on login-2\. Stop it there"):
        daemon.stop()
    # One that is bound to its own host is none here.
    assert Daemon(file, "made_daemon", [str(file)], "It").connection() is None
    # Its host was rebooted.
    os.utime(file, (0, time.time() - 200.0))
    assert daemon.connection() is None
    assert daemon.ensure()["pid"] != os.getpid()
    daemon.stop()


def test_a_file_that_another_has_written_is_not_mine(tmp_path):
    file = tmp_path / "it.json"
    assert mine(file)
    write_secret(file, identity())
    assert mine(file)
    write_secret(file, identity() | {"machine": "login-2"})
    assert not mine(file)
    write_secret(file, identity() | {"pid": 1})
    assert not mine(file)
