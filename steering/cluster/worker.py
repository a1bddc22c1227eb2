"""One Dask worker of a job, in a process of its own (see :mod:`steering.cluster.workers`).

On SIGTERM, and when its lifetime is over, it retires: it takes no more tasks and what it holds moves to other workers.
(``dask worker`` closes on SIGTERM, and what it holds has to be computed again.)
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from steering.cluster.launcher import LOST_SCHEDULER, NO_SCHEDULER, RETIRED
from steering.cluster.reach import probe
from steering.core.errors import SteeringError
from steering.core.waiting import within
from steering.machine.lifeline import hold_lifeline
from steering.machine.secret_file import read_secret

# To reach the scheduler; and, once reached, to join it, which includes the rehearsals.
_CONNECT_SECONDS, _JOIN_SECONDS = 5, 120.0
_AGAIN_SECONDS = 0.2
_RETIRE_SECONDS = 5.0
# Workers share a node's cores already: threads of BLAS in each would only wait for one another. They are read when the
# libraries are loaded, which is later; who wants them says so in the environment.
_THREADED = ("OMP", "OPENBLAS", "MKL")
# A worker that waits for a frame need not look a hundred times a second at what it is doing, nor fifty times whether
# its event loop is well: both take a live frame's time, and more than half of what an idle worker costs.
CONFIG = {"distributed.worker.profile.enabled": False, "distributed.admin.tick.interval": "250ms"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the worker; return its exit code."""
    parser = argparse.ArgumentParser(prog="worker")
    parser.add_argument("connection", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--nthreads", type=int, default=1)
    parser.add_argument("--memory-limit", default="0B")
    parser.add_argument("--death-timeout", type=float, default=60.0)
    parser.add_argument("--resources", default="{}")
    parser.add_argument("--lifetime", type=float, default=0.0)
    parser.add_argument("--cores", default="")
    parser.add_argument("--interface", default="")
    parser.add_argument("--local-directory", default="")
    options = parser.parse_args(arguments)
    hold_lifeline()
    leave_threads_to_others()
    if options.cores:
        _bind(options.cores)
    code = asyncio.run(_work(options))
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread that hangs in a task must not keep the process.
    os._exit(code)


def leave_threads_to_others() -> None:
    """Have BLAS start no threads, unless the environment says how many."""
    for library in _THREADED:
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def _bind(cores: str) -> None:
    wanted: set[int] = set()
    for part in cores.split(","):
        first, _, last = part.partition("-")
        wanted |= set(range(int(first), int(last or first) + 1))
    try:
        os.sched_setaffinity(0, wanted)
    except OSError as error:
        message = f"This node has no cores {cores} ({error.strerror}). Correct cores of the facility in steering.yaml."
        raise SystemExit(message) from error


async def _work(options: argparse.Namespace) -> int:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    deadline = time.monotonic() + options.death_timeout
    while not stop.is_set() and time.monotonic() < deadline:
        try:
            worker = await _join(options, stop)
        except (OSError, TimeoutError, KeyError, SteeringError, RuntimeError) as error:
            # The scheduler may be the next one, of which the file does not tell yet; or it still knows the worker whose
            # place this one takes.
            if isinstance(error, RuntimeError) and "name taken" not in str(error.__cause__):
                raise
            with suppress(TimeoutError):
                await within(_AGAIN_SECONDS, stop.wait())
            continue
        if worker is None:
            return RETIRED if stop.is_set() else LOST_SCHEDULER
        return await _serve(worker, stop, options.lifetime)
    return RETIRED if stop.is_set() else NO_SCHEDULER


async def _join(options: argparse.Namespace, stop: asyncio.Event) -> Any:
    """Return a worker that has joined the scheduler, or ``None`` if that was lost, or this was stopped, meanwhile."""
    import dask
    from dask.utils import parse_bytes
    from distributed import Worker

    from steering.cluster.calls import Callee
    from steering.cluster.connection import read_connection, security_of

    dask.config.set(CONFIG)
    connection = read_connection(options.connection)
    # Without an interface a worker of a scheduler on this machine stays on this machine.
    here = not options.interface and str(connection["address"]).startswith("tls://127.")
    host = "127.0.0.1" if here else None
    await probe(str(connection["address"]), _CONNECT_SECONDS)
    worker = Worker(
        str(connection["address"]),
        name=options.name,
        nthreads=options.nthreads,
        memory_limit=parse_bytes(options.memory_limit) or None,
        resources=json.loads(options.resources),
        interface=options.interface or None,
        host=host,
        local_directory=options.local_directory or None,
        security=security_of(connection),
        dashboard=False,
        # The worker's pages have no TLS.
        dashboard_address="127.0.0.1:0",
    )
    Callee(worker)
    joining = asyncio.ensure_future(_started(worker))
    deadline = time.monotonic() + _JOIN_SECONDS
    while not joining.done():
        await asyncio.wait([joining], timeout=_AGAIN_SECONDS)
        # A worker that joins asks a scheduler that has gone again and again; the file tells of the next one.
        gone = _address(options.connection) != connection["address"] or time.monotonic() > deadline
        if not joining.done() and (gone or stop.is_set()):
            joining.cancel()
            return None
    return joining.result()


async def _started(worker: Any) -> Any:
    return await worker


def _address(file: Path) -> str:
    content = read_secret(file)
    return str(content["address"]) if content is not None else ""


async def _serve(worker: Any, stop: asyncio.Event, lifetime: float) -> int:
    from steering.cluster.mailbox import SEND_SECONDS

    # Dask gathers messages for some milliseconds, which a live frame has not.
    worker.batched_stream.interval = SEND_SECONDS
    loop = asyncio.get_running_loop()
    if lifetime > 0:
        loop.call_later(lifetime, stop.set)
    finished, told = asyncio.ensure_future(worker.finished()), asyncio.ensure_future(stop.wait())
    await asyncio.wait([finished, told], return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        return LOST_SCHEDULER
    with suppress(TimeoutError, OSError):
        await within(_RETIRE_SECONDS, worker.close_gracefully(reason="told to leave"))
    return RETIRED
