"""What the service has published, and who listens.

Entries of the shown run (documents and rulings) are kept and numbered, so that a client that comes late or comes back
gets exactly what it lacks. Status is a value of which only the newest counts.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from threading import Lock

from steering.journal.journal import Entry


class Hub:
    """Publishes from any thread to listeners on the service's event loop."""

    def __init__(self) -> None:
        """Begin with nothing published."""
        self._lock = Lock()
        self._epoch = 0
        self._entries: list[Entry] = []
        self._listeners: set[Listener] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Name the event loop that listeners live on."""
        self._loop = loop

    def begin(self) -> None:
        """Forget the entries of the last run: another begins."""
        with self._lock:
            self._epoch += 1
            self._entries = []
        self._wake()

    def publish(self, entry: Entry) -> None:
        """Keep and hand on one entry."""
        with self._lock:
            self._entries.append(entry)
        self._wake()

    def touch(self) -> None:
        """Tell listeners that the status has changed."""
        self._wake()

    def listen(self) -> "Listener":
        """Begin to listen, on the event loop."""
        listener = Listener(self)
        self._listeners.add(listener)
        return listener

    def leave(self, listener: "Listener") -> None:
        """Stop listening."""
        self._listeners.discard(listener)

    async def told(self, seconds: float) -> None:
        """Wait, on the event loop, until everybody who listens was sent everything; for so many seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(listener.idle.wait() for listener in self._listeners))

    @property
    def listening(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def since(self, epoch: int, cursor: int) -> tuple[int, list[Entry]]:
        """Return the present epoch and its entries from ``cursor`` on (all of them if the epoch has changed)."""
        with self._lock:
            return self._epoch, self._entries[cursor:] if epoch == self._epoch else list(self._entries)

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake_listeners)

    def _wake_listeners(self) -> None:
        for listener in self._listeners:
            listener.idle.clear()
            listener.news.set()


class Listener:
    """One client's place in what was published."""

    def __init__(self, hub: Hub) -> None:
        """Begin before the first entry of the present run."""
        self.news = asyncio.Event()
        self.news.set()
        # Set while this client was sent everything.
        self.idle = asyncio.Event()
        self._hub = hub
        self._epoch = -1
        self._cursor = 0

    async def batches(self) -> AsyncIterator[tuple[bool, list[Entry]]]:
        """Yield, whenever there is news: whether another run began, and the entries that are new to this client."""
        while True:
            if not self.news.is_set():
                self.idle.set()
            await self.news.wait()
            self.idle.clear()
            self.news.clear()
            epoch, entries = self._hub.since(self._epoch, self._cursor)
            began = epoch != self._epoch
            self._cursor = len(entries) if began else self._cursor + len(entries)
            self._epoch = epoch
            yield began, entries
