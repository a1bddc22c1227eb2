"""A child process that ends when its parent does, however the parent ends."""

import os
import signal
import sys
import threading


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
