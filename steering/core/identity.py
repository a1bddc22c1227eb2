"""Who a process is, and whether it still lives, by what it wrote into its connection file.

Login nodes share a home: the process may be another host's. Its number says nothing here then, so it shows that it
lives by touching its file; clocks of hosts that share a filesystem agree within seconds.
"""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from steering.core.json import Json
from steering.core.secret_file import read_secret

BEAT_SECONDS = 15.0
# Some beats may be late on a busy filesystem.
_SILENT_SECONDS = 120.0


def identity(process: int | None = None) -> dict[str, Json]:
    """Say who a process of this host is, this one if none is named, for its connection file."""
    import psutil

    number = os.getpid() if process is None else process
    try:
        started = psutil.Process(number).create_time()
    except psutil.NoSuchProcess:
        started = 0.0
    return {"pid": number, "started": started, "machine": socket.gethostname()}


def host_of(content: Mapping[str, Json]) -> str:
    """Return the name of the host of the process that wrote a connection file; empty if it is this one."""
    host = str(content.get("machine") or "")
    return "" if host == socket.gethostname() else host


def lives(content: Mapping[str, Json], file: Path) -> bool:
    """Say whether the process that wrote a connection file is the one that runs under its number now."""
    import psutil

    if host_of(content):
        with suppress(OSError):
            return time.time() - file.stat().st_mtime < _SILENT_SECONDS
        return False
    try:
        process = psutil.Process(int(str(content["pid"])))
        started = float(str(content["started"]))
        # A number may have been given to another process since; its start time tells.
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < 1.0
    except (psutil.NoSuchProcess, KeyError, ValueError):
        return False


def mine(file: Path) -> bool:
    """Say whether a connection file is this process' own, or nobody's."""
    content = read_secret(file)
    return content is None or (not host_of(content) and str(content.get("pid")) == str(os.getpid()))


def beat(file: Path) -> None:
    """Show other hosts that this process lives."""
    with suppress(FileNotFoundError):
        os.utime(file)
