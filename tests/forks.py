"""Programs of ours, loaded once and run in forks: a process of its own each time, there in milliseconds.

To load what a flow needs takes two seconds of a core; tests that kill it at each of its points would load it a hundred
times. A fork has its own process id, environment, standard streams and exit code, dies of a signal as any process does,
and ends as the interpreter does. What starting the program itself adds is for tests that start it.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path

# What flows load, here and on an endpoint. A fork loads whatever else it needs itself.
MODULES = (
    "event_model",
    "globus_sdk",
    "numba",
    "sparse",
    "steering.commands.flow",
    "steering.commands.globus",
    "steering.flow_globus.on_endpoint",
    "steering.flow_globus.run",
    "steering.analyses.rocking_curve",
)
# Where they are asked for, for processes that are started meanwhile (see fork_client).
VARIABLE = "STEERING_TEST_FORKS"
_MOST_BYTES = 1 << 17


class Forks:
    """Runs programs; ends with all that it runs.

    Attributes:
        environment: Leads other processes to it.
    """

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self._path = str(Path(self._folder.name) / "asked")
        self.environment = {VARIABLE: self._path}
        path = {"PYTHONPATH": os.pathsep.join(one for one in sys.path if one)}
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as served:
            served.bind(self._path)
            served.listen(64)
            command = [sys.executable, "-m", "tests.forks", str(served.fileno())]
            given = {"pass_fds": [served.fileno()], "stdin": subprocess.PIPE}
            self._process = subprocess.Popen(command, env={**os.environ, **path}, **given)

    def start(self, *arguments, **environment):
        """Begin ``steering ARGUMENTS`` with more environment; return its fork."""
        return Fork(self._path, arguments, {**os.environ, **environment})

    def run(self, *arguments, timeout=120, **environment):
        """Run ``steering ARGUMENTS`` to its end; return how it ended."""
        with self.start(*arguments, **environment) as fork:
            code = fork.wait(timeout)
            return subprocess.CompletedProcess(arguments, code, *fork.said())

    def close(self):
        self._process.stdin.close()
        self._process.wait(60)
        self._folder.cleanup()


class Fork:
    """One run of the command; it is killed with the block, if it has not ended.

    Attributes:
        pid: Of its process.
    """

    def __init__(self, path, arguments, environment):
        self._outputs = [tempfile.TemporaryFile("w+") for _ in range(2)]  # noqa: SIM115  (closed with the block)
        order = {"program": "steering.cli", "arguments": [arguments], "environment": environment}
        self._watched = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._watched.connect(path)
        with Path(os.devnull).open() as nothing:
            streams = [nothing.fileno(), *(one.fileno() for one in self._outputs)]
            socket.send_fds(self._watched, [json.dumps(order).encode()], streams)
        self.pid = int(self._watched.recv(64))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Whoever watches it kills it then.
        self._watched.close()
        for one in self._outputs:
            one.close()

    @property
    def runs(self):
        """Whether it has not ended yet."""
        return not select.select([self._watched], [], [], 0)[0]

    def wait(self, timeout=120):
        """Wait for its end; return its exit code, below zero if a signal ended it."""
        if not select.select([self._watched], [], [], timeout)[0]:
            raise TimeoutError(f"It runs after {timeout} s: {self.said()}")
        return int(self._watched.recv(64))

    def said(self):
        """Return all that it has said so far to standard output, and to standard error."""
        return tuple(os.pread(one.fileno(), 1 << 24, 0).decode() for one in self._outputs)


def main(served):
    """Serve until standard input ends; in a fork, run a program and return its exit code."""
    for name in MODULES:
        import_module(name)
    # A thread would be missing from each fork, and what it held locked.
    assert threading.active_count() == 1
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        if sys.stdin in select.select([sys.stdin, served], [], [])[0]:
            return 0
        watcher, _ = served.accept()
        if os.fork() == 0:
            served.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            words, streams, _, _ = socket.recv_fds(watcher, _MOST_BYTES, 3)
            return _watch(json.loads(words), streams, watcher)
        watcher.close()


def _watch(order, streams, watcher):
    """Say the fork's process id, and how it ended; kill it when nobody listens any more."""
    pid = os.fork()
    if pid == 0:
        watcher.close()
        return _run(order, streams)
    for one in streams:
        os.close(one)
    with suppress(OSError):
        # Whoever asked may have been killed by now, and what was begun for it must not outlive it.
        watcher.send(str(pid).encode())
    ended = os.pidfd_open(pid)
    if ended not in select.select([watcher, ended], [], [])[0]:
        os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(OSError):
        watcher.send(str(code).encode())
    os._exit(0)


def _run(order, streams):
    """Be the program."""
    for number, one in enumerate(streams):
        os.dup2(one, number)
        os.close(one)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.path[:0] = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one and one not in sys.path]
    return import_module(order["program"]).main(*order["arguments"])


if __name__ == "__main__":
    sys.exit(main(socket.socket(fileno=int(sys.argv[1]))))
