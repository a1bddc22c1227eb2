"""Ends what a test has started when the test's process is gone, however it went: also by SIGTERM, or by SIGKILL.

Daemons of a batch system have no lifeline of ours. All of them, and all jobs of them, carry a variable in their
environment that names the folder of the test which has them, or write into that folder. So whoever does is one of
these, and of no one else.
"""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

_LOOK_SECONDS = 0.1
# One that is being started while it is looked for is found by a later look.
_QUIET_LOOKS = 10
_DONE = b"done"


class Warden:
    """Watches over what has a variable of some value, or a file of a folder, until this process ends."""

    def __init__(self, variable, value, folder):
        # Here, since it is run by its path too, where there is no package of tests.
        from tests.reaper import MARK

        command = [sys.executable, str(Path(__file__)), variable, str(value), str(folder)]
        # Not of our group: what ends all of that must not end it. And it carries no such variable itself, nor that by
        # which the reaper finds what tests have left: it would be ended before it has ended anything.
        environment = {name: given for name, given in os.environ.items() if name not in (variable, MARK)}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, start_new_session=True)

    @property
    def process(self):
        """Number of the process that watches."""
        return self._process.pid

    def dismiss(self):
        """All has been ended by whoever started it."""
        with suppress(BrokenPipeError):
            self._process.communicate(_DONE, timeout=20)


def carriers(variable, value, folder):
    """List those that carry a variable of a value, or have a file of a folder open, and what descends from them."""
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and (process.environ().get(variable) == value or _writes(process, folder)):
                found |= {one.pid: one for one in (process, *process.children(recursive=True))}
    living = []
    for one in found.values():
        with suppress(psutil.Error):
            if one.status() != psutil.STATUS_ZOMBIE:
                living.append(one)
    return living


def _writes(process, folder):
    """Say whether a process has a file of a folder open: slurmstepd writes its title over its environment."""
    return any(Path(one.path).is_relative_to(folder) for one in process.open_files())


def main(variable, value, folder):
    """Wait for the end of standard input; end all unless it said that nothing is left."""
    if sys.stdin.buffer.read() == _DONE:
        return
    quiet = 0
    while quiet < _QUIET_LOOKS:
        living = carriers(variable, value, folder)
        quiet = 0 if living else quiet + 1
        for one in living:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
