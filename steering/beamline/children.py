"""Child processes of the service: each ends with it, however it ends."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import IO, cast

from steering.archive.key import record_key
from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.core.utf8 import utf8_environment
from steering.core.workspace import Workspace

_READY_SECONDS = 60.0
_END_SECONDS = 10.0


def start_simulation(stack: ExitStack, speed: float, seed: int) -> dict[str, str]:
    """Start the simulated beamline.

    Returns:
        The environment variables that EPICS clients need to find it and nothing else.
    """
    # By name: nothing that runs imports the simulation.
    ready = start_child(stack, ["steering.sim", "--speed", str(speed), "--seed", str(seed)], "The simulated beamline")
    environment = cast("Mapping[str, str]", ready["environment"])
    return {name: str(value) for name, value in environment.items()}


def start_record(workspace: Workspace, stack: ExitStack) -> dict[str, Json]:
    """Start the record: a Tiled server filled from the journal. It is not waited for: the journal does not need it.

    Returns:
        Its ``url`` and ``key``; the server answers there some seconds later.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    key = record_key(workspace)
    process = _spawn(stack, ["steering.archive", "--workspace", str(workspace.directory), "--port", str(port)])
    threading.Thread(target=_discard, args=(process.stdout,), daemon=True).start()
    return {"url": f"http://127.0.0.1:{port}/api/v1", "key": key}


def start_child(stack: ExitStack, arguments: Sequence[str], title: str) -> dict[str, Json]:
    """Start ``python -m MODULE ...`` on a lifeline and wait for its line of JSON.

    Raises:
        SteeringError: If it ends before it is ready, or is not ready in time; with its last words.
    """
    process = _spawn(stack, arguments)
    guard = threading.Timer(_READY_SECONDS, process.kill)
    guard.start()
    try:
        for line in cast("IO[str]", process.stdout):
            if line.startswith("{"):
                threading.Thread(target=_discard, args=(process.stdout,), daemon=True).start()
                return cast("dict[str, Json]", json.loads(line))
    finally:
        guard.cancel()
    code = process.wait()
    message = f"{title} ended before it was ready (exit code {code}). What it said is in this process' log."
    raise SteeringError(message)


def _spawn(stack: ExitStack, arguments: Sequence[str]) -> "subprocess.Popen[str]":
    process = subprocess.Popen(  # noqa: S603  (our own module, our own arguments, no shell)
        [sys.executable, "-m", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, **utf8_environment()},
        # A terminal's Ctrl-C must reach this process only: it still needs its children to stop the motors.
        start_new_session=True,
    )
    stack.callback(_end, process)
    return process


def _discard(stream: IO[str]) -> None:
    """Keep reading, so that a talkative child never blocks on a full pipe."""
    for _ in stream:
        continue


def _end(process: "subprocess.Popen[str]") -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
