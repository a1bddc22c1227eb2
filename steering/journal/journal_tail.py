"""A journal that is followed into the record."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from steering.documents.open_runs import OpenRuns
from steering.documents.run_writer import RunWriter
from steering.journal.journal import Entry, decode
from steering.journal.journal_runs import run_of


class JournalTail:
    """Writes what comes in one journal: its runs, one after another or one inside another.

    Attributes:
        at: So many bytes of it were taken.
        ended: Whether the run that alone is written has ended.
    """

    def __init__(self, path: Path, begin: int = 0, only: str = "", left_out: Iterable[str] = ()) -> None:
        """Prepare.

        Args:
            path: Of the journal.
            begin: So many bytes of it are in the record; no run is open behind them.
            only: Uid of the run that is written; empty for all.
            left_out: Uids of those that are not.
        """
        self.at, self.ended = begin, False
        self._path, self._only = path, only
        self._left_out, self._refused = set(left_out), dict[str, Exception]()
        self._runs = OpenRuns()
        self._writers: dict[str, RunWriter] = {}

    @property
    def idle(self) -> bool:
        """Whether no run is open."""
        return not self._runs.open

    def refused(self) -> dict[str, Exception]:
        """Say which runs could not be written since this was last asked, and why; nothing more is written of them."""
        refused, self._refused = self._refused, {}
        return refused

    def step(self, client: Any, go_on: Callable[[], bool]) -> bool:
        """Write the complete lines that have come, as long as ``go_on`` says so; return whether there were any.

        Raises:
            OSError: If the journal cannot be read.
        """
        lines: list[bytes] = []
        # It is not kept open: after a time without a record there are more of them than a process may have files.
        if self._path.stat().st_size > self.at:
            with self._path.open("rb") as file:
                file.seek(self.at)
                *lines, _ = file.read().split(b"\n")
        if not lines:
            for run in list(self._writers):
                self._try(run, lambda run=run: self._writers[run].rest())
        for line in lines:
            if not go_on():
                break
            self.at += len(line) + 1
            entry = decode(line)
            if entry is not None:
                self._take(client, entry)
        return bool(lines)

    def _take(self, client: Any, entry: Entry) -> None:
        run = run_of(entry, self._runs)
        if entry.kind == "document" and run not in self._left_out and self._only in ("", run):
            self._try(run, lambda: self._write(client, run, entry))

    def _write(self, client: Any, run: str, entry: Entry) -> None:
        if entry.name == "start":
            if run in client:
                # Written in part before the recorder was stopped; the journal holds all of it.
                client.delete_contents([run], recursive=True, external_only=False)
            self._writers[run] = RunWriter(client)
        if run not in self._writers:
            return
        self._writers[run].write(entry.name, entry.content)
        if entry.name == "stop":
            del self._writers[run]
            self.ended = run == self._only

    def _try(self, run: str, write: Callable[[], None]) -> None:
        try:
            write()
        except Exception as error:  # noqa: BLE001  (whatever Tiled raises must not end the recording of other runs)
            self._refused[run] = error
            self._left_out.add(run)
            self._writers.pop(run, None)
