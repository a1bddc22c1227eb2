"""Writes one run into the record, in groups that fit its pace.

What writes is that of bluesky's ``TiledWriter``, whose group has one size and is written when it is full or the run
ends: a scan that pauses would keep its last points to itself. Tiled's writer must not batch much, or nothing is visible
until the run ends; but each group costs a fifth of a second of a core, which a beamline's machine has better uses for
while it scans.
"""

import math
import time
from importlib import import_module
from typing import Any

# Events and frames become visible in the record in groups of so many, or of what comes in so many seconds if that is
# more, and all of them when nothing has come for so long.
BATCH, _BATCH_SECONDS = 4, 2.0


class RunWriter:
    """Writes the documents of one run."""

    def __init__(self, client: Any) -> None:
        """Begin.

        Args:
            client: Tiled client of the catalogue's root.
        """
        self._began = math.nan
        self._events = 0
        self._written = math.inf
        tiled_writer: Any = import_module("bluesky.callbacks.tiled_writer")
        event_model: Any = import_module("event_model")
        self._writer = tiled_writer._RunWriter(client, batch_size=BATCH)  # noqa: SLF001  (see above)
        normalizer = tiled_writer.RunNormalizer()
        normalizer.subscribe(self._writer)

        def callbacks(_name: str, _document: Any) -> tuple[list[Any], list[Any]]:
            return [normalizer], []

        self._router = event_model.RunRouter([callbacks])

    def write(self, name: str, document: dict[str, Any]) -> None:
        """Write a document, or keep it until its group is full. Raises whatever Tiled does."""
        self._router(name, document)
        if name == "event":
            self._count(float(document["time"]))

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

    def _count(self, when: float) -> None:
        """Note the time of an event, in seconds."""
        self._written = time.monotonic()
        self._events += 1
        if not when - self._began < _BATCH_SECONDS:
            self._writer._batch_size = max(BATCH, self._events)  # noqa: SLF001  (see above)
            self._began, self._events = when, 0
