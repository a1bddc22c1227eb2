"""What sources share that have to look whether there is something new."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

from steering.core.source import SourceItem, SourceState

# The longest time between two looks (seconds), and the shortest; it doubles while nothing comes.
SLOWEST, FASTEST = 0.2, 0.005


class Poll:
    """Looks again and again, in a thread of its own; pulled, so that nothing is looked for that nobody wants yet.

    Attributes:
        slowest: The longest time between two looks in seconds, unless it is woken.
    """

    def __init__(self, look: Callable[[], Sequence[SourceItem] | None]) -> None:
        """Wire it.

        Args:
            look: Returns what is new, empty if nothing is, ``None`` when nothing will come any more.
        """
        self.slowest = SLOWEST
        self._look = look
        self._closed = Event()
        self._lock = Lock()
        self._news: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    @property
    def closed(self) -> bool:
        """Whether it was told to end."""
        return self._closed.is_set()

    def state(self, state: SourceState) -> SourceState:
        """Say how a source is whose look last found it in a state: a look that was under way does not undo its end."""
        return "ended" if self.closed else state

    async def items(self) -> AsyncIterator[SourceItem]:
        """Yield what is new until nothing will come any more, or until it is closed."""
        stirred = asyncio.Event()
        loop = asyncio.get_running_loop()
        with self._lock:
            self._news = loop, stirred
        executor = ThreadPoolExecutor(1, "steering-look")
        pause = FASTEST
        try:
            while not self._closed.is_set():
                found = await loop.run_in_executor(executor, self._look)
                if found is None:
                    return
                for item in found:
                    if self._closed.is_set():
                        return
                    yield item
                if found:
                    pause = FASTEST
                elif await _stirs(stirred, pause):
                    stirred.clear()
                    pause = FASTEST
                else:
                    pause = min(2 * pause, self.slowest)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """End :meth:`items`."""
        self._closed.set()
        self.wake()

    def wake(self) -> None:
        """Have it look at once, as there may be something new. From any thread."""
        with self._lock:
            if self._news is not None and not self._news[0].is_closed():
                self._news[0].call_soon_threadsafe(self._news[1].set)


async def _stirs(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, so long at most; return whether it came."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
