"""Writes the results of ended runs into the record, one at a time, off the loop."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from steering.core.errors import said
from steering.core.result import Result

# A result that could not be written is tried again after one that could, so often; and so many of them are named.
_MOST_TRIES, _MOST_SAID = 5, 3
# The last frames of a run come one after another: whoever writes a result at once writes most of them in vain.
_SETTLE_SECONDS = 1.0


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
        # What could not be written, with its sentence and how often that was tried.
        self._failed: dict[tuple[str, str], tuple[Result, str, int]] = {}
        self._task: asyncio.Task[None] | None = None
        self._awaited = asyncio.Event()

    def keep(self, result: Result) -> None:
        """Have a result written soon, or what comes in its place until then; call on the loop."""
        source = result.provenance
        key = source.run, source.label or source.analysis
        self._waiting[key] = result
        self._failed.pop(key, None)
        if self._task is None or self._task.done():
            self._awaited.clear()
            self._task = asyncio.create_task(self._write())

    async def written(self) -> None:
        """Wait until all results that were to be kept are written; now, as whoever waits knows that no more come."""
        if self._task is not None:
            self._awaited.set()
            # Whoever waits may be cancelled; what is written is not.
            await asyncio.shield(self._task)

    async def _write(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_SECONDS):
                await self._awaited.wait()
        while self._waiting:
            key = next(iter(self._waiting))
            result = self._waiting.pop(key)
            try:
                await asyncio.to_thread(self._write_one, result)
            except Exception as error:  # noqa: BLE001  (whatever Tiled raises, the result itself is safe: it can be made again)
                name, run = result.provenance.analysis, result.provenance.run
                sentence = f"The result of {name} of run {run[:8]} is not in the record: {said(error)}"
                tried = self._failed[key][2] if key in self._failed else 0
                self._failed[key] = result, sentence, tried + 1
            else:
                self._failed.pop(key, None)
                # The record takes results again.
                missed = {other: one for other, (one, _, tried) in self._failed.items() if tried < _MOST_TRIES}
                self._waiting = missed | self._waiting
            self._say(" ".join(sentence for _, sentence, _ in list(self._failed.values())[-_MOST_SAID:]))

    def _write_one(self, result: Result) -> None:
        from steering.archive.results import write_result

        write_result(self._client(), result)
