"""What the beamline tells: each document and ruling goes into the journal first, then to everybody who listens."""

from threading import Lock

from steering.archive.journal import Entry, Journal
from steering.beamline.files import NamedFiles
from steering.beamline.hub import Hub
from steering.core.workspace import Workspace


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
        # Innermost of all locks: the RunEngine's thread takes it with each document.
        self._lock = Lock()

    def begin(self, scan: str) -> None:
        """Begin the journal of a scan; what was published before is no longer shown."""
        with self._lock:
            self.hub.begin()
            self._close()
            self._journal = Journal(self._workspace.journal, scan)

    def publish(self, entry: Entry) -> None:
        """Write an entry down, then hand it on; from any thread."""
        with self._lock:
            if self._journal is not None:
                self._journal.write(entry)
            if entry.kind == "document":
                self.files.note(entry.name, entry.content)
            self.hub.publish(entry)

    def close(self) -> None:
        """Close the journal."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None
