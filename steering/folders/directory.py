"""A directory that something fills with files: which are new, which changed, and which are done with."""

import fnmatch
import os
import time
from collections import Counter, deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from steering.readers.file_names import FileName, counting, read_name

_KINDS_NAMED = 3
_FILES_COMPARED = 8
# Of the files that are done with so many are looked at each time, whether they were written again.
_DONE_LOOKED_AT = 500


@dataclass
class SeenFile:
    """A file that was seen.

    Attributes:
        path: Where it is.
        name: Its name, taken apart.
        series: Its name without the number that counts: files of one series are one run.
        number: That number, 0 without any.
        size: Bytes, when it was last seen.
        changed: Unix time in nanoseconds of its last change.
        since: Monotonic time in seconds at which it was first seen as it is.
    """

    path: Path
    name: FileName
    series: str = ""
    number: int = 0
    size: int = -1
    changed: int = -1
    since: float = 0.0

    def count_by(self, place: int | None) -> None:
        """Take one of the numbers in the name for the one that counts."""
        self.series = self.name.series(place)
        self.number = int(self.name.digits[place]) if place is not None else 0


@dataclass
class _Alike:
    """Names that differ in their numbers only.

    Attributes:
        counted: Which number counts.
        files: So many of them that it is known.
        settled: Whether a run rests on it.
    """

    counted: int | None = None
    files: list[SeenFile] = field(default_factory=list[SeenFile])
    settled: bool = False


class Directory:
    """Files of one directory that are not done with.

    Attributes:
        repeated: How many were written again after they were done with.
    """

    def __init__(self, path: Path, pattern: str) -> None:
        """Describe it; it need not be there yet.

        Args:
            path: Where it is.
            pattern: Which files.
        """
        self.repeated = 0
        self._path = path
        self._pattern = pattern
        self._files: dict[Path, SeenFile] = {}
        self._done: dict[Path, tuple[int, int]] = {}
        self._refused: set[Path] = set()
        self._ignored: dict[Path, str] = {}
        self._alike: dict[tuple[str, ...], _Alike] = {}
        # Names of files that are done with, to be passed over, and in the order in which they are looked at again.
        self._over: set[str] = set()
        self._turn: deque[str] = deque()

    @property
    def ignored(self) -> str:
        """A sentence on the files that are of no known format; empty if there are none."""
        if not self._ignored:
            return ""
        kinds = sorted(Counter(self._ignored.values()).items(), key=lambda kind: (-kind[1], kind[0]))
        named = ", ".join(f"{count} {kind}" for kind, count in kinds[:_KINDS_NAMED])
        more = "" if len(kinds) <= _KINDS_NAMED else f" and {sum(count for _, count in kinds[_KINDS_NAMED:])} others"
        return f"Left out, since their format is not known: {named}{more}."

    def look(self) -> None:
        """See what is there, and what changed since the look before.

        Raises:
            OSError: If it cannot be read, or is not there.
        """
        for path in self._listed():
            if path in self._ignored or path.name.startswith("."):
                continue
            name = read_name(path)
            if name is not None:
                self._see(path, name)
            elif path.is_file():
                self._ignored[path] = path.suffix or "without suffix"

    def _listed(self) -> Iterator[Path]:
        """List what is there that may be new or have changed: of the files that are done with some in turn.

        A run may have a hundred thousand files, and all of them would be asked for their size at each look.
        """
        # To ``glob`` a directory that is not there, or may not be read, is an empty one.
        with os.scandir(self._path) as entries:
            names = [entry.name for entry in entries]
        if "/" in self._pattern or "**" in self._pattern:
            yield from self._path.glob(self._pattern)
            return
        for name in fnmatch.filter(names, self._pattern):
            if name not in self._over:
                yield self._path / name
        for _ in range(min(len(self._turn), _DONE_LOOKED_AT)):
            self._turn.rotate(-1)
            yield self._path / self._turn[-1]

    def waiting(self, series: str = "") -> list[SeenFile]:
        """List the files of a series in order of their numbers; of the one that was begun first, if none is named."""
        # The series of the file that changed first, where none is named: one look at each file, however many series.
        begun = min(self._files.values(), key=lambda file: file.changed, default=None)
        name = series or (begun.series if begun is not None else "")
        return sorted((file for file in self._files.values() if file.series == name), key=lambda file: file.number)

    def waiting_in(self, suffixes: Collection[str]) -> list[SeenFile]:
        """List the files of some formats, whatever their series."""
        return [file for file in self._files.values() if file.name.suffix in suffixes]

    def settle(self, file: SeenFile) -> None:
        """Keep to which number counts in names like this one: a run of several files rests on it."""
        self._alike[file.name.texts].settled = True

    def finish(self, file: SeenFile) -> None:
        """Be done with a file."""
        self._end(file)
        if file.path.name not in self._over:
            self._over.add(file.path.name)
            self._turn.append(file.path.name)

    def refuse(self, file: SeenFile) -> None:
        """Be done with a file as it is: if it is written anew it is looked at again."""
        self._end(file)
        self._refused.add(file.path)
        if file.path.name in self._over:
            self._over.remove(file.path.name)
            self._turn.remove(file.path.name)

    def _end(self, file: SeenFile) -> None:
        self._done[file.path] = file.size, file.changed
        self._files.pop(file.path, None)

    def is_done(self, file: SeenFile) -> bool:
        """Say whether a file is done with."""
        return file.path in self._done

    def _see(self, path: Path, name: FileName) -> None:
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
            file = self._files[path] = SeenFile(path, name)
            self._count(file)
        if (file.size, file.changed) != as_it_is:
            file.size, file.changed = as_it_is
            file.since = time.monotonic()

    def _count(self, file: SeenFile) -> None:
        """Find which number counts in names like a new one; what was thought before of the others may change."""
        alike = self._alike.setdefault(file.name.texts, _Alike())
        if not alike.settled:
            alike.files = [*alike.files[: _FILES_COMPARED - 1], file]
            counted = counting(other.name for other in alike.files)
            if counted != alike.counted:
                alike.counted = counted
                for other in (*alike.files, *self._files.values()):
                    if other.name.texts == file.name.texts:
                        other.count_by(counted)
        file.count_by(alike.counted)
