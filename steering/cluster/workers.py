"""A node's workers, forked from one process that has loaded the libraries they need.

``python -m steering.cluster.workers CONNECTION``. A worker needs some seconds of CPU time to load Dask, numpy and the
rest. If hundreds of workers read them from one parallel file system at the same time, it takes minutes. Here the
libraries are loaded once per node, so a worker starts at once, also when it is started again.

The launcher (see :class:`steering.cluster.fork_server.ForkServer`) writes orders to the standard input and reads news
from the standard output, as lines of JSON. This process has one thread, so a fork is safe. It ends when its input ends.
The workers end with it, because it holds a lifeline of each.
"""

import argparse
import gc
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

from steering.cluster import worker
from steering.core.errors import cause
from steering.machine.array_kinds import look_among_loaded
from steering.machine.loading import loading
from steering.machine.noting import note

# Modules that every worker needs. None of them may look for GPUs, because a worker learns its own GPU later.
_LOADED = (
    "distributed.worker",
    "distributed.utils_comm",
    "h5py",
    "scipy.optimize",
    "scipy.sparse.csgraph",
    "xarray",
    "steering.cluster.calls",
    "steering.cluster.connection",
    "steering.loop.partial",
)
_READ_BYTES = 1 << 16


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the standard input ends; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m steering.cluster.workers")
    parser.add_argument("connection", help="the file that the workers get, named here for whoever looks at processes")
    parser.parse_args(arguments)
    worker.leave_threads_to_others()
    # The allocator of pyarrow would start a background thread.
    os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")
    with loading():
        for name in _LOADED:
            import_module(name)
    look_among_loaded()
    return Workers(worker.main).serve()


class Workers:
    """The workers of a node, by the number that the launcher gives them."""

    def __init__(self, run: Callable[[Sequence[str]], int]) -> None:
        """Prepare. ``run`` runs a worker with its arguments and returns its exit code."""
        self._run = run
        self._living: dict[int, tuple[int, int]] = {}
        self._pids: dict[int, int] = {}
        # Send all printed output to standard error, the log. The launcher reads only the news from the old output.
        self._news = os.dup(1)
        os.dup2(2, 1)
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)  # noqa: FBT003  (the standard library's own)
        self._rest = b""
        # Whether the last worker could be started.
        self._forks = True

    def serve(self) -> int:
        """Carry out orders until the input ends; return the exit code."""
        # The batch system sends these signals to all processes of a job. Ignore them: the launcher ends this one last.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        # Memory is shared with the workers until it is written to, and garbage collection would write to it.
        gc.freeze()
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fd == 0:
                        content = os.read(0, _READ_BYTES)
                        if not content:
                            return 0
                        self._take(content)
                    else:
                        self._woken.recv(_READ_BYTES)
                        self._reap()

    def _take(self, content: bytes) -> None:
        *lines, self._rest = (self._rest + content).split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "start" in order:
                self._fork(order)
            elif order["to"] in self._pids:
                # The process has not been waited for yet, so its id cannot belong to another process.
                os.kill(self._pids[order["to"]], order["signal"])

    def _fork(self, order: Mapping[str, Any]) -> None:
        lifeline, held = os.pipe()
        try:
            pid = os.fork()
        except OSError as error:
            # No memory, or too many processes: the others work on, and the launcher tries this one again.
            for one in (lifeline, held):
                os.close(one)
            if self._forks:
                note(f"A worker cannot be started now: {cause(error)}.")
            self._forks = False
            self._tell(ended=order["start"], code=-signal.SIGKILL)
            return
        self._forks = True
        if pid == 0:
            self._become(order, lifeline, held)
        os.close(lifeline)
        self._living[pid] = order["start"], held
        self._pids[order["start"]] = pid

    def _reap(self) -> None:
        for pid, (number, held) in list(self._living.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                os.close(held)
                del self._living[pid], self._pids[number]
                self._tell(ended=number, code=os.waitstatus_to_exitcode(status))

    def _tell(self, **news: Any) -> None:
        try:
            os.write(self._news, json.dumps(news).encode() + b"\n")
        except BrokenPipeError:
            # The launcher is gone, so the input ends too.
            return

    def _become(self, order: Mapping[str, Any], lifeline: int, held: int) -> NoReturn:
        """Become a worker in the new process."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.dup2(lifeline, 0)
            # This worker must not hold open another worker's lifeline, nor the launcher's news pipe.
            for one in (lifeline, held, self._news, *(held for _, held in self._living.values())):
                os.close(one)
            self._woken.close()
            self._waker.close()
            os.environ.update(order["environment"])
            _seed()
            code = self._run(order["arguments"])
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
            if isinstance(error.code, str):
                note(error.code)
        except BaseException:  # noqa: BLE001  (the process ends here: nothing may return to the loop above)
            note(traceback.format_exc())
        finally:
            with suppress(OSError):  # such as a log on a disk that is full
                sys.stdout.flush()
            os._exit(code)


def _seed() -> None:
    """Give numpy's global random generator another state than in the other workers. Python reseeds its own."""
    import numpy as np

    np.random.seed()  # noqa: NPY002  (for code that still uses it)


if __name__ == "__main__":
    sys.exit(main())
