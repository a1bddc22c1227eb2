"""A beamline that is not the embedded one: its IOCs run by themselves, and the service is started on its YAML file."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import psutil
import yaml

import steering
from steering.core.workspace import Workspace
from steering.machine.secret_file import read_secret

ROOT = Path(__file__).parents[2]
_READY_SECONDS = 90.0


class Site:
    """What runs: the IOCs' process and the service's."""

    def __init__(self, folder, environment):
        self.folder = folder
        self.workspace = Workspace(folder / "workspace")
        self.environment = os.environ | environment
        self.python, self.directory, self.patience = sys.executable, ROOT, _READY_SECONDS
        self.ioc = None
        self.service = None
        self.description = {}

    @property
    def log(self):
        return (self.folder / "service.log").read_text(errors="replace")

    @property
    def connection(self):
        return read_secret(self.workspace.run / "beamline.json")

    def serve(self, description, *arguments):
        """Start the service, on a beamline's file unless there is none; return once it is ready, or has ended."""
        command = ["--workspace", self.workspace.directory, "--linger", "0", *arguments]
        if description is not None:
            file = self.folder / "beamline.yaml"
            file.write_text(yaml.safe_dump(description, sort_keys=False))
            command += ["--beamline", file]
        with (self.folder / "service.log").open("a") as log:
            self.service = subprocess.Popen(
                [self.python, "-m", "steering.beamline", *map(str, command)],
                cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment,
            )  # fmt: skip
        deadline = time.monotonic() + self.patience
        while self.service.poll() is None and self.connection is None:
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)
        return self.service.poll() is None

    def end(self):
        """End the service, and see that all that it started ends with it."""
        if self.service is None:
            return
        children = psutil.Process(self.service.pid).children(recursive=True) if self.service.poll() is None else []
        self.service.terminate()
        self.service.wait(60)
        assert not psutil.wait_procs(children, 20)[1]

    def hang(self):
        """Stop the IOCs' process, as a machine that hangs does."""
        self.ioc.send_signal(signal.SIGSTOP)

    def go_on(self):
        """Let it go on."""
        self.ioc.send_signal(signal.SIGCONT)


@contextmanager
def site(folder, kind="usual", speed=50.0):
    """Start IOCs of a kind; everything that was started has ended afterwards."""
    with (folder / "ioc.log").open("w") as log:
        ioc = subprocess.Popen(
            [sys.executable, "-m", "tests.beamline.odd_sim", kind, "--speed", str(speed)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    made = None
    try:
        line = ioc.stdout.readline()
        assert line, (folder / "ioc.log").read_text()
        made = Site(folder, json.loads(line)["environment"])
        made.ioc = ioc
        yield made
    finally:
        ioc.send_signal(signal.SIGCONT)
        if made is not None:
            made.end()
        ioc.stdin.close()
        ioc.wait(20)


@contextmanager
def instrument_site(folder, **environment):
    """A beamline with an instrument of its own, which needs no IOC."""
    made = Site(folder, environment)
    try:
        yield made
    finally:
        made.end()


def embedded():
    """The embedded beamline's description, for IOCs that run already."""
    content = yaml.safe_load(files("steering.beamline").joinpath("embedded.yaml").read_text())
    content.pop("simulate")
    return content


@contextmanager
def session_at(folder, description, speed=50.0):
    """Open a session, which holds the lease, on the service of a beamline that is described so."""
    with site(folder, speed=speed) as place:
        assert place.serve(description), place.log
        opened = steering.open(workspace=place.workspace)
        try:
            opened.take_lease()
            yield opened
        finally:
            opened.shutdown()


def over(session, run, seconds=240.0):
    """Wait until a run has its stop document in the record; return the run.

    The record is written beside all else: on a busy machine a run may be over before the record has its begin.
    """
    deadline = time.monotonic() + seconds
    while run not in session.record.runs() or session.record[run].stop is None:
        assert time.monotonic() < deadline, run
        # Each look is a question to the record, which has better to do.
        time.sleep(0.5)
    return session.record[run]
