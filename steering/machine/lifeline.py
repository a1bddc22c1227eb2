"""A child process that ends when its parent does, however the parent ends: for good, or while it is being started."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, cast


def hold_lifeline() -> None:
    """End this process with SIGTERM when its standard input ends.

    The parent keeps the other end of the pipe open; when it dies, even by ``kill -9``, the kernel closes it. Call only
    in a process that was started with a pipe as its standard input.
    """

    def watch() -> None:
        # Read the file descriptor itself: a buffered read on sys.stdin would hold its lock at exit.
        while os.read(sys.stdin.fileno(), 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


# Set for a process that is started with :func:`let_go` to come.
STARTING = "STEERING_STARTING"


def hold_while_starting() -> None:
    """End this process with SIGTERM if whoever starts it dies before it is ready; does nothing where nobody waits."""
    if not os.environ.pop(STARTING, ""):
        return

    def watch() -> None:
        if not os.read(sys.stdin.fileno(), 1):
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def let_go(process: "subprocess.Popen[bytes]") -> None:
    """Let a process that is ready live on without this one."""
    pipe = cast("IO[bytes]", process.stdin)
    with suppress(BrokenPipeError), pipe:
        pipe.write(b"1")
