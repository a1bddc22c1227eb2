"""Ends what a process of the tests has started, once that process is gone, however it went.

Tests start what a person starts: laboratories, IOCs, a Slurm, doubles of Globus. Each test ends its own. But who kills
the tests (a time limit, a closed terminal) would leave all of it running, for the next tests to be slow and for their
ports to be taken. Whatever a process of the tests starts inherits a variable, by which it is found.
"""

import os
import select
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

# So many looks, so far apart (seconds), must find nothing.
_LOOKS, _BETWEEN = 10, 0.1
MARK = "STEERING_STARTED_BY_TESTS"


def begin() -> "subprocess.Popen[bytes]":
    """Have a process of its own wait for the end of this one."""
    mark = f"{os.getpid()}-{uuid.uuid4().hex}"
    clean = {name: value for name, value in os.environ.items() if name != MARK}
    os.environ[MARK] = mark
    command = [sys.executable, "-I", "-S", __file__, str(os.getpid()), mark]
    # A session of its own: Ctrl-C is for the tests, and whoever kills their group must not kill this.
    return subprocess.Popen(command, env=clean, start_new_session=True, stdin=subprocess.DEVNULL)


def wait_and_end(process: int, mark: str) -> None:
    """Wait until a process is gone, and end what it has started and left."""
    with suppress(ProcessLookupError):
        watched = os.pidfd_open(process)
        # Readable once it has ended; it may live for as long as it likes.
        select.select([watched], [], [])
    ended: set[int] = set()
    # A process that is about to run another program has no environment for a moment: one look does not see all.
    looks = _LOOKS
    while looks:
        left = {number: args for number, args in started_with(mark).items() if number not in ended}
        for number, args in left.items():
            sys.stderr.write(f"left over by tests, ended: {number} {args[:150]}\n")
            with suppress(ProcessLookupError, PermissionError):
                os.kill(number, signal.SIGKILL)
        # What was started meanwhile is found in the next round.
        ended |= set(left)
        looks = _LOOKS if left else looks - 1
        time.sleep(_BETWEEN)


def started_with(mark: str) -> dict[int, str]:
    """Find the processes that have inherited a mark, each with its arguments."""
    wanted, found = f"{MARK}={mark}".encode(), dict[int, str]()
    for place in Path("/proc").glob("[0-9]*"):
        # It may end while it is looked at, and may be somebody else's.
        with suppress(OSError):
            if wanted in (place / "environ").read_bytes().split(b"\0"):
                words = (place / "cmdline").read_bytes().split(b"\0")
                if words != [b""]:
                    found[int(place.name)] = b" ".join(words).decode(errors="replace").strip()
    return found


if __name__ == "__main__":
    wait_and_end(int(sys.argv[1]), sys.argv[2])
