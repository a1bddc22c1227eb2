"""The journals of a workspace as they come. A beamtime has thousands of them, and they are looked at all the time."""

import math
import os
import time
from pathlib import Path

from steering.journal.recorded_mark import is_recorded, read_mark

# A new journal changes its folder's time. Where that is too coarse, or is none, it is found after so many seconds.
_LOOK_SECONDS = 5.0


class JournalFolder:
    """A folder of journals.

    Attributes:
        path: Of the folder.
        newest: The one that came last, which may still grow; nothing while there is none.
    """

    def __init__(self, folder: Path) -> None:
        """Name it; it may not be there yet."""
        self.path = folder
        self._changed = -1
        self._again = -math.inf
        self._known: set[str] = set()
        self.newest: Path | None = None

    def look(self) -> list[Path]:
        """Return the journals that have come since the last look, oldest first.

        At the first look those of which the record has all are left out, but for the newest.

        Raises:
            OSError: If the folder cannot be read.
        """
        now = time.monotonic()
        try:
            changed = self.path.stat().st_mtime_ns
        except FileNotFoundError:
            return []
        if changed == self._changed and now < self._again:
            return []
        with os.scandir(self.path) as there:
            names = sorted({one.name for one in there if one.name.endswith(".jsonl")} - self._known)
        self._changed, self._again = changed, now + _LOOK_SECONDS
        self._known.update(names)
        come = [self.path / name for name in names]
        if come:
            self.newest = come[-1]
        return [one for one in come if one == self.newest or not _done(one)]


def _done(journal: Path) -> bool:
    try:
        return is_recorded(journal) and not read_mark(journal).missing
    except OSError:
        # Whoever reads it says so.
        return False
