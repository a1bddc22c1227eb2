"""The journal of a flow: what is about to be done and what was done, on the disk before anybody acts."""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from io import RawIOBase
from pathlib import Path
from threading import Lock
from typing import IO, Any, Self, cast

from steering.core.errors import SteeringError, cause, said
from steering.core.workspace import Workspace
from steering.flow_steps.bells import Bell, ring_all
from steering.flow_steps.flow_state import FlowState, Fold
from steering.machine.lines import append, mend
from steering.machine.secret_file import make_private

# Who looks whether a lock is held holds it for a moment.
_LOOK_SECONDS, _AGAIN_SECONDS = 1.0, 0.02
_KILLED_SECONDS = 0.5
_JOURNAL, _LOCK, _CANCEL = "journal.jsonl", "lock", "cancel"


class BusyError(SteeringError):
    """Another process runs this flow."""


def flows_folder(workspace: Workspace) -> Path:
    """Return where the flows of a workspace are kept."""
    return workspace.directory / "flows"


def synced(folder: Path) -> None:
    """Have a folder's names on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FlowJournal:
    """The journal of one flow run. Anybody may read it; whoever holds its lock writes it.

    Attributes:
        folder: Its folder, where the results of the flow are kept too.
    """

    def __init__(self, folder: Path) -> None:
        """Name it; it may not be there yet.

        Args:
            folder: ``flows/NAME-RUN`` of the workspace.
        """
        self.folder = folder
        self._lock: IO[str] | None = None
        self._file: RawIOBase | None = None
        self._reading = Lock()
        # What was read so far: its lines folded, so many bytes, and the first line.
        self._read: tuple[Fold, int, bytes] | None = None

    @property
    def id(self) -> str:
        """What the flow run is called."""
        return self.folder.name

    @property
    def exists(self) -> bool:
        """Whether it was ordered."""
        return (self.folder / _JOURNAL).exists()

    def order(self, line: Mapping[str, Any]) -> bool:
        """Order the flow, if it was not ordered before; return whether it was not.

        Args:
            line: ``flow``, ``run``, ``steps``, ``by``, and all that the runner needs.

        Raises:
            SteeringError: If it cannot be written, as on a full disk. Then it is not ordered.
        """
        try:
            return self._ordered(line)
        except OSError as error:
            message = (
                f"The flow run {self.id} cannot be written in {self.folder} ({cause(error)}). It is not ordered: make "
                "room there, or make the folder writable, and order it again."
            )
            raise SteeringError(message) from error

    def _ordered(self, line: Mapping[str, Any]) -> bool:
        make_private(self.folder)
        made = self.folder / f".order-{secrets.token_hex(4)}"
        try:
            with made.open("xb") as file:
                file.write(_line("ordered", line))
                file.flush()
                os.fsync(file.fileno())
            # Whole or not at all, and only one of those who order it at once succeeds.
            os.link(made, self.folder / _JOURNAL)
        except FileExistsError:
            return False
        finally:
            made.unlink(missing_ok=True)
        synced(self.folder)
        synced(self.folder.parent)
        ring_all(self.folder.parent)
        return True

    def lines(self) -> Iterator[Mapping[str, Any]]:
        """Read its lines; one that a crash cut off is left out."""
        with (self.folder / _JOURNAL).open("rb") as file:
            yield from (one for one in map(_said, file) if one is not None)

    @property
    def ordered_at(self) -> float:
        """When it was ordered, Unix time in seconds, as its first line says; one that says nothing, by its folder."""
        with suppress(OSError, KeyError, TypeError, ValueError):
            for line in self.lines():
                return float(line["time"])
        with suppress(OSError):
            return self.folder.stat().st_mtime
        return 0.0

    @property
    def folded(self) -> FlowState:
        """How it stands by its lines, whoever runs it.

        Raises:
            SteeringError: If there is no such flow run, or its journal is none that this version writes.
        """
        try:
            state = self._read_on()
        except FileNotFoundError as error:
            message = f"There is no flow run {self.id!r:.80}. See which there are: steering flow status."
            raise SteeringError(message) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._unreadable(f"{said(error):.80}") from error
        if not state.order:
            raise self._unreadable("it orders nothing")
        return state

    def _read_on(self) -> FlowState:
        """Fold what was written since the last look: a long one is looked at with each of its lines."""
        with self._reading, (self.folder / _JOURNAL).open("rb") as file:
            # Its first line has the time of the order: a journal that took the place of another one has another.
            first = file.readline()
            fold, at, before = self._read or (Fold(self.id), 0, b"")
            if first != before or os.fstat(file.fileno()).st_size < at:
                fold, at = Fold(self.id), 0
            # If a line is none of ours all are read again, and it is said again.
            self._read = None
            file.seek(at)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                at += len(line)
                if (told := _said(line)) is not None:
                    fold.take(told)
            self._read = fold, at, first
            return fold.state

    @property
    def state(self) -> FlowState:
        """How it stands; one that should run and that nobody runs is ``interrupted``.

        One whose journal cannot be read has failed, and says so: it hides none of the others.

        Raises:
            SteeringError: If there is no such flow run.
        """
        # Asked first: it may end between the two looks, and then it has ended.
        running = self.held
        try:
            state = self.folded
        except SteeringError as error:
            if not self.exists:
                raise
            return FlowState(self.id, status="failed", why=str(error), ordered=self.folder.stat().st_mtime)
        if running:
            return replace(state, status="running", why="")
        if state.status == "running":
            why = f"Whoever ran it was ended. Go on: steering flow resume {self.id}."
            return replace(state, status="interrupted", why=why)
        return state

    def _unreadable(self, why: str) -> SteeringError:
        return SteeringError(
            f"The journal {self.folder / _JOURNAL} cannot be read ({why}): another version wrote it, or a disk has "
            "spoiled it. Move its folder elsewhere; then the flow can be ordered anew."
        )

    @property
    def held(self) -> bool:
        """Whether a process runs it now, this one included."""
        if self._lock is not None:
            return True
        with suppress(FileNotFoundError), (self.folder / _LOCK).open() as file:
            # Together with all others who look: none of them takes another for the one that runs it.
            return not _taken(file, fcntl.LOCK_SH)
        return False

    def until_over(self, seconds: float) -> bool:
        """Wait until it is not to be run, and is not run, any more; return whether that is so.

        Args:
            seconds: Longest wait.
        """
        deadline = time.monotonic() + seconds
        with Bell(self.folder.parent) as bell:
            # Whoever is killed rings no bell: looked at now and then.
            while self.state.status in ("ordered", "running"):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                bell.wait(min(_KILLED_SECONDS, left))
        return True

    def until_free(self, seconds: float) -> bool:
        """Wait until nobody runs it; return whether that is so.

        Args:
            seconds: Longest wait.
        """
        deadline = time.monotonic() + seconds
        with Bell(self.folder.parent) as bell:
            # Whoever is killed rings no bell: looked at now and then.
            while self.held and time.monotonic() < deadline:
                bell.wait(min(_KILLED_SECONDS, max(deadline - time.monotonic(), 0.0)))
        return not self.held

    def __enter__(self) -> Self:
        """Take the lock, and mend what a crash left.

        Raises:
            BusyError: If another process has it.
            SteeringError: If it cannot be written here.
        """
        if not self.exists:
            # For its sentence.
            _ = self.state
        try:
            lock = (self.folder / _LOCK).open("a+")
            try:
                self._hold(lock)
            except BaseException:
                # Else nobody could run it as long as this process lives.
                lock.close()
                raise
        except OSError as error:
            message = (
                f"The flow run {self.id} cannot be taken up in {self.folder}: {cause(error)}. See that you may write "
                f"there, and resume: steering flow resume {self.id}."
            )
            raise SteeringError(message) from error
        self._lock = lock
        return self

    def _hold(self, lock: IO[str]) -> None:
        """Take the lock, mend the journal and open it.

        Raises:
            BusyError: If another process has the lock.
            OSError: If the journal cannot be written.
        """
        deadline = time.monotonic() + _LOOK_SECONDS
        while not _taken(lock):
            if time.monotonic() > deadline:
                message = f"The flow run {self.id} is run by another process. Look: steering flow status {self.id}."
                raise BusyError(message)
            time.sleep(_AGAIN_SECONDS)
        mend(self.folder / _JOURNAL)
        self._file = (self.folder / _JOURNAL).open("r+b", buffering=0)

    def __exit__(self, *_: object) -> None:
        """Let go."""
        if self._file is not None:
            self._file.close()
        if self._lock is not None:
            self._lock.close()
        self._file = self._lock = None
        ring_all(self.folder.parent)

    def write(self, kind: str, content: Mapping[str, Any] | None = None, *, sync: bool = True) -> None:
        """Append a line.

        Args:
            kind: What it says.
            content: More of it, as JSON.
            sync: Whether it must be on the disk before anybody acts; not for progress.

        Raises:
            SteeringError: If there is no room for it, or this process does not hold the lock.
        """
        if self._file is None:
            raise BusyError(f"This process does not run the flow {self.id}.")
        try:
            append(self._file, _line(kind, content or {}))
            if sync:
                os.fsync(self._file.fileno())
        except OSError as error:
            message = f"The journal of the flow {self.id} cannot be written: {cause(error)}. Free space and resume."
            raise SteeringError(message) from error
        ring_all(self.folder.parent)

    def wish_cancelled(self) -> None:
        """Ask whoever runs it to stop."""
        (self.folder / _CANCEL).touch()
        ring_all(self.folder.parent)

    @property
    def cancel_wished(self) -> bool:
        """Whether somebody asked for its end."""
        return (self.folder / _CANCEL).exists()

    def forget_wish(self) -> None:
        """Take the wish to cancel it back: it is resumed."""
        (self.folder / _CANCEL).unlink(missing_ok=True)


def journals(workspace: Workspace) -> list[FlowJournal]:
    """List the flow runs of a workspace, the newest order first."""
    folder = flows_folder(workspace)
    found = [FlowJournal(path.parent) for path in folder.glob(f"*/{_JOURNAL}")]
    return sorted(found, key=lambda one: (one.ordered_at, one.id), reverse=True)


def _said(line: bytes) -> Mapping[str, Any] | None:
    """Read a line; nothing if a crash has cut it off, or a disk has spoiled it."""
    if line.endswith(b"\n"):
        with suppress(ValueError):
            told = json.loads(line)
            if isinstance(told, dict):
                return cast("dict[str, Any]", told)
    return None


def _taken(file: IO[str], kind: int = fcntl.LOCK_EX) -> bool:
    """Take the lock of an open file; return whether that was possible."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _line(kind: str, content: Mapping[str, Any]) -> bytes:
    # What a line is about never says what kind of line it is.
    return json.dumps({"time": time.time(), **content, "kind": kind}).encode() + b"\n"
