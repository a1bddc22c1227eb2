"""The process that owns the local Dask cluster: ``python -m steering.facilities.local_owner``.

TLS also on loopback: whoever reaches a Dask scheduler may run code as its user, and a beamline's workstation has many.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import dask
from distributed import LocalCluster
from distributed.security import Security

from steering.core.daemon import identity
from steering.core.secret_file import write_secret
from steering.facilities.dask import CONFIG

_CHECK_SECONDS = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the owner; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m steering.facilities.local_owner")
    parser.add_argument("--file", type=Path, required=True, help="connection file to write")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--linger", type=float, default=600.0, help="end after so many seconds without a client; 0: never"
    )
    options = parser.parse_args(arguments)
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(_own(options.file, options.workers, options.linger))
    finally:
        options.file.unlink(missing_ok=True)
    return 0


async def _own(file: Path, workers: int, linger: float) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    security = Security.temporary()
    dask.config.set(CONFIG)
    async with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        protocol="tls://",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        security=security,
        asynchronous=True,
    ) as cluster:
        content = identity() | {
            "address": cluster.scheduler_address,
            "dashboard": cluster.dashboard_link,
            "tls_ca": str(security.tls_ca_file),
            "tls_certificate": str(security.tls_client_cert),
            "tls_key": str(security.tls_client_key),
        }
        write_secret(file, content)
        await _until_unused(cluster.scheduler, linger, stop)


async def _until_unused(scheduler: Any, linger: float, stop: asyncio.Event) -> None:
    """Wait until told to stop, or until no client has been connected for the linger time."""
    loop = asyncio.get_running_loop()
    used = loop.time()
    while not stop.is_set():
        if set(scheduler.clients) - {"fire-and-forget"}:
            used = loop.time()
        if linger > 0 and loop.time() - used > linger:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _CHECK_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
