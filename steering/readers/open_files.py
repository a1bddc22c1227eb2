"""HDF5 files that are open for reading on this worker. Opening one for each frame costs more than reading it.

HDF5 does one thing at a time, and looking anew at a dataset that grows pulls it from under whoever reads it in another
thread (a crash of the process, measured). So one lock is held while HDF5 is asked for anything; mapping and
decompressing are done outside of it, by as many threads as there are. Nothing of a file stays open when the lock is
given back but the file: a dataset that somebody still held would be open twice for the next one, see
:mod:`steering.readers.hdf5_written`.
"""

from collections import Counter, OrderedDict
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
        # How often each file is lent now; by one thread, which may ask again for what it has.
        self._lent: Counter[str] = Counter()

    def __len__(self) -> int:
        """Count the open files."""
        return len(self._files)

    @contextmanager
    def use(self, path: str) -> Generator[Any]:
        """Lend an open file; until it is given back no other thread uses HDF5.

        It is read under SWMR (single writer, multiple readers), so its writer may go on. What was opened in it is
        closed when it is given back.

        Raises:
            OSError: If it cannot be opened.
        """
        import h5py

        with _HDF5:
            if path not in self._files:
                self._files[path] = h5py.File(path, "r", libver="latest", swmr=True)
            self._files.move_to_end(path)
            file = self._files[path]
            self._lent[path] += 1
            try:
                yield file
            finally:
                self._lent[path] -= 1
                if not self._lent[path]:
                    del self._lent[path]
                    _close_all_in(file)
            # Not one that is lent: a master is read while its data files come and go.
            for one in [one for one in self._files if one not in self._lent][: max(len(self._files) - self._most, 0)]:
                self.forget(one)

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


def _close_all_in(file: Any) -> None:
    """Close the datasets and groups of a file that are still open, as by the traceback of an error."""
    import h5py

    kinds = h5py.h5f.OBJ_LOCAL | h5py.h5f.OBJ_DATASET | h5py.h5f.OBJ_GROUP
    if not file.id.valid or not h5py.h5f.get_obj_count(file.id, kinds):
        return
    for one in h5py.h5f.get_obj_ids(file.id, kinds):
        while one.valid:
            h5py.h5i.dec_ref(one)
