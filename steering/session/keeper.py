"""Writes the results of ended runs into the record, one at a time, off the loop."""

import asyncio
from collections.abc import Callable
from typing import Any

from steering.core.errors import said
from steering.core.result import Result


class ResultKeeper:
    """Of results of one label that come faster than the record takes them the newest is written.

    Which of several a reader takes is the one that holds most frames, so an older one would only cost the record time.
    """

    def __init__(self, client: Callable[[], Any], say: Callable[[str], None]) -> None:
        """Prepare.

        Args:
            client: Makes, or has, the Tiled client of the record's root; called off the loop.
            say: Takes a sentence when a result could not be written, and an empty one when one could.
        """
        self._client = client
        self._say = say
        self._waiting: dict[tuple[str, str], Result] = {}
        self._task: asyncio.Task[None] | None = None

    def keep(self, result: Result) -> None:
        """Have a result written; call on the loop."""
        source = result.provenance
        self._waiting[source.run, source.label or source.analysis] = result
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())

    async def written(self) -> None:
        """Wait until all results that were to be kept are written."""
        if self._task is not None:
            # Whoever waits may be cancelled; what is written is not.
            await asyncio.shield(self._task)

    async def _write(self) -> None:
        while self._waiting:
            result = self._waiting.pop(next(iter(self._waiting)))
            try:
                await asyncio.to_thread(self._write_one, result)
            except Exception as error:  # noqa: BLE001  (whatever Tiled raises, the result itself is safe: it can be made again)
                self._say(f"The result of {result.provenance.analysis} is not in the record: {said(error)}")
            else:
                self._say("")

    def _write_one(self, result: Result) -> None:
        from steering.archive.results import write_result

        write_result(self._client(), result)
