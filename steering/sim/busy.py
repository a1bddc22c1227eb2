"""A busy record: one thing that runs at a time, begun by a put of ``Yes`` and ended by a put of ``No``."""

import asyncio
from collections.abc import Awaitable, Callable


class Busy:
    """The record's behaviour.

    What was told to end takes a moment to do so. A put of ``Yes`` in that moment begins the next one after it, never
    beside it, and a put of ``No`` then ends that one too.
    """

    def __init__(self) -> None:
        """Nothing runs."""
        self._end = asyncio.Event()
        self._end.set()
        self._one = asyncio.Lock()

    async def put(self, value: str, run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
        """Take in a put.

        Args:
            value: ``"Yes"`` or ``"No"``.
            run: What is begun. It is given the event that is set when it has to end.
        """
        if value == "No":
            self._end.set()
            return
        if not self._end.is_set():
            async with self._one:
                # It runs already: as with every busy record, this put is done when that is.
                return
        self._end = end = asyncio.Event()
        async with self._one:
            try:
                if not end.is_set():
                    await run(end)
            finally:
                end.set()
