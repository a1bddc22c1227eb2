"""One Dask worker of a job, in a process of its own (see :mod:`steering.cluster.workers`).

On SIGTERM, and when its lifetime is over, it retires: it takes no more tasks, and its values move to other workers.
(``dask worker`` closes on SIGTERM, and its values have to be computed again.)
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
from steering.core.errors import SteeringError, cause
from steering.core.waiting import within
from steering.machine.lifeline import hold_lifeline
from steering.machine.secret_file import read_secret

# Time limits to reach the scheduler, and to join it after that. Joining includes the rehearsals.
_CONNECT_SECONDS, _JOIN_SECONDS = 5, 120.0
_AGAIN_SECONDS = 0.2
_RETIRE_SECONDS = 5.0
# Workers already share a node's cores, so BLAS threads in each would only wait for one another. The libraries read
# these variables when they are loaded, which is later. Users who want BLAS threads can set the variables themselves.
_THREADED = ("OMP", "OPENBLAS", "MKL")
# A waiting worker need not profile itself a hundred times a second, nor check its event loop fifty times a second. Both
# delay live frames and are more than half of the cost of an idle worker.
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
    # A thread that hangs in a task must not keep the process alive.
    os._exit(code)


def leave_threads_to_others() -> None:
    """Keep BLAS from starting threads, unless the environment sets their number."""
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
        message = f"This node has no cores {cores} ({cause(error)}). Correct cores of the facility in steering.yaml."
        raise SystemExit(message) from error


async def _work(options: argparse.Namespace) -> int:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    deadline = time.monotonic() + options.death_timeout
    while not stop.is_set() and time.monotonic() < deadline:
        try:
            worker = await _join(options, stop)
        except (OSError, TimeoutError, KeyError, SteeringError, RuntimeError) as error:
            # A new scheduler may be starting that is not in the file yet. Or the scheduler still knows the earlier
            # worker of this name.
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
    """Return a worker that has joined the scheduler, or ``None`` if the scheduler is lost or ``stop`` is set first."""
    import dask
    from dask.utils import parse_bytes
    from distributed import Worker

    from steering.cluster.calls import Callee
    from steering.cluster.connection import read_connection, security_of

    dask.config.set(CONFIG)
    connection = read_connection(options.connection)
    # Without an interface, a worker of a loopback scheduler listens on loopback too.
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
        # Loopback only, because the worker's pages have no TLS.
        dashboard_address="127.0.0.1:0",
    )
    Callee(worker)
    joining = asyncio.ensure_future(_started(worker))
    deadline = time.monotonic() + _JOIN_SECONDS
    while not joining.done():
        await asyncio.wait([joining], timeout=_AGAIN_SECONDS)
        # A joining worker keeps asking a scheduler that is gone. The file shows when there is another one.
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

    # Dask batches messages for some milliseconds, which is too long for a live frame.
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
