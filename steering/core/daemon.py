"""A process of ours that outlives the one that started it, found again by its connection file."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.core.secret_file import read_secret

_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Daemon:
    """A detached process.

    Attributes:
        file: Its connection file (mode 0600), which it writes when it is ready and removes when it ends.
        module: Python module that is run.
        arguments: Its command line.
        title: What it is, in words, for messages.
    """

    file: Path
    module: str
    arguments: Sequence[str]
    title: str

    def connection(self) -> dict[str, Json] | None:
        """Read its connection file; nothing if it does not run."""
        content = read_secret(self.file)
        if content is None or not _alive(content):
            return None
        return content

    def ensure(self, environment: Mapping[str, str] | None = None, timeout: float = 60.0) -> dict[str, Json]:
        """Attach to it, starting it if need be; two callers at once start one.

        Args:
            environment: Set on top of this process' own, if it has to be started.
            timeout: Longest wait in seconds until it is ready.

        Raises:
            SteeringError: If it ended at once or was not ready in time; with the end of its log.
        """
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(self.file.with_suffix(".lock")):
            present = self.connection()
            if present is not None:
                return present
            self.file.unlink(missing_ok=True)
            return self._start(environment or {}, timeout)

    def stop(self, timeout: float = 40.0) -> None:
        """End it and wait until it has gone, also if it is just being started; does nothing if it does not run."""
        if not self.file.parent.is_dir():
            return
        with _locked(self.file.with_suffix(".lock")):
            content = self.connection()
            if content is None:
                return
            process = int(str(content["pid"]))
            os.kill(process, signal.SIGTERM)
            if not _gone(process, timeout):
                os.killpg(process, signal.SIGKILL)
                _gone(process, timeout)
            self.file.unlink(missing_ok=True)

    @property
    def log(self) -> Path:
        """Where it writes what it has to say."""
        return self.file.with_suffix(".log")

    def _start(self, environment: Mapping[str, str], timeout: float) -> dict[str, Json]:
        with self.log.open("wb") as log:
            self.log.chmod(0o600)
            process = subprocess.Popen(  # noqa: S603  (our own module, our own arguments, no shell)
                [sys.executable, "-m", self.module, *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            content = read_secret(self.file)
            if content is not None and content.get("pid") == process.pid:
                return content
            if process.poll() is not None:
                message = f"{self.title} ended at once (exit code {process.returncode}). {self._last_words()}"
                raise SteeringError(message)
            time.sleep(_POLL_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        message = f"{self.title} was not ready within {timeout:g} s and was stopped. {self._last_words()}"
        raise SteeringError(message)

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"The end of its log ({self.log}): {' / '.join(lines[-3:]) or 'empty'}"


def _alive(content: Mapping[str, Json]) -> bool:
    """Say whether the process that wrote a connection file is the one that runs under its number now."""
    import psutil

    try:
        process = psutil.Process(int(str(content["pid"])))
        started = float(str(content["started"]))
        # A number may have been given to another process since; its start time tells.
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < 1.0
    except (psutil.NoSuchProcess, KeyError, ValueError):
        return False


def identity() -> dict[str, Json]:
    """Say who this process is, for its connection file."""
    import psutil

    return {"pid": os.getpid(), "started": psutil.Process().create_time()}


def _gone(process: int, timeout: float) -> bool:
    import psutil

    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        # A child of ours must be collected; somebody else's can only be watched.
        with suppress(ChildProcessError):
            os.waitpid(process, os.WNOHANG)
        if not psutil.pid_exists(process):
            return True
        time.sleep(_POLL_SECONDS)
    return False


@contextmanager
def _locked(path: Path) -> Generator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
