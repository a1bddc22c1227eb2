"""HDF5 files that are open for reading on this worker. Opening one for each frame costs more than reading it."""

from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

_FILES_KEPT = 8


@dataclass
class _Entry:
    file: Any
    users: int = 0
    stale: bool = False


class OpenFiles:
    """The newest few files, for any number of threads."""

    def __init__(self, most: int = _FILES_KEPT) -> None:
        """Keep so many files open; more only while they are in use."""
        self._lock = Lock()
        self._most = most
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    @contextmanager
    def use(self, path: str) -> Generator[Any]:
        """Lend an open file. It is read under SWMR (single writer, multiple readers), so its writer may go on.

        Raises:
            OSError: If it cannot be opened.
        """
        import h5py

        with self._lock:
            entry = self._entries.get(path)
            if entry is None:
                entry = self._entries[path] = _Entry(h5py.File(path, "r", libver="latest", swmr=True))
            self._entries.move_to_end(path)
            entry.users += 1
            self._close_idle()
        try:
            yield entry.file
        finally:
            with self._lock:
                entry.users -= 1
                if entry.stale and entry.users == 0:
                    entry.file.close()

    def forget(self, path: str) -> None:
        """Have a file opened anew next time: what is known of it may be out of date."""
        with self._lock:
            entry = self._entries.pop(path, None)
            if entry is not None:
                entry.stale = True
                if entry.users == 0:
                    entry.file.close()

    def close(self) -> None:
        """Close all files that nobody uses."""
        for path in list(self._entries):
            self.forget(path)

    def _close_idle(self) -> None:
        for path, entry in list(self._entries.items()):
            if len(self._entries) <= self._most:
                return
            if entry.users == 0:
                del self._entries[path]
                entry.file.close()
