"""Fills Tiled from the journal.

The journal is written first and by somebody else, so whatever happens here loses nothing: a run that was only partly
written is written again from its journal. Tiled's writer must not batch much, or nothing is visible until the run ends;
but each group costs a fifth of a second of a core, which a beamline's machine has better uses for while it scans.
"""

import json
import logging
import math
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import Any

from steering.archive.journal import Entry, decode

# Events and frames become visible in the record in groups of so many, or of what comes in so many seconds if that is
# more, and all of them when nothing has come for so long.
BATCH, _BATCH_SECONDS = 4, 2.0
_POLL_SECONDS = 0.05
# When it is told to stop it writes so long (seconds) before it leaves the rest to its next start.
_LAST_SECONDS = 4.0
# A run that could not be written is tried again after so many seconds, then ever later.
_AGAIN_SECONDS, _LATEST_SECONDS = 2.0, 60.0
_LOG = logging.getLogger(__name__)


class Recorder:
    """Follows a directory of journals, oldest first."""

    def __init__(self, client: Any, directory: Path) -> None:
        """Prepare.

        Args:
            client: Tiled client of the catalogue's root.
            directory: Where the journals are.
        """
        self._client = client
        self._directory = directory
        self._open: dict[Path, _Tail] = {}
        # What could not be written: how long it waits (seconds), and until when; and why, as it was said.
        self._failed: dict[Path, tuple[float, float]] = {}
        self._said: dict[Path, str] = {}

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
        if not self._directory.is_dir():
            return False
        busy = False
        for path in sorted(self._directory.glob("*.jsonl")):
            waits = time.monotonic() < self._failed.get(path, (0.0, 0.0))[1]
            if path not in self._open and not waits and not _done(path).exists():
                self._open[path] = _Tail(path)
        for path, tail in list(self._open.items()):
            try:
                busy |= tail.step(self._client, go_on)
            except Exception as error:  # noqa: BLE001  (whatever Tiled raises must not end the recording of other runs)
                # No room, a locked database: it is written again from its journal, from the beginning.
                before, _ = self._failed.get(path, (0.0, 0.0))
                wait = min(max(2 * before, _AGAIN_SECONDS), _LATEST_SECONDS)
                if str(error) != self._said.get(path):
                    _LOG.exception("The run of %s is not in the record yet; its journal is kept.", path)
                self._said[path] = str(error)
                self._failed[path] = (wait, time.monotonic() + wait)
                tail.close()
                del self._open[path]
                continue
            if tail.ended:
                tail.close()
                del self._open[path]
                self._failed.pop(path, None)
        return busy


class _Tail:
    """One journal that is being followed."""

    def __init__(self, path: Path) -> None:
        self.ended = False
        self._path = path
        self._file = path.open("rb")
        self._rest = b""
        self._write: Callable[[str, dict[str, Any]], None] | None = None
        self._pace = _Pace()

    def step(self, client: Any, go_on: Callable[[], bool]) -> bool:
        """Write the complete lines that have come; return whether there were any."""
        content = self._rest + self._file.read()
        *lines, self._rest = content.split(b"\n")
        if not lines:
            self._pace.rest()
        for number, line in enumerate(lines):
            if not go_on():
                self._rest = b"\n".join([*lines[number:], self._rest])
                break
            entry = decode(line)
            if entry is not None and entry.kind == "document":
                self._document(client, entry)
        return bool(lines)

    def close(self) -> None:
        self._file.close()

    def _document(self, client: Any, entry: Entry) -> None:
        if entry.name == "start":
            uid = entry.content["uid"]
            if uid in client:
                # Written in part before the recorder was stopped; the journal holds all of it.
                client.delete_contents([uid], recursive=True, external_only=False)
            self._write = self._pace.writer(client)
        if self._write is None:
            return
        self._write(entry.name, entry.content)
        if entry.name == "event":
            self._pace.count(float(entry.content["time"]))
        if entry.name == "stop":
            _done(self._path).write_text(json.dumps({"run": entry.content["run_start"]}), encoding="utf-8")
            self.ended = True


class _Pace:
    """Has a run written in groups that fit its pace.

    What writes is that of bluesky's ``TiledWriter``, whose group has one size and is written when it is full or the run
    ends: a scan that pauses would keep its last points to itself.
    """

    def __init__(self) -> None:
        self._writer: Any = None
        self._began = math.nan
        self._events = 0
        self._written = math.inf

    def writer(self, client: Any) -> Callable[[str, dict[str, Any]], None]:
        """Make what writes one run."""
        tiled_writer: Any = import_module("bluesky.callbacks.tiled_writer")
        event_model: Any = import_module("event_model")
        self._writer = tiled_writer._RunWriter(client, batch_size=BATCH)  # noqa: SLF001  (see above)
        normalizer = tiled_writer.RunNormalizer()
        normalizer.subscribe(self._writer)

        def callbacks(_name: str, _document: Any) -> tuple[list[Any], list[Any]]:
            return [normalizer], []

        return event_model.RunRouter([callbacks])

    def count(self, when: float) -> None:
        """Note the time of an event, in seconds."""
        self._written = time.monotonic()
        self._events += 1
        if not when - self._began < _BATCH_SECONDS:
            self._writer._batch_size = max(BATCH, self._events)  # noqa: SLF001  (see above)
            self._began, self._events = when, 0

    def rest(self) -> None:
        """Write what waits for its group to be full, if nothing has come for a while; as the end of a run does."""
        if time.monotonic() - self._written < _BATCH_SECONDS:
            return
        self._written = math.inf
        writer = self._writer
        for stream, rows in writer._internal_data_cache.items():  # noqa: SLF001  (see above)
            if rows:
                writer._write_internal_data(rows, desc_node=writer._desc_nodes[stream])  # noqa: SLF001  (see above)
                rows.clear()
        for datum in writer._external_data_cache.values():  # noqa: SLF001  (see above)
            writer._write_external_data(datum)  # noqa: SLF001  (see above)
        writer._external_data_cache.clear()  # noqa: SLF001  (see above)


def _done(journal: Path) -> Path:
    """Where it is noted that a journal has been written to the record."""
    return journal.with_suffix(".recorded")
