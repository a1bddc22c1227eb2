"""The Dask scheduler in a process of its own: ``python -m steering.cluster.scheduler``. Ends with its owner.

It has a process of its own so that the owner outlives it. If it is killed, the owner starts another one, and the
workers connect to that.
"""

import argparse
import asyncio
import gc
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dask
from distributed import Scheduler

from steering.cluster.calls import Exchange
from steering.cluster.connection import make_security, security_of
from steering.cluster.liveness import Liveness
from steering.cluster.mailbox import Mailbox
from steering.machine.lifeline import hold_lifeline
from steering.machine.loading import loading, not_found

# A worker that vanishes is not an error (by default Dask gives up after three). A hung worker is found after half a
# minute instead of five minutes, and at once if one of our loops waits for it (see liveness).
CONFIG = {
    "distributed.scheduler.allowed-failures": 100,
    "distributed.scheduler.worker-ttl": "30s",
    "distributed.comm.timeouts.connect": "10s",
    "distributed.admin.log-length": 1000,
    "distributed.admin.tick.interval": "250ms",
    # If started, it would delete, every two seconds, the second copies of states that the next result needs.
    "distributed.scheduler.active-memory-manager.start": False,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scheduler; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m steering.cluster.scheduler")
    parser.add_argument("--directory", type=Path, required=True, help="where the TLS keys lie")
    parser.add_argument("--interface", default="", help="network interface; loopback if left out")
    parser.add_argument("--no-dashboard", action="store_true", help="serve no page, which every user here could see")
    options = parser.parse_args(arguments)
    hold_lifeline()
    asyncio.run(_serve(options.directory, options.interface, dashboard=not options.no_dashboard))
    return 0


async def _serve(directory: Path, interface: str, *, dashboard: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    dask.config.set(CONFIG)
    if not dashboard:
        # The same server also has pages with workers, logs and metrics. Serve none of them.
        dask.config.set({"distributed.scheduler.http.routes": []})
    place: dict[str, Any] = {"interface": interface} if interface else {"host": "127.0.0.1"}
    # Dask uses this package to forward the workers' own pages, which are not served. Loading it takes a third of the
    # start time.
    with loading(), not_found("jupyter_server_proxy"):
        scheduler = Scheduler(
            protocol="tls",
            port=0,
            security=security_of(make_security(directory)),
            dashboard=dashboard,
            dashboard_address="127.0.0.1:0",
            **place,
        )
    Mailbox(scheduler)
    Exchange(scheduler, Liveness(scheduler))
    await scheduler
    # Loaded objects stay. Searching all of them for garbage would delay every worker for a tenth of a second.
    gc.freeze()
    page = scheduler.services.get("dashboard") if dashboard else None
    address = f"http://127.0.0.1:{page.port}/status" if page is not None else ""
    sys.stdout.write(json.dumps({"address": scheduler.address, "dashboard": address}) + "\n")
    sys.stdout.flush()
    await stop.wait()
    await scheduler.close()


if __name__ == "__main__":
    sys.exit(main())
