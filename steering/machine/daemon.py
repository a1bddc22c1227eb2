"""A process of ours that outlives the one that started it, found again by its connection file."""

import asyncio
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
from threading import Event

from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.machine.identity import host_of, identity, lives
from steering.machine.lifeline import STARTING, let_go
from steering.machine.secret_file import make_private, read_secret, write_secret
from steering.machine.utf8 import utf8_environment

_POLL_SECONDS = 0.05
_POLITE_SECONDS = 8.0


class Ties:
    """Whether processes that are started here live on without this one."""

    def __init__(self) -> None:
        """Begin with processes that do: a notebook's kernel may end at any time."""
        self._tied = False
        self._held: list[subprocess.Popen[bytes]] = []

    def tie(self) -> None:
        """Have what is started from now on end with this process, however it ends. For commands, not for notebooks."""
        self._tied = True

    def started(self, process: "subprocess.Popen[bytes]") -> None:
        """Let a process that is ready go, or hold its lifeline."""
        if self._tied:
            self._held.append(process)
        else:
            let_go(process)


TIES = Ties()


@dataclass(frozen=True)
class Daemon:
    """A detached process.

    Attributes:
        file: Its connection file (mode 0600), which it writes when it is ready and removes when it ends.
        module: Python module that is run.
        arguments: Its command line.
        title: What it is, in words, for messages.
        abroad: Whether it is the same one on all hosts that share its file, and shows them that it lives.
    """

    file: Path
    module: str
    arguments: Sequence[str]
    title: str
    abroad: bool = False

    def connection(self) -> dict[str, Json] | None:
        """Read its connection file; nothing if it does not run, or is ending."""
        content = self.present()
        return None if content is None or content.get("ending") else content

    def present(self) -> dict[str, Json] | None:
        """Read its connection file, also while it is ending (it then has ``"ending"``); nothing if it does not run."""
        content = read_secret(self.file)
        if content is None or not lives(content, self.file) or (host_of(content) and not self.abroad):
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
        return self._ensure(environment or {}, timeout, Event())[0]

    async def launch(
        self, environment: Mapping[str, str] | None = None, patience: float = 60.0
    ) -> tuple[dict[str, Json], bool]:
        """Attach to it, starting it if need be; if this is cancelled, what was being started has ended afterwards.

        Args:
            environment: Set on top of this process' own, if it has to be started.
            patience: Longest wait in seconds until it is ready.

        Returns:
            Its connection, and whether it had to be started.

        Raises:
            SteeringError: If it ended at once or was not ready in time; with the end of its log.
        """
        cancelled = Event()
        work = asyncio.ensure_future(asyncio.to_thread(self._ensure, environment or {}, patience, cancelled))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            cancelled.set()
            await asyncio.wait([work])
            if not work.cancelled():
                # That it was to be started no more is what was wanted: nobody is to be told.
                work.exception()
            raise

    def _ensure(self, environment: Mapping[str, str], timeout: float, cancelled: Event) -> tuple[dict[str, Json], bool]:
        make_private(self.file.parent)
        with _locked(self.file.with_suffix(".lock")):
            self._until_gone(timeout, cancelled)
            present = self.connection()
            if present is not None:
                return present, False
            self._end_half_started()
            self.file.unlink(missing_ok=True)
            return self._start(environment, timeout, cancelled), True

    def stop(self, timeout: float = 75.0) -> None:
        """End it and wait until it has gone, also if it is just being started; does nothing if it does not run.

        Raises:
            SteeringError: If it runs on another host.
        """
        if not self.file.parent.is_dir():
            return
        with _locked(self.file.with_suffix(".lock")):
            content = self.present()
            if content is None:
                return
            if host_of(content):
                message = f"{self.title} runs on {host_of(content)}. Stop it there."
                raise SteeringError(message)
            process = int(str(content["pid"]))
            os.kill(process, signal.SIGTERM)
            if not _gone(process, timeout):
                os.killpg(process, signal.SIGKILL)
                _gone(process, timeout)
            self.file.unlink(missing_ok=True)

    def _until_gone(self, timeout: float, cancelled: Event) -> None:
        """Wait until one that is ending has gone: two at once would be in each other's way.

        Raises:
            SteeringError: If it has not within the time.
        """
        deadline = time.monotonic() + timeout
        while (self.present() or {}).get("ending"):
            if time.monotonic() > deadline or cancelled.is_set():
                message = f"{self.title} is ending, and has not ended within {timeout:g} s. See {self.log}."
                raise SteeringError(message)
            time.sleep(_POLL_SECONDS)

    @property
    def log(self) -> Path:
        """Where it writes what it has to say."""
        return self.file.with_suffix(".log")

    @property
    def _mark(self) -> Path:
        """Names the process while it is being started."""
        return self.file.with_suffix(".starting")

    def _end_half_started(self) -> None:
        """End what somebody began to start who was killed meanwhile: a second one beside it could not start."""
        begun = read_secret(self._mark)
        if begun is not None and not host_of(begun) and lives(begun, self._mark):
            _end_group(int(str(begun["pid"])))
        self._mark.unlink(missing_ok=True)

    def _start(self, environment: Mapping[str, str], timeout: float, cancelled: Event) -> dict[str, Json]:
        with self.log.open("wb") as log:
            self.log.chmod(0o600)
            process = subprocess.Popen(  # noqa: S603  (our own module, our own arguments, no shell)
                [sys.executable, "-m", self.module, *self.arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **utf8_environment(), **environment, STARTING: "1"},
                start_new_session=True,
            )
        try:
            write_secret(self._mark, identity(process.pid))
            content = self._ready(process, timeout, cancelled)
            TIES.started(process)
        except BaseException:
            # Interrupted or failed: what is half started would be in the way of the next one.
            _end_group(process.pid)
            process.wait()
            raise
        else:
            return content
        finally:
            self._mark.unlink(missing_ok=True)

    def _ready(self, process: "subprocess.Popen[bytes]", timeout: float, cancelled: Event) -> dict[str, Json]:
        """Wait until it says that it is ready."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            content = read_secret(self.file)
            if content is not None and content.get("pid") == process.pid:
                return content
            if process.poll() is not None:
                message = f"{self.title} ended at once (exit code {process.returncode}). {self._last_words()}"
                raise SteeringError(message)
            if cancelled.wait(_POLL_SECONDS):
                message = f"{self.title} was to be started no more."
                raise SteeringError(message)
        message = f"{self.title} was not ready within {timeout:g} s and was stopped. {self._last_words()}"
        raise SteeringError(message)

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"The end of its log ({self.log}): {' / '.join(lines[-3:]) or 'empty'}"


def _end_group(process: int) -> None:
    """End a process and what it started: politely first, since it may have submitted jobs."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
        if not _gone(process, _POLITE_SECONDS):
            os.killpg(process, signal.SIGKILL)
            _gone(process, _POLITE_SECONDS)


def _gone(process: int, timeout: float) -> bool:
    import psutil

    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            ended = psutil.Process(process).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True
        if ended:
            # One that has ended stays as a zombie until whoever started it looks: ours are collected here, and only
            # after they were seen to have ended, or one that ends in between is left behind.
            with suppress(ChildProcessError):
                os.waitpid(process, os.WNOHANG)
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
