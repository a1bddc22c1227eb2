"""The launcher's side of the process that a node's workers are forked from; see :mod:`steering.cluster.workers`."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from steering.core.errors import cause
from steering.machine.noting import note

_CLOSE_SECONDS = 2.0


class ForkServer:
    """Starts workers, passes signals on, and keeps the exit codes."""

    def __init__(self, command: Sequence[str]) -> None:
        """Set the command of the process. It is started with the first worker, and again after a loss."""
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._codes: dict[int, int | None] = {}
        self._rest = b""

    def start(self, number: int, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a worker (again)."""
        self._codes[number] = None
        if self._process is None:
            try:
                # Its standard input is its lifeline: it ends when this process ends, however that happens.
                self._process = subprocess.Popen(  # noqa: S603  (our own module)
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
                )
            except OSError as error:
                # A node that is short of memory or processes for a moment: it is tried as any that ended at once.
                note(f"No worker could be started: {cause(error)}.")
                self._codes[number] = os.EX_OSERR
                return
            if self._process.stdout is not None:
                os.set_blocking(self._process.stdout.fileno(), False)
        self._order(start=number, arguments=list(arguments), environment=dict(environment))

    def code(self, number: int) -> int | None:
        """Return a worker's exit code, or that of the process if both were lost; ``None`` while the worker runs."""
        self._read()
        return self._codes[number]

    def signal(self, number: int, which: signal.Signals) -> None:
        """Send a signal to a worker if it runs."""
        if self.code(number) is None:
            self._order(to=number, signal=int(which))

    def close(self) -> None:
        """End the process and the workers that are left."""
        process, self._process = self._process, None
        if process is None or process.stdin is None or process.stdout is None:
            return
        process.stdin.close()
        try:
            process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def _order(self, **order: Any) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
        except BrokenPipeError:
            self._lost()

    def _read(self) -> None:
        while self._process is not None and self._process.stdout is not None:
            content = self._process.stdout.read(1 << 16)
            if content is None:
                return
            if not content:
                self._lost()
                return
            *lines, self._rest = (self._rest + content).split(b"\n")
            for line in lines:
                news = json.loads(line)
                self._codes[news["ended"]] = news["code"]

    def _lost(self) -> None:
        """Note that the process is gone. Its workers end by themselves, because it held their lifelines."""
        process, self._process, self._rest = self._process, None, b""
        if process is None or process.stdin is None or process.stdout is None:
            return
        code = process.wait()
        process.stdin.close()
        process.stdout.close()
        for number, known in self._codes.items():
            if known is None:
                self._codes[number] = code or -signal.SIGKILL


class Worker:
    """One worker, which can be started again when it ends too early.

    Attributes:
        ended: Number of times in a row that it ended soon after its start.
    """

    def __init__(
        self, fork_server: ForkServer, number: int, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        """Start it.

        Args:
            fork_server: Starts the worker.
            number: Number of the worker on its node.
            arguments: Command-line arguments of :mod:`steering.cluster.worker`.
            environment: Environment variables of this worker only.
        """
        self._fork_server = fork_server
        self._number = number
        self._arguments = arguments
        self._environment = environment
        self._known: int | None = None
        self.ended = 0
        self.start()

    def start(self) -> None:
        """Start it (again)."""
        self._known = None
        self._began = time.monotonic()
        self._fork_server.start(self._number, self._arguments, self._environment)

    def look(self) -> int | None:
        """Return its exit code if it has ended."""
        if self._known is None:
            self._known = self._fork_server.code(self._number)
            if self._known is not None:
                self.ended = self.ended + 1 if time.monotonic() - self._began < SOON else 1
        return self._known

    def aged(self, lifetime: float) -> bool:
        """Return whether it has run for its lifetime (seconds; 0 for no end)."""
        return lifetime > 0 and time.monotonic() - self._began >= lifetime

    def terminate(self) -> None:
        """Ask it to end."""
        if self.look() is None:
            self._fork_server.signal(self._number, signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        if self.look() is None:
            self._fork_server.signal(self._number, signal.SIGKILL)


# A worker that ends within this time (seconds) after its start has a broken environment.
SOON = 10.0
