"""Child processes of the service: each ends with it, however it ends."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import IO, cast

from steering.archive.key import record_key
from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.core.workspace import Workspace
from steering.machine.ports import free_port
from steering.machine.utf8 import utf8_environment

_READY_SECONDS = 60.0
_END_SECONDS = 10.0
# A child that died is started again after so long (seconds), then ever later.
_AGAIN_SECONDS, _LATEST_SECONDS = 0.5, 60.0


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
        SteeringError: If it ends before it is ready, or is not ready in time.
    """
    # By name: nothing that runs imports the simulation.
    command, title = ["steering.sim", "--speed", str(speed), "--seed", str(seed)], "The simulated beamline"
    command += ["--contents", json.dumps(contents)] if contents else []
    process = _start(command)
    stack.callback(_end, process)
    ready = _ready(process, title)
    again = [*command, "--ports", *(str(port) for port in cast("Sequence[int]", ready["ports"]))]
    lost = "its motors stand at 0 and its detector is not armed: abort a scan that waits, and start it again"
    watched = _Watched(process, lambda: _start(again), title, lost, say)
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
    """
    port = free_port()
    key = record_key(workspace)
    command = ["steering.archive", "--workspace", str(workspace.directory), "--port", str(port)]
    lost = "nothing is lost, since it fills itself from the journal"
    watched = _Watched(_start(command), lambda: _start(command), "The record", lost, say)
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
    """
    # By name: it is above this room, and this process needs nothing of it.
    command = ["steering.flow_runner", "--workspace", str(workspace.directory)]
    command += ["--beamline", file] if file else []
    lost = "flows that it did go on where they were"
    watched = _Watched(_start(command), lambda: _start(command), "The process of flows", lost, say)
    stack.callback(watched.end)
    return watched.tell


class _Watched:
    """A child that is started again when it dies, ever later if it dies again and again."""

    def __init__(
        self,
        process: "subprocess.Popen[str]",
        again: "Callable[[], subprocess.Popen[str]]",
        title: str,
        lost: str,
        say: Callable[[str], object],
    ) -> None:
        self._process, self._again, self._title, self._lost, self._say = process, again, title, lost, say
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="steering-watch", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End it for good."""
        self._ending.set()
        _end(self._process)
        self._thread.join()

    def tell(self, what: Mapping[str, Json]) -> None:
        """Write a line to its standard input, unless it does not read."""
        with suppress(OSError, ValueError):
            pipe = cast("IO[str]", self._process.stdin).fileno()
            os.set_blocking(pipe, False)
            os.write(pipe, json.dumps(what).encode() + b"\n")

    def _watch(self) -> None:
        died, pause = 0, _AGAIN_SECONDS
        while True:
            began = time.monotonic()
            _discard(cast("IO[str]", self._process.stdout))
            code = self._process.wait()
            if time.monotonic() - began > _LATEST_SECONDS:
                pause = _AGAIN_SECONDS
            if self._ending.wait(pause):
                return
            died, pause = died + 1, min(2 * pause, _LATEST_SECONDS)
            times = "Once" if died == 1 else f"{died} times"
            self._say(
                f"{self._title}'s process ended (exit code {code}) and was started again. {times} so far; {self._lost}."
            )
            self._process = self._again()
            if self._ending.is_set():
                # It was told to end in this very moment, and ended the one before.
                _end(self._process)
                return


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
