"""Who a process is, and whether it still lives, by what it wrote into its connection file.

Login nodes share a home: the process may be another host's. Its number says nothing here then, so it shows that it
lives by touching its file. How long ago that was the filesystem says, by its own clock: those of hosts may be wrong.
"""

import os
import socket
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.machine.secret_file import read_secret, write_secret

BEAT_SECONDS = 15.0
# Some beats may be late on a busy filesystem.
_SILENT_SECONDS = 120.0
# Field 22 of /proc/PID/stat; the first two go before it.
_START_TICKS = 19


def identity(process: int | None = None) -> dict[str, Json]:
    """Say who a process of this host is, this one if none is named, for its connection file."""
    number = os.getpid() if process is None else process
    return {"pid": number, "started": _started(number), "machine": socket.gethostname()}


def host_of(content: Mapping[str, Json]) -> str:
    """Return the name of the host of the process that wrote a connection file; empty if it is this one."""
    host = str(content.get("machine") or "")
    return "" if host == socket.gethostname() else host


def lives(content: Mapping[str, Json], file: Path) -> bool:
    """Say whether the process that wrote a connection file is the one that runs under its number now."""
    if host_of(content):
        with suppress(OSError):
            return _age(file) < _SILENT_SECONDS
        return False
    try:
        number = int(str(content["pid"]))
    except (KeyError, ValueError):
        return False
    # A number may have been given to another process since; when that began tells.
    started = _started(number)
    return bool(started) and started == content.get("started")


def mine(file: Path) -> bool:
    """Say whether a connection file is this process' own, or nobody's."""
    content = read_secret(file)
    return content is None or (not host_of(content) and str(content.get("pid")) == str(os.getpid()))


def leave(file: Path) -> None:
    """Have a connection file say that this process is ending: nobody attaches to it, and the next one waits for it."""
    with suppress(OSError, SteeringError):
        content = read_secret(file)
        if content is not None and mine(file):
            write_secret(file, content | {"ending": True})


def beat(file: Path) -> None:
    """Show other hosts that this process lives."""
    # A beat that a busy filesystem refuses is one that is late, and some may be.
    with suppress(OSError):
        os.utime(file)


def _started(number: int) -> str:
    """Say when a process of this host began, whatever its clock said then and says now; empty if it does not run."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(number)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        try:
            # Ticks since the machine was started, which is named: psutil makes a time of the clock of them.
            ticks = Path(f"/proc/{number}/stat").read_text(errors="replace").rpartition(")")[2].split()[_START_TICKS]
            return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {ticks}"
        except (OSError, IndexError):
            return f"{process.create_time():.0f}"
    return ""


def _age(file: Path) -> float:
    """Say how long ago a file was touched (seconds), by its filesystem's clock, or ours if that cannot be asked."""
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".now-") as probe:
            now = os.fstat(probe.fileno()).st_mtime
    except OSError:
        now = time.time()
    return now - file.stat().st_mtime
