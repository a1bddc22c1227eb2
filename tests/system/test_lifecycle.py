"""A session from its opening to its end, whoever is interrupted, impatient, or does things in another order."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import steering
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.machine.daemon import Daemon
from tests.processes import left_behind, of_workspace
from tests.thorough import rare

pytestmark = pytest.mark.system


@pytest.fixture
def place(tmp_path):
    """A workspace of its own, of which nothing runs any more afterwards."""
    made = Workspace(tmp_path / "workspace")
    yield made
    left = left_behind(of_workspace(made))
    assert not left, left


def interrupt_after(seconds):
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


@pytest.mark.parametrize("moment", [rare(0.05), 2.0])
def test_a_cold_open_that_is_interrupted_is_heard_at_once_and_the_next_one_works(place, moment):
    interrupt_after(moment)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        steering.open(workspace=place, speed=20.0)
    heard = time.monotonic() - began - moment
    began = time.monotonic()
    session = steering.open(workspace=place, speed=20.0, record=False)
    # Seconds, not the half minute that a start may take; on a machine that is slow now, in less than that start takes.
    assert heard < max(15.0, time.monotonic() - began)
    try:
        session.start("rocking", step=0.1)
        session.wait(300)
        assert session.board.result.value.provenance.frames == 11
    finally:
        session.shutdown()


def test_what_a_killed_process_had_begun_to_start_is_not_in_the_way(place):
    code = (
        "import os, threading, steering; from pathlib import Path; from steering.core.workspace import Workspace\n"
        f"place = Workspace(Path({str(place.directory)!r}))\n"
        "def look():\n"
        "    while not list(place.run.glob('*.starting')): pass\n"
        "    os.kill(os.getpid(), 9)\n"
        "threading.Thread(target=look).start()\n"
        "steering.open(workspace=place, speed=20.0)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], check=False, timeout=240)
    assert killed.returncode == -signal.SIGKILL
    session = steering.open(workspace=place, speed=20.0, record=False)
    assert session.board.status.value.state == "idle"
    session.shutdown()


@pytest.mark.parametrize("order", [rare("close, shutdown"), "shutdown, close"])
def test_in_whatever_order_it_is_ended_nothing_is_left(place, order):
    before = set(threading.enumerate())
    session = steering.open(workspace=place, speed=20.0)
    assert of_workspace(place)
    assert "idle" in repr(session)
    for name in order.split(", "):
        getattr(session, name)()
    assert session.board.closed.value
    assert "closed" in repr(session)
    with pytest.raises(SteeringError, match="This session is closed"):
        session.set("exposure", 1.0)
    left = set(threading.enumerate()) - before
    assert not [thread for thread in left if thread.name.startswith("steering-session")]


def test_a_shutdown_that_is_interrupted_is_done_all_the_same(place):
    session = steering.open(workspace=place, speed=20.0, record=False)
    interrupt_after(0.1)
    with pytest.raises(KeyboardInterrupt):
        session.shutdown()
    session.shutdown()


def test_nobody_s_waiting_ends_anybody_s_work(place):
    session = steering.open(workspace=place, speed=20.0)
    try:
        for _ in range(3):
            run = session.start("rocking", step=0.05)
            session.board.status.wait(lambda status: status.points_done >= 3, timeout=240)
            session.finish()
            late = 0
            while late < 5000:
                try:
                    session.wait(0.005)
                    break
                except TimeoutError:
                    late += 1
            assert late
            assert session.record[run].features("rocking_curve")
    finally:
        session.shutdown()


@pytest.fixture
def deaf():
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1:1", "No beamline service answers at http://127.0.0.1:1 "),
        ("127.0.0.1:1", "No beamline service answers at http://127.0.0.1:1 "),
        ("http://no-such-host.invalid:80", "No beamline service answers"),
        ("http://127.0.0.1:DEAF", "No beamline service answers"),
        ("ftp://127.0.0.1:1", "is no address of a beamline service"),
        ("http://", "is no address of a beamline service"),
        ("http://127.0.0.1:99999999", "is no address of a beamline service"),
        ("nonsense with spaces", "is no address of a beamline service|No beamline service answers"),
    ],
)
@pytest.mark.timeout(120)  # minutes, when it was tried again and again
def test_a_wrong_address_is_said_within_seconds(place, deaf, address, words):
    with pytest.raises(SteeringError, match=words):
        steering.open(url=address.replace("DEAF", str(deaf)), token="x", workspace=place)


def test_a_folder_that_cannot_be_written_names_its_cure(tmp_path):
    file = tmp_path / "a file"
    file.write_text("x")
    with pytest.raises(SteeringError, match="Set the environment variable STEERING_HOME"):
        steering.open(workspace=Workspace(file / "workspace"))


def test_a_workspace_is_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        place = Workspace(tmp_path / "above" / "workspace")
        daemon = Daemon(place.run / "x.json", "steering.nothing", (), "Nothing")
        with pytest.raises(SteeringError, match="ended at once"):
            daemon.ensure()
    finally:
        os.umask(before)
    for folder in (place.run, place.directory, place.directory.parent):
        assert folder.stat().st_mode & 0o077 == 0, folder
    assert all(path.stat().st_mode & 0o077 == 0 for path in place.run.iterdir() if path.suffix != ".lock")


@pytest.mark.parametrize("locale", ["C"])
def test_in_a_plain_locale_with_an_umlaut_in_the_path_the_run_is_recorded(tmp_path, locale):
    place = tmp_path / "Müller größte"
    code = (
        "import steering; from pathlib import Path; from steering.core.workspace import Workspace\n"
        f"session = steering.open(workspace=Workspace(Path({str(place)!r})), speed=20.0)\n"
        "run = session.start('rocking', step=0.1)\n"
        "session.wait(300)\n"
        "print(len(session.record[run]['primary']['th']), sorted(session.record[run].features('rocking_curve')))\n"
        "session.shutdown()\n"
    )
    environment = os.environ | {"LC_ALL": locale}
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, timeout=180, env=environment, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("11 ['centre_of_mass'")


def test_a_script_that_is_interrupted_while_it_opens_leaves_nothing(place):
    code = (
        "import steering; from pathlib import Path; from steering.core.workspace import Workspace\n"
        "print('begins', flush=True)\n"
        f"steering.open(workspace=Workspace(Path({str(place.directory)!r})), speed=20.0)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as script:
        assert script.stdout.readline() == b"begins\n"
        while not list(place.run.glob("*.starting")):
            assert script.poll() is None
        time.sleep(1.0)
        script.send_signal(signal.SIGINT)
        assert script.wait(30) != 0
        said = script.stderr.read()
    assert said.rstrip().endswith(b"KeyboardInterrupt")
    # Of this alone: nothing that was being started complains that it was to be started no more.
    assert said.count(b"Traceback") == 1, said.decode()
