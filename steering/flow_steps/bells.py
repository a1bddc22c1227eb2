"""Tells the processes of a workspace that a flow has news, so that nobody looks again and again.

Each listener has a named pipe of its own in one folder. Whoever has news writes a byte into each. A pipe that nobody
reads is what a killed process left, and is removed.
"""

import errno
import os
import secrets
import select
from contextlib import suppress
from pathlib import Path
from typing import Self

from steering.machine.secret_file import make_private

_COMING = ".coming-"


class Bell:
    """Waits for news of flows. Used from one thread, but :meth:`close` and :meth:`ring` from any."""

    def __init__(self, folder: Path) -> None:
        """Listen from now on; what happened before is not told.

        Args:
            folder: Of the workspace's flows.
        """
        self.path = _pipes(folder) / f"{os.getpid()}-{secrets.token_hex(4)}"
        make_private(self.path.parent)
        # It gets its name when somebody reads it: one that nobody reads is taken for a killed process', and removed.
        coming = self.path.with_name(f"{_COMING}{self.path.name}")
        os.mkfifo(coming, 0o600)
        # Opened for writing too: a pipe whose writers come and go would look as if it had ended.
        self._pipe = os.open(coming, os.O_RDWR | os.O_NONBLOCK)
        coming.rename(self.path)
        self._closed = False

    def wait(self, seconds: float) -> bool:
        """Wait for news; return whether there are any. Returns at once when it is closed.

        Args:
            seconds: Longest wait.
        """
        if self._closed:
            return False
        waiting = select.poll()
        waiting.register(self._pipe, select.POLLIN)
        ready = waiting.poll(max(seconds, 0.0) * 1000.0)
        if ready:
            with suppress(BlockingIOError):
                os.read(self._pipe, 65536)
        return bool(ready)

    def fileno(self) -> int:
        """Return the descriptor that can be read when there are news, for an event loop."""
        return self._pipe

    @property
    def closed(self) -> bool:
        """Whether nobody listens any more."""
        return self._closed

    def ring(self) -> None:
        """Wake the one who waits here."""
        with suppress(OSError):
            os.write(self._pipe, b".")

    def close(self) -> None:
        """Listen no more, and wake who waits. The pipe itself is closed by :meth:`end`."""
        self._closed = True
        self.path.unlink(missing_ok=True)
        self.ring()

    def end(self) -> None:
        """Close the pipe, once nobody waits on it any more."""
        self.close()
        with suppress(OSError):
            os.close(self._pipe)

    def __enter__(self) -> Self:
        """Listen as long as the block lasts."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.end()


def ring_all(folder: Path) -> None:
    """Tell all listeners that there are news."""
    for pipe in _pipes(folder).glob("[!.]*"):
        try:
            written = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ENXIO:
                pipe.unlink(missing_ok=True)
            continue
        try:
            # One that is full has news enough.
            with suppress(OSError):
                os.write(written, b".")
        finally:
            os.close(written)


def _pipes(folder: Path) -> Path:
    return folder / "bells"
