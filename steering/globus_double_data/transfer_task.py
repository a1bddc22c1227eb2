"""One transfer: files that are copied, compared and counted, and what may hold it up."""

import hashlib
import shutil
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steering.globus_double_data.call import Document, Person
from steering.globus_double_data.collection import Collection
from steering.globus_double_data.ground import Ground, now

_CHUNK = 1 << 18
# So often is a file copied anew before the task gives up.
_TRIES = 3
_EXISTS, _SIZE, _TIME, _CHECKSUM = range(4)


class _EndedError(Exception):
    """The task ends here: cancelled, failed, or the double closes."""


@dataclass(frozen=True)
class Item:
    """A file or a folder to be copied, by paths within the collections."""

    source: str
    destination: str
    recursive: bool
    checksum: str = ""
    algorithm: str = "sha256"


@dataclass(frozen=True)
class Order:
    """What was asked for.

    Attributes:
        source: Where the files are.
        destination: Where they go.
        items: Which.
        label: Of the person.
        verify: Whether checksums are compared.
        sync_level: What decides that a file is there already; nothing decides it if none.
    """

    source: Collection
    destination: Collection
    items: tuple[Item, ...]
    label: str
    verify: bool
    sync_level: int | None


@dataclass
class TransferTask:
    """A transfer and how far it is. Its counts are written under the ground's lock."""

    order: Order
    owner: Person
    ground: Ground
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "ACTIVE"
    reason: str = ""
    words: str = ""
    paused: bool = False
    fatal: Document | None = None
    files: int = 0
    moved: int = 0
    skipped: int = 0
    byte_count: int = 0
    faults: int = 0
    began: float = field(default_factory=time.monotonic)
    requested: str = field(default_factory=now)
    completed: str | None = None
    events: list[Document] = field(default_factory=list[Any])
    successes: list[Document] = field(default_factory=list[Any])

    def run(self) -> None:
        """Copy all files."""
        try:
            self._tell("STARTED", "started")
            pairs = self._pairs()
            with self.ground.lock:
                self.files = len(pairs)
            for source, destination, item in pairs:
                self._ready()
                self._move(source, destination, item)
            self._end("SUCCEEDED", "SUCCEEDED", "succeeded")
        except _EndedError:
            return
        except OSError as error:
            self._fail("FILE_ACCESS_FAILURE", f"{error.strerror or error}: {error.filename}")

    def cancel(self) -> bool:
        """Stop; return whether it still ran."""
        return self._end("FAILED", "CANCELED", "canceled by the task's owner", {"code": "CANCELED"})

    def document(self) -> Document:
        """Describe it as Transfer does. Call with the lock."""
        seconds = max(time.monotonic() - self.began, 1e-3)
        pending = self.files - self.moved - self.skipped
        return {
            "DATA_TYPE": "task",
            "task_id": self.id,
            "type": "TRANSFER",
            "label": self.order.label,
            "owner_id": self.owner.identity,
            "status": self.status,
            "is_ok": None if self.completed else not self.reason,
            "is_paused": self.paused,
            "nice_status": self.reason or ("OK" if not self.completed else None),
            "nice_status_short_description": self.reason or None,
            "nice_status_details": self.words or None,
            "fatal_error": self.fatal,
            "faults": self.faults,
            "files": self.files,
            "files_transferred": self.moved,
            "files_skipped": self.skipped,
            "bytes_transferred": self.byte_count,
            "effective_bytes_per_second": int(self.byte_count / seconds),
            "subtasks_total": self.files,
            "subtasks_succeeded": self.moved,
            "subtasks_pending": 0 if self.completed else pending,
            "source_endpoint_id": self.order.source.id,
            "source_endpoint_display_name": self.order.source.name,
            "destination_endpoint_id": self.order.destination.id,
            "destination_endpoint_display_name": self.order.destination.name,
            "verify_checksum": self.order.verify,
            "sync_level": self.order.sync_level,
            "request_time": self.requested,
            "completion_time": self.completed,
        }

    def _pairs(self) -> list[tuple[Path, Path, Item]]:
        found: list[tuple[Path, Path, Item]] = []
        for item in self.order.items:
            source, destination = self.order.source.inside(item.source), self.order.destination.inside(item.destination)
            if not source.exists():
                self._fail("FILE_NOT_FOUND", f"{item.source} is not in {self.order.source.name}")
                raise _EndedError
            if not item.recursive:
                found.append((source, destination, item))
                continue
            inner = sorted(file for file in source.rglob("*") if file.is_file())
            found += [(file, destination / file.relative_to(source), item) for file in inner]
        return found

    def _ready(self) -> None:
        """Wait until nothing holds it up; say what does."""
        with self.ground.lock:
            self.ground.until(self._free)
            if self.ground.closing or self.completed:
                raise _EndedError
            faults = self.ground.faults
            failing = faults.failing > 0
            faults.failing -= failing
        if failing:
            self._fail("EXPIRED", faults.failing_reason)
            raise _EndedError

    def _free(self) -> bool:
        faults = self.ground.faults
        ends = (self.order.source, self.order.destination)
        away = [end.name for end in ends if end.id in faults.offline]
        before = self.reason
        self.paused = bool(faults.paused)
        self.reason, self.words = "", ""
        if faults.paused:
            self.reason, self.words = "PAUSED_BY_ADMIN", faults.paused
        elif away:
            self.reason, self.words = "CONNECT_FAILED", f"{away[0]} is offline"
        elif faults.stalled:
            self.reason, self.words = "TIMEOUT", faults.stalled
        if self.reason and self.reason != before and not self.completed:
            self.faults += 1
            self._tell(self.reason, self.words, error=True)
        return not self.reason or self.completed is not None

    def _move(self, source: Path, destination: Path, item: Item) -> None:
        if self._there(source, destination):
            with self.ground.lock:
                self.skipped += 1
            return
        destination.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(_TRIES):
            self._copy(source, destination)
            wanted = item.checksum or _digest(source, item.algorithm)
            if not self.order.verify or wanted == _digest(destination, item.algorithm):
                with self.ground.lock:
                    self.moved += 1
                    self.ground.effects.files_moved += 1
                    self.successes.append({"source_path": str(source), "destination_path": str(destination)})
                return
            with self.ground.lock:
                self.faults += 1
                self._tell("VERIFY_CHECKSUM", f"the checksum of {destination.name} is wrong", error=True)
        destination.unlink()
        self._fail("VERIFY_CHECKSUM", f"{destination.name} arrived with a wrong checksum {_TRIES} times")
        raise _EndedError

    def _there(self, source: Path, destination: Path) -> bool:
        """Say whether a file is there already, by what the sync level compares."""
        level = self.order.sync_level
        if level is None or not destination.exists():
            return False
        before, after = source.stat(), destination.stat()
        same = {
            _EXISTS: lambda: True,
            _SIZE: lambda: before.st_size == after.st_size,
            _TIME: lambda: before.st_size == after.st_size and before.st_mtime <= after.st_mtime,
            _CHECKSUM: lambda: _digest(source, "sha256") == _digest(destination, "sha256"),
        }
        return same.get(level, lambda: False)()

    def _copy(self, source: Path, destination: Path) -> None:
        partial = destination.with_name(f".{destination.name}.{self.id}.partial")
        with source.open("rb") as inside, partial.open("wb") as outside:
            while chunk := inside.read(_CHUNK):
                outside.write(chunk)
                with self.ground.lock:
                    if self.ground.closing or self.completed:
                        break
                    self.byte_count += len(chunk)
                    self.ground.effects.bytes_moved += len(chunk)
        with self.ground.lock:
            ended = self.ground.closing or self.completed
            wrong = self.ground.faults.wrong_checksums > 0
            self.ground.faults.wrong_checksums -= wrong
        if ended:
            partial.unlink()
            raise _EndedError
        if wrong:
            _spoil(partial)
        shutil.copystat(source, partial)
        partial.replace(destination)

    def _fail(self, code: str, words: str) -> None:
        self._end("FAILED", code, words, {"code": code, "description": words})

    def _end(self, status: str, code: str, words: str, fatal: Document | None = None) -> bool:
        with self.ground.lock:
            if self.completed:
                return False
            self.status, self.fatal, self.completed = status, fatal, now()
            self.reason, self.words, self.paused = "", "", False
            self._tell(code, words, error=fatal is not None)
            return True

    def _tell(self, code: str, words: str, *, error: bool = False) -> None:
        event = {"DATA_TYPE": "event", "code": code, "is_error": error, "description": words, "details": words}
        with self.ground.lock:
            self.events.insert(0, {**event, "time": now()})
            self.ground.lock.notify_all()


def _digest(file: Path, algorithm: str) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, algorithm).hexdigest()


def _spoil(file: Path) -> None:
    """Turn the bits of the first byte, or add one to an empty file."""
    with file.open("r+b") as content:
        first = content.read(1) or b"\0"
        content.seek(0)
        content.write(bytes([first[0] ^ 0xFF]))
