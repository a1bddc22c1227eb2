"""HDF5 files that are open for reading on this worker. Opening one for each frame costs more than reading it.

HDF5 does one thing at a time, and looking anew at a dataset that grows pulls it from under whoever reads it in another
thread (a crash of the process, measured). So one lock is held while HDF5 is asked for anything; mapping and
decompressing are done outside of it, by as many threads as there are.
"""

from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from threading import RLock
from typing import Any

_FILES_KEPT = 8
_HDF5 = RLock()


class OpenFiles:
    """The newest few files, for any number of threads."""

    def __init__(self, most: int = _FILES_KEPT) -> None:
        """Keep so many files open."""
        self._most = most
        self._files: OrderedDict[str, Any] = OrderedDict()

    def __len__(self) -> int:
        """Count the open files."""
        return len(self._files)

    @contextmanager
    def use(self, path: str) -> Generator[Any]:
        """Lend an open file; until it is given back no other thread uses HDF5.

        It is read under SWMR (single writer, multiple readers), so its writer may go on.

        Raises:
            OSError: If it cannot be opened.
        """
        import h5py

        with _HDF5:
            if path not in self._files:
                self._files[path] = h5py.File(path, "r", libver="latest", swmr=True)
            self._files.move_to_end(path)
            yield self._files[path]
            while len(self._files) > self._most:
                self.forget(next(iter(self._files)))

    def forget(self, path: str) -> None:
        """Have a file opened anew next time: what is known of it may be out of date."""
        with _HDF5:
            file = self._files.pop(path, None)
            if file is not None:
                file.close()

    def close(self) -> None:
        """Close all files."""
        for path in list(self._files):
            self.forget(path)
