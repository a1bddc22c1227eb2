"""Starts workers on the nodes of a job, one per GPU tile. ``python -m steering.cluster.launcher CONNECTION ...``.

Dask-jobqueue's job classes call it in place of ``dask worker``. In a job of several nodes it first starts itself on
each of them. On a node it starts the workers, each with its own tile, cores and name. It starts a worker again that was
killed or has lost its scheduler. It also passes SIGTERM on. Workers then retire: the data that they hold moves to other
workers while there is time.
"""

import argparse
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from steering.cluster.fan_out import Placement, commands, placement
from steering.cluster.fork_server import ForkServer, Worker
from steering.machine.lifeline import hold_lifeline
from steering.machine.noting import note

# Exit codes of a worker.
RETIRED, NO_SCHEDULER, LOST_SCHEDULER = 0, 69, 75
# The batch system kills the remaining processes about ten seconds after its SIGTERM.
_LEAVE_SECONDS = 8.0
_LOOK_SECONDS = 0.1
# A worker that ends soon after its start this many times in a row has a broken environment.
_TRIES = 3
# All workers of a node are forked from one process.
_FORK_SERVER = [sys.executable, "-m", "steering.cluster.workers"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the launcher; return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(given)
    if options.lifeline:
        hold_lifeline()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    where = placement(options.nodes, options.rank)
    if where is None:
        children = [_Child(command) for command in commands(options.fan_out, options.nodes, given)]
        return _wait(children, stop)
    if options.interface and options.interface not in (name for _, name in socket.if_nameindex()):
        known = ", ".join(name for _, name in socket.if_nameindex())
        note(
            f"This node ({socket.gethostname()}) has no network interface {options.interface!r}; it has {known}. "
            "Set worker_interface of the facility in steering.yaml to one of them."
        )
        return 1
    return _supervise(options, where, stop)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m steering.cluster.launcher")
    parser.add_argument("connection", help="file that names the scheduler and the TLS keys")
    parser.add_argument("--name", required=True, help="the job's; its workers are NAME-0, NAME-1, ...")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--workers-per-node", type=int, default=1)
    parser.add_argument("--nthreads", type=int, default=1, help="threads of one worker")
    parser.add_argument("--memory-limit", default="0B", help="of one worker")
    parser.add_argument("--death-timeout", type=float, default=60.0, help="seconds to look for a scheduler")
    parser.add_argument("--local-directory", default="")
    parser.add_argument("--resources", default="{}", help="Dask resources of a worker, as JSON")
    parser.add_argument("--fan-out", choices=("", "mpiexec", "pbsdsh", "srun"), default="")
    parser.add_argument("--mask", default="", help="environment variable that names a worker's tile")
    parser.add_argument("--masks", default="", help="its values, by comma")
    parser.add_argument("--cores", default="", help="cores of each worker, such as 1-8:9-16")
    parser.add_argument("--lifetime", type=float, default=0.0, help="seconds after which workers retire; 0: never")
    parser.add_argument("--interface", default="")
    parser.add_argument("--rank", type=int, default=-1, help="number of this node in the job")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input ends")
    return parser


class _Child:
    """This launcher on another node, or the command that starts it there."""

    def __init__(self, command: Sequence[str]) -> None:
        # Its standard input is its lifeline: it ends when this process ends, however that happens.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603  (our own module)

    def look(self) -> int | None:
        """Return its exit code if it has ended."""
        return self._process.poll()

    def terminate(self) -> None:
        """Ask it to end."""
        if self.look() is None:
            self._process.terminate()

    def kill(self) -> None:
        """End it."""
        if self.look() is None:
            self._process.kill()
            self._process.wait()


def _wait(children: Sequence[_Child], stop: threading.Event) -> int:
    """Wait until all have ended, or end them when told to."""
    while not stop.wait(_LOOK_SECONDS) and any(child.look() is None for child in children):
        pass
    _leave(children)
    return max((abs(child.look() or 0) for child in children), default=0) if not stop.is_set() else 0


def _leave(children: Sequence[_Child | Worker]) -> None:
    for child in children:
        child.terminate()
    deadline = time.monotonic() + _LEAVE_SECONDS
    while time.monotonic() < deadline and any(child.look() is None for child in children):
        time.sleep(_LOOK_SECONDS)
    for child in children:
        child.kill()


def _supervise(options: argparse.Namespace, where: Placement, stop: threading.Event) -> int:
    """Keep this node's workers alive until all have retired, a worker finds no scheduler, or a worker keeps failing."""
    fork_server = ForkServer([*_FORK_SERVER, options.connection])
    children = [_worker(fork_server, options, where.rank, index) for index in range(options.workers_per_node)]
    try:
        while not stop.wait(_LOOK_SECONDS):
            codes = [child.look() for child in children]
            # An administrator may tell a single worker to leave. The node must not stay short, so it is started again.
            gone = [
                code == RETIRED and (child.aged(options.lifetime) or child.ended >= _TRIES)
                for child, code in zip(children, codes, strict=True)
            ]
            if all(gone):
                return 0
            if any(code == NO_SCHEDULER for code in codes):
                note(
                    f"No scheduler answered on {socket.gethostname()} within {options.death_timeout:g} s. "
                    "Its compute owner may have ended, or this node cannot reach it: check scheduler_interface and "
                    "worker_interface of the facility in steering.yaml."
                )
                return NO_SCHEDULER
            for child, code, left in zip(children, codes, gone, strict=True):
                if code is None or left:
                    continue
                if code > 0 and code != LOST_SCHEDULER and child.ended >= _TRIES:
                    note(f"A worker ended {_TRIES} times in a row with exit code {code}; given up.")
                    return code
                child.start()
        return 0
    finally:
        _leave(children)
        fork_server.close()


def _worker(fork_server: ForkServer, options: argparse.Namespace, rank: int, index: int) -> Worker:
    masks, cores = options.masks.split(","), options.cores.split(":")
    environment = {options.mask: masks[index]} if options.mask else {}
    command = [options.connection]
    command += ["--name", f"{options.name}-{rank * options.workers_per_node + index}"]
    command += ["--nthreads", str(options.nthreads), "--memory-limit", options.memory_limit]
    command += ["--death-timeout", str(options.death_timeout), "--resources", options.resources]
    command += ["--lifetime", str(options.lifetime)]
    command += ["--cores", cores[index]] if options.cores else []
    command += ["--interface", options.interface] if options.interface else []
    command += ["--local-directory", options.local_directory] if options.local_directory else []
    return Worker(fork_server, index, command, environment)


if __name__ == "__main__":
    sys.exit(main())
