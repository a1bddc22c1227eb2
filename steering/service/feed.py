"""What the beamline tells: each document and ruling goes into the journal first, then to everybody who listens."""

from collections import deque
from contextlib import suppress
from threading import Lock

from steering.core.errors import SteeringError, cause
from steering.core.workspace import Workspace
from steering.journal.journal import Entry, Journal
from steering.service.files import NamedFiles
from steering.service.hub import Hub

# What the journal of what comes between two scans is called, in place of a scan.
_BETWEEN = "between"


class Feed:
    """Journals and publishes.

    Attributes:
        hub: Who listens.
        files: What its runs have named, for guests who do not see them.
    """

    def __init__(self, workspace: Workspace) -> None:
        """Keep journals in a workspace."""
        self.hub = Hub()
        self.files = NamedFiles()
        self._workspace = workspace
        self._journal: Journal | None = None
        self._waiting: deque[Entry] = deque()
        self._trouble = ""
        self._over = False
        # Innermost of all locks: the RunEngine's thread takes it with each document.
        self._lock = Lock()

    def begin(self, scan: str) -> None:
        """Begin the journal of a scan; what was published before is no longer shown.

        Raises:
            SteeringError: If the last one is not written yet, as its disk is full, or this one cannot be begun.
        """
        with self._lock:
            self._close()
            try:
                self._journal, self._over = Journal(self._workspace.journal, scan), False
            except OSError as error:
                message = f"No journal can be begun in {self._workspace.journal} ({cause(error)}). Free room there."
                raise SteeringError(message) from error
            self.hub.begin()

    def end(self) -> None:
        """Say that the scan is over: what comes now is of none of its runs, and goes into a journal of its own.

        Flows copy a run's journal as soon as it has ended. It must not grow any more, as by a proposal that came late.
        """
        with self._lock:
            self._over = True

    def publish(self, entry: Entry) -> None:
        """Write an entry down, then hand it on; from any thread."""
        with self._lock:
            if self._journal is not None:
                self._change()
                self._waiting.append(entry)
                self._flush()
            if entry.kind == "document":
                self.files.note(entry.name, entry.content)
            self.hub.publish(entry)

    @property
    def trouble(self) -> str:
        """Why entries wait to be written; empty if none do. Tries to write them first."""
        if not self._waiting:
            return ""
        with self._lock:
            self._flush()
            return self._trouble

    def close(self) -> None:
        """Close the journal."""
        with self._lock:
            self._close()

    def _change(self) -> None:
        """Begin the journal of what comes between two scans; where that cannot be, the last scan's goes on."""
        if not self._over or self._journal is None:
            return
        self._flush()
        if self._waiting:
            return
        with suppress(OSError):
            new = Journal(self._workspace.journal, _BETWEEN)
            self._journal.close()
            self._journal, self._over = new, False

    def _flush(self) -> None:
        """Write what waits, in order; what does not fit waits on, and nobody who publishes fails."""
        journal = self._journal
        while self._waiting and journal is not None:
            try:
                journal.write(self._waiting[0])
            except OSError as error:
                self._trouble = (
                    f"The journal {journal.path} cannot be written ({cause(error)}). {len(self._waiting)} entries "
                    "wait in memory and are written as soon as that is possible: free some room there, then resume."
                )
                return
            self._waiting.popleft()
        self._trouble = ""

    def _close(self) -> None:
        self._flush()
        if self._waiting and self._journal is not None:
            message = f"The last run is not written yet. {self._trouble}"
            raise SteeringError(message)
        if self._journal is not None:
            self._journal.close()
            self._journal = None
