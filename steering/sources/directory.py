"""A directory that something fills with files: which are new, which changed, and which are done with."""

import os
import re
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_NUMBERED = re.compile(r"(.*?)(\d+)$")


@dataclass
class SeenFile:
    """A file that was seen.

    Attributes:
        path: Where it is.
        series: Its name without its number: files of one series are one run.
        number: The last digits of its name, 0 without any.
        size: Bytes, when it was last seen.
        changed: Unix time in nanoseconds of its last change.
        since: Monotonic time in seconds at which it was first seen as it is.
    """

    path: Path
    series: str
    number: int
    size: int = -1
    changed: int = -1
    since: float = 0.0


class Directory:
    """Files of one directory that are not done with.

    Attributes:
        repeated: How many were written again after they were done with.
    """

    def __init__(self, path: Path, pattern: str, suffixes: Collection[str]) -> None:
        """Describe it; it need not be there yet.

        Args:
            path: Where it is.
            pattern: Which files.
            suffixes: Lower-case ends of the names of files that can be read.
        """
        self.repeated = 0
        self._path = path
        self._pattern = pattern
        self._suffixes = frozenset(suffixes)
        self._files: dict[Path, SeenFile] = {}
        self._done: dict[Path, tuple[int, int]] = {}
        self._refused: set[Path] = set()

    def look(self) -> None:
        """See what is there, and what changed since the look before.

        Raises:
            OSError: If it cannot be read, or is not there.
        """
        # To ``glob`` a directory that is not there, or may not be read, is an empty one.
        os.scandir(self._path).close()
        for path in self._path.glob(self._pattern):
            if path.suffix.lower() in self._suffixes and not path.name.startswith("."):
                self._see(path)

    def waiting(self, series: str = "") -> list[SeenFile]:
        """List the files of a series in order of their numbers; of the one that was begun first, if none is named."""
        names = {file.series for file in self._files.values()}
        if series:
            names &= {series}
        if not names:
            return []
        name = min(names, key=lambda one: min(f.changed for f in self._files.values() if f.series == one))
        return sorted((file for file in self._files.values() if file.series == name), key=lambda file: file.number)

    def finish(self, file: SeenFile) -> None:
        """Be done with a file."""
        self._done[file.path] = file.size, file.changed
        self._files.pop(file.path, None)

    def refuse(self, file: SeenFile) -> None:
        """Be done with a file as it is: if it is written anew it is looked at again."""
        self.finish(file)
        self._refused.add(file.path)

    def is_done(self, file: SeenFile) -> bool:
        """Say whether a file is done with."""
        return file.path in self._done

    def _see(self, path: Path) -> None:
        try:
            known = path.stat()
        except FileNotFoundError:
            return
        as_it_is = known.st_size, known.st_mtime_ns
        if path in self._done:
            if self._done[path] == as_it_is:
                return
            if path not in self._refused:
                self._done[path] = as_it_is
                self.repeated += 1
                return
            # What was given up half-written, or was of another size, has been written anew: it comes late.
            self._refused.discard(path)
            del self._done[path]
        file = self._files.get(path)
        if file is None:
            matched = _NUMBERED.match(path.stem)
            series, number = (matched[1], int(matched[2])) if matched else (path.stem, 0)
            file = self._files[path] = SeenFile(path, f"{series}{path.suffix}", number)
        if (file.size, file.changed) != as_it_is:
            file.size, file.changed = as_it_is
            file.since = time.monotonic()
