"""Fills Tiled from the journal.

The journal is written first and by somebody else, so whatever happens here loses nothing: a run that was only partly
written is written again from its journal.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, TypeAlias

from steering.core.errors import said
from steering.journal.journal_folder import JournalFolder
from steering.journal.journal_tail import JournalTail
from steering.journal.recorded_mark import RecordedMark, read_mark, write_mark

_POLL_SECONDS = 0.05
# When it is told to stop it writes so long (seconds) before it leaves the rest to its next start.
_LAST_SECONDS = 4.0
# A run that could not be written is tried again after so many seconds, then ever later. After so many tries somebody is
# told, and it is tried now and then only: each try writes it from its beginning.
_AGAIN_SECONDS, _LATEST_SECONDS = 2.0, 60.0
_TRIES, _SELDOM_SECONDS = 10, 3600.0
_LOG = logging.getLogger(__name__)
# A journal, and the run of it that alone is written; empty for all of them.
_Followed: TypeAlias = tuple[Path, str]


@dataclass
class _Tries:
    """How often something could not be written, for how many seconds it waits since, and until when."""

    count: int = 0
    pause: float = 0.0
    until: float = 0.0


class Recorder:
    """Follows a directory of journals, oldest first."""

    def __init__(self, client: Any, directory: Path, say: Callable[[str], object] = lambda _: None) -> None:
        """Prepare.

        Args:
            client: Tiled client of the catalogue's root.
            directory: Where the journals are.
            say: Takes a sentence for people when a run cannot be written.
        """
        self._client, self._say = client, say
        self._folder = JournalFolder(directory)
        self._tails: dict[_Followed, JournalTail] = {}
        # What the record is to have and may not have yet, and how that went.
        self._wanted: dict[_Followed, _Tries] = {}
        self._marks: dict[Path, RecordedMark] = {}
        self._logged: dict[Path, str] = {}

    def run(self, stop: Event) -> None:
        """Follow until told to stop; then write for some seconds more what is left. The journal keeps the rest."""
        while not stop.is_set():
            if not self.step(lambda: not stop.is_set()):
                stop.wait(_POLL_SECONDS)
        deadline = time.monotonic() + _LAST_SECONDS
        while time.monotonic() < deadline and self.step(lambda: time.monotonic() < deadline):
            continue

    def step(self, go_on: Callable[[], bool] = lambda: True) -> bool:
        """Write what is new, as long as ``go_on`` says so; return whether anything was."""
        self._begin()
        busy = False
        for key, tail in list(self._tails.items()):
            path, run = key
            try:
                wrote = tail.step(self._client, go_on)
            except FileNotFoundError:
                # Somebody has taken it away.
                self._let_go(key)
                continue
            except Exception as error:  # noqa: BLE001  (a journal that cannot be read is not in the way of others)
                self._fail(key, error)
                continue
            busy |= wrote
            refused = tail.refused()
            for one, error in refused.items():
                self._fail((path, one), error)
            before = self._marks[path]
            size = tail.at if not run and tail.idle else before.size
            missing = (before.missing | refused.keys()) - ({run} if tail.ended else set())
            noted = self._note(path, RecordedMark(size, missing))
            if tail.ended or (noted and not wrote and not run and tail.idle and path != self._folder.newest):
                self._let_go(key)
        return busy

    def _begin(self) -> None:
        """Begin to follow what has come, and again what could not be written and has waited long enough."""
        try:
            come = self._folder.look()
        except OSError as error:
            self._log(self._folder.path, error)
            come = []
        for path in come:
            mark = read_mark(path)
            with suppress(FileNotFoundError):
                self._marks[path] = RecordedMark(min(mark.size, path.stat().st_size), mark.missing)
            for run in ("", *sorted(mark.missing)) if path in self._marks else ():
                self._wanted[path, run] = _Tries()
        now = time.monotonic()
        for key, tries in self._wanted.items():
            if key not in self._tails and now >= tries.until:
                path, run = key
                mark = self._marks[path]
                self._tails[key] = JournalTail(path, 0, run) if run else JournalTail(path, mark.size, "", mark.missing)

    def _note(self, path: Path, mark: RecordedMark) -> bool:
        """Note what the record has of a journal; return whether that is noted."""
        if mark != self._marks[path]:
            try:
                write_mark(path, mark)
            except OSError as error:
                self._log(path, error)
                return False
            self._marks[path] = mark
        return True

    def _let_go(self, key: _Followed) -> None:
        """Follow something no longer: it is in the record, or has gone."""
        del self._tails[key], self._wanted[key]
        if not any(path == key[0] for path, _ in self._wanted):
            del self._marks[key[0]]

    def _fail(self, key: _Followed, error: Exception) -> None:
        """Have what could not be written wait, and tell people if it was tried often."""
        path, run = key
        self._tails.pop(key, None)
        tries = self._wanted.setdefault(key, _Tries())
        tries.count += 1
        often = tries.count >= _TRIES
        tries.pause = _SELDOM_SECONDS if often else min(max(2 * tries.pause, _AGAIN_SECONDS), _LATEST_SECONDS)
        tries.until = time.monotonic() + tries.pause
        self._log(path, error)
        if often:
            self._say(
                f"{f'The run {run[:8]}' if run else 'A run'} is not in the record, which refused it {tries.count} "
                f"times: {said(error)[:200]}. Nothing is lost: its journal {path} has all of it. It is tried again "
                f"every {_SELDOM_SECONDS / 60:.0f} min, and when the service starts: mend that, or look at the "
                "service's log."
            )

    def _log(self, path: Path, error: Exception) -> None:
        if str(error) != self._logged.get(path):
            _LOG.error("%s is not in the record yet; the journal is kept.", path, exc_info=error)
        self._logged[path] = str(error)
