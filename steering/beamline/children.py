"""Child processes of the service: each ends with it, however it ends."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import IO, cast

from steering.archive.key import record_key
from steering.beamline.watched import Watched, end_child
from steering.core.errors import SteeringError, cause
from steering.core.json import Json
from steering.core.workspace import Workspace
from steering.machine.ports import free_port
from steering.machine.utf8 import utf8_environment

_READY_SECONDS = 60.0


def start_simulation(
    stack: ExitStack, speed: float, seed: int, contents: Mapping[str, Json], say: Callable[[str], object]
) -> dict[str, str]:
    """Start the simulated beamline.

    If its process dies it is started again, at the same ports, as an IOC that is restarted is: its channels connect
    again, its motors stand at 0, and its detector is not armed.

    Args:
        stack: Ends it.
        speed: How many times faster than life it runs.
        seed: Of its noise.
        contents: Samples and motors that it has beside its own.
        say: Takes a sentence when it had to be started again.

    Returns:
        The environment variables that EPICS clients need to find it and nothing else.

    Raises:
        SteeringError: If it cannot be started, ends before it is ready, or is not ready in time.
    """
    # By name: nothing that runs imports the simulation.
    command, title = ["steering.sim", "--speed", str(speed), "--seed", str(seed)], "The simulated beamline"
    command += ["--contents", json.dumps(contents)] if contents else []
    process = _first(command, title)
    stack.callback(end_child, process)
    ready = _ready(process, title)
    again = [*command, "--ports", *(str(port) for port in cast("Sequence[int]", ready["ports"]))]
    lost = "its motors stand at 0 and its detector is not armed: abort a scan that waits, and start it again"
    watched = Watched(process, lambda: _start(again), title, lost, say)
    stack.callback(watched.end)
    environment = cast("Mapping[str, str]", ready["environment"])
    return {name: str(value) for name, value in environment.items()}


def start_record(workspace: Workspace, stack: ExitStack, say: Callable[[str], object]) -> dict[str, Json]:
    """Start the record: a Tiled server filled from the journal. It is not waited for: the journal does not need it.

    If its process dies it is started again, at the same address, and fills itself from the journal.

    Args:
        workspace: Whose record.
        stack: Ends it.
        say: Takes a sentence when it had to be started again.

    Returns:
        Its ``url`` and ``key``; the server answers there some seconds later.

    Raises:
        SteeringError: If its process cannot be started.
    """
    port = free_port()
    key = record_key(workspace)
    command = ["steering.archive", "--workspace", str(workspace.directory), "--port", str(port)]
    lost = "nothing is lost, since it fills itself from the journal"
    watched = Watched(_first(command, "The record"), lambda: _start(command), "The record", lost, say)
    stack.callback(watched.end)
    return {"url": f"http://127.0.0.1:{port}/api/v1", "key": key}


def start_flows(
    workspace: Workspace, file: str, stack: ExitStack, say: Callable[[str], object]
) -> Callable[[Mapping[str, Json]], None]:
    """Start what does flows at the ends of runs. It is not waited for: what it misses it finds in the journals.

    Args:
        workspace: Whose runs.
        file: The beamline's file; empty for the built-in beamline.
        stack: Ends it.
        say: Takes a sentence when it had to be started again.

    Returns:
        Tells it something of a run; never waits.

    Raises:
        SteeringError: If its process cannot be started.
    """
    # By name: it is above this room, and this process needs nothing of it.
    command = ["steering.flow_runner", "--workspace", str(workspace.directory)]
    command += ["--beamline", file] if file else []
    lost = "flows that it did go on where they were"
    title = "The process of flows"
    watched = Watched(_first(command, title), lambda: _start(command), title, lost, say)
    stack.callback(watched.end)
    return watched.tell


def _ready(process: "subprocess.Popen[str]", title: str) -> dict[str, Json]:
    """Wait for a child's line of JSON.

    Raises:
        SteeringError: If it ends before it is ready, or is not ready in time.
    """
    guard = threading.Timer(_READY_SECONDS, process.kill)
    guard.start()
    try:
        for line in cast("IO[str]", process.stdout):
            if line.startswith("{"):
                return cast("dict[str, Json]", json.loads(line))
    finally:
        guard.cancel()
    code = process.wait()
    message = f"{title} ended before it was ready (exit code {code}). What it said is in this process' log."
    raise SteeringError(message)


def _first(arguments: Sequence[str], title: str) -> "subprocess.Popen[str]":
    """Start a child for the first time, when nothing runs yet that would be lost with this process.

    Raises:
        SteeringError: If there is no memory for it, or there are too many processes.
    """
    try:
        return _start(arguments)
    except OSError as error:
        raise SteeringError(
            f"{title} cannot be started: {cause(error)}. End what this machine can do without, and start the service "
            "again."
        ) from error


def _start(arguments: Sequence[str]) -> "subprocess.Popen[str]":
    """Start ``python -m MODULE ...`` on a lifeline."""
    return subprocess.Popen(  # noqa: S603  (our own module, our own arguments, no shell)
        [sys.executable, "-m", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, **utf8_environment()},
        # A terminal's Ctrl-C must reach this process only: it still needs its children to stop the motors.
        start_new_session=True,
    )
