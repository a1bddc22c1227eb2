"""The process that takes frames in: ``python -m steering.ingest``.

It outlives the notebook: a kernel that is busy or restarted loses no frame, and a session that returns catches up.
"""

import argparse
import asyncio
import secrets
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from steering.core.waiting import within
from steering.ingest.certificate import make_certificate
from steering.ingest.monitor import Monitor
from steering.ingest.ring import Ring, Room
from steering.ingest.server import RingServer
from steering.machine.identity import identity, leave
from steering.machine.lifeline import hold_while_starting
from steering.machine.secret_file import write_secret

_CHECK_SECONDS = 0.1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the ingest; return its exit code."""
    hold_while_starting()
    parser = argparse.ArgumentParser(prog="python -m steering.ingest")
    parser.add_argument("--file", type=Path, required=True, help="connection file to write")
    parser.add_argument("--channel", required=True, help="PVA channel of an NTNDArray")
    parser.add_argument("--memory", type=Path, required=True, help="folder on tmpfs")
    parser.add_argument("--disk", type=Path, required=True, help="folder on disk")
    parser.add_argument("--memory-bytes", type=int, required=True)
    parser.add_argument("--disk-bytes", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="address that workers reach this machine by")
    parser.add_argument("--idle", type=float, default=10.0, help="a run ends after so many seconds without a frame")
    parser.add_argument("--frames", type=int, default=0, help="a run ends with this frame; 0: not known")
    parser.add_argument("--linger", type=float, default=0.0, help="end after so many seconds unused; 0: never")
    options = parser.parse_args(arguments)
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(_ingest(options))
    finally:
        options.file.unlink(missing_ok=True)
    return 0


async def _ingest(options: argparse.Namespace) -> None:
    room = Room(options.memory, options.disk, options.memory_bytes, options.disk_bytes)
    ring = Ring(room)
    monitor = Monitor(
        options.channel, ring, idle=options.idle, frames=options.frames, largest=min(room.memory_bytes, 1 << 30)
    )

    def status() -> dict[str, Any]:
        memory, disk = ring.held
        return {
            "state": monitor.state,
            "detail": " ".join(filter(None, (monitor.detail, ring.trouble))),
            "memory": memory,
            "disk": disk,
            **asdict(monitor.sorter.counts),
        }

    own, read = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    certificate, context = make_certificate()
    served = RingServer(ring, status, own, read, monitor.settle)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, served.stop.set)
    server = await served.start(options.host, 0, context)
    monitor.start()
    try:
        host, port = server.sockets[0].getsockname()[:2]
        content = {
            "channel": options.channel,
            "host": host,
            "port": port,
            "own": own,
            "read": read,
            "certificate": certificate,
        }
        write_secret(options.file, identity() | content)
        await _until_unused(served, monitor, options.linger)
    finally:
        leave(options.file)
        server.close()
        # A monitor that waits for room must be let go before the ring is closed.
        await asyncio.to_thread(monitor.stop)
        await served.close()
        ring.close()


async def _until_unused(served: RingServer, monitor: Monitor, linger: float) -> None:
    """Wait until told to stop, or until no session has been here for the linger time."""
    loop = asyncio.get_running_loop()
    used = loop.time()
    while not served.stop.is_set():
        monitor.check_idle()
        # Letting go of a channel may wait for frames that are being taken.
        await asyncio.to_thread(monitor.check_connection)
        if served.sessions:
            used = loop.time()
        if linger > 0 and loop.time() - used > linger:
            return
        with suppress(TimeoutError):
            await within(_CHECK_SECONDS, served.stop.wait())


if __name__ == "__main__":
    sys.exit(main())
