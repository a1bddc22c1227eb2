"""No batch system: jobs are processes of this machine, and end with their owner."""

import asyncio
import itertools
import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from steering.compute.batch import End, Observation, QueueState, RefusedError
from steering.compute.script import log_file
from steering.core.errors import cause

_LEAVE_SECONDS = 12.0


@dataclass
class _Process:
    """One job."""

    name: str
    process: "subprocess.Popen[bytes]"
    started: float
    told: bool = False


class Processes:
    """Starts a command where others submit a script."""

    def __init__(self) -> None:
        """Begin with none."""
        self._processes: dict[str, _Process] = {}
        self._numbers = itertools.count(1)

    async def submit(self, script: str, name: str, directory: Path) -> str:
        """Start a command; ``script`` is its command line."""
        with log_file(directory, name).open("ab") as log:
            try:
                # Its standard input is our lifeline to it: however we end, it ends.
                process = subprocess.Popen(  # noqa: ASYNC220, S603  (starts at once; our own launcher, no shell)
                    shlex.split(script),
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                message = f"{shlex.split(script)[0]}: {cause(error)}"
                raise RefusedError(message) from error
        one = str(next(self._numbers))
        self._processes[one] = _Process(name, process, time.time())
        return one

    async def look(self, ids: Sequence[str]) -> dict[str, Observation]:
        """Ask the operating system."""
        return {one: self._observe(one) for one in ids}

    async def find(self, name: str) -> list[str]:
        """Return running jobs of this name."""
        return [one for one, entry in self._processes.items() if entry.name == name and entry.process.poll() is None]

    async def cancel(self, id: str) -> None:  # noqa: A002  (the batch system's own word)
        """Ask a job's launcher to end; one that does not is killed."""
        entry = self._processes.get(id)
        if entry is None or entry.told:
            return
        entry.told = True
        if entry.process.poll() is None:
            entry.process.terminate()
            asyncio.get_running_loop().call_later(_LEAVE_SECONDS, self._kill, entry)

    async def queues(self) -> dict[str, QueueState]:
        """There is one, and it is free."""
        return {"": QueueState("")}

    def _kill(self, entry: _Process) -> None:
        if entry.process.poll() is None:
            entry.process.kill()

    def _observe(self, one: str) -> Observation:
        entry = self._processes.get(one)
        if entry is None:
            return Observation("gone", "no such process")
        code = entry.process.poll()
        if code is None:
            return Observation("running", nodes=("this machine",), started=entry.started)
        if entry.process.stdin is not None:
            # Its lifeline; each that is left open takes one of this process' files.
            entry.process.stdin.close()
        end: End = "cancelled" if entry.told else "finished" if code == 0 else "failed"
        return Observation("ended", end=end, exit_code=code if code >= 0 else 128 - code, started=entry.started)
