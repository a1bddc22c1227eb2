"""How much memory and how much of the cores a tutorial takes, all its processes together."""

import threading
from contextlib import suppress
from pathlib import Path

import psutil

from tests.processes import of_workspace

_EVERY_SECONDS = 0.5


class Memory:
    """Watches what descends from this process, and what names a workspace, while it is entered.

    Pages that several processes share are counted once (their proportional set size).

    Attributes:
        peak: Bytes.
    """

    def __init__(self, workspace):
        self.peak, self._workspace = 0, workspace
        self._cores: dict[int, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    @property
    def core_seconds(self):
        """Seconds of a core that they have used so far: the same whatever else the machine does."""
        return sum(self._cores.values())

    def _watch(self):
        while not self._over.wait(_EVERY_SECONDS):
            with suppress(psutil.Error):
                ours = {one.pid for one in psutil.Process().children(recursive=True)}
                ours |= {one.pid for one in of_workspace(self._workspace)}
                self.peak = max(self.peak, sum(map(_proportional, ours)))
                self._cores |= {one: used for one in ours if (used := _used(one))}


def _used(process):
    """Return the seconds of a core that a process has used; 0 for one that has ended."""
    with suppress(psutil.Error):
        times = psutil.Process(process).cpu_times()
        return times.user + times.system
    return 0.0


def _proportional(process):
    """Return a process' share of its memory in bytes; 0 for one that has ended."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return 0
