"""``steering stop`` says, waits for and counts also what is ending already."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from steering.beamline.embedded import EmbeddedService
from steering.core import registry
from steering.core.workspace import Workspace
from steering.machine.secret_file import read_secret
from tests.processes import left_behind, of_workspace
from tests.thorough import rare

pytestmark = pytest.mark.system


def service(place):
    asyncio.run(EmbeddedService(place, speed=20.0, record=False).launch())
    return place.run / "beamline.json"


def owner(place):
    asyncio.run(registry.load("facilities", "local")(workspace=place).launch(pool=True))
    return place.run / "compute-local.json"


def hold_ending(place, begin):
    """Begin something, have it end, and hold it on its way; return it and all that runs, or nothing if it has gone."""
    file = begin(place)
    process = psutil.Process(int(read_secret(file)["pid"]))
    processes = of_workspace(place)
    process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 60
    while not (read_secret(file) or {}).get("ending"):
        assert time.monotonic() < deadline, "it did not say that it was ending"
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            assert not left_behind(processes)
            return None
    process.suspend()
    if not (read_secret(file) or {}).get("ending"):
        # It has taken its file away meanwhile, which is the last thing that it does.
        process.resume()
        assert not left_behind(processes)
        return None
    return process, processes


# An ingest ends within milliseconds, too soon to be held on its way.
@pytest.mark.parametrize(
    ("begin", "title"),
    [
        (service, "Ending the beamline service"),
        (owner, "Ending the compute owner of local"),
    ],
)
def test_what_is_ending_already_is_said_waited_for_and_counted(tmp_path, begin, title):
    place = Workspace(tmp_path / "workspace")
    # On a busy machine one may have ended before it could be held: then another one is begun.
    process, processes = next(held for held in (hold_ending(place, begin) for _ in range(5)) if held)
    words = [sys.executable, "-m", "steering.cli", "stop", "--workspace", str(place.directory)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as stop:
        said = stop.stdout.readline()
        assert said.startswith(title), said
        assert stop.poll() is None
        process.resume()
        rest = stop.stdout.read()
    assert stop.returncode == 0, rest
    assert rest == f"Ended: 1. Nothing runs in {place.directory} any more.\n"
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    assert not left_behind(processes)


@pytest.mark.parametrize(
    "written", ["steering: [", rare("steering: {sites: {local: {nonsense: 1}}}")], ids=["broken", "wrong"]
)
@pytest.mark.parametrize("command", [["stop"], ["compute", "stop", "local"]], ids=["all", "one"])
def test_what_is_written_wrong_meanwhile_keeps_nothing_from_being_ended(tmp_path, written, command):
    place = Workspace(tmp_path / "workspace")
    file = owner(place)
    processes = of_workspace(place)
    (place.directory / "steering.yaml").write_text(written)
    words = [sys.executable, "-m", "steering.cli", *command, "--workspace", str(place.directory)]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    assert not file.exists()
    assert not left_behind(processes)
    # What could not be looked up is said, and what to do then.
    assert found.returncode == 1
    assert "No compute owner of local runs any more." in found.stdout + found.stderr
    assert "Mend that, and stop local again." in found.stdout + found.stderr
    assert "Traceback" not in found.stderr
