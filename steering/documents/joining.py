"""Joins the blocks that wait: throughput under load, latency when idle."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from threading import Lock

from steering.core.block import FrameBlock
from steering.core.source import BLOCK_BYTES, BLOCK_FRAMES, SourceItem


def frames_per_block(frame_bytes: int, frames: int = BLOCK_FRAMES, size: int = BLOCK_BYTES) -> int:
    """Say how many frames of a size (bytes; 0 if it is not known) go into one block, at least one."""
    return max(1, min(frames, size // frame_bytes if frame_bytes else frames))


class Outbox:
    """Items on their way from any thread to whoever pulls them on an event loop."""

    def __init__(self, most: int = BLOCK_FRAMES) -> None:
        """Join blocks up to so many frames; change it when the size of a frame is known."""
        self.most = most
        self._lock = Lock()
        self._items: deque[SourceItem] = deque()
        self._closed = False
        self._news: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def put(self, item: SourceItem) -> None:
        """Leave an item."""
        with self._lock:
            self._items.append(item)
            self._tell()

    def close(self) -> None:
        """End :meth:`items` once what is here has been taken."""
        with self._lock:
            self._closed = True
            self._tell()

    async def items(self) -> AsyncIterator[SourceItem]:
        """Yield what is left here, blocks joined as far as they wait."""
        news = asyncio.Event()
        with self._lock:
            self._news = asyncio.get_running_loop(), news
        while True:
            with self._lock:
                item = self._next()
                if item is None and self._closed:
                    return
                news.clear()
            if item is None:
                await news.wait()
            else:
                yield item

    def taken(self) -> list[SourceItem]:
        """Take all that is here now, blocks joined."""
        with self._lock:
            return list(iter(self._next, None))

    def _next(self) -> SourceItem | None:
        if not self._items:
            return None
        item = self._items.popleft()
        if not isinstance(item, FrameBlock):
            return item
        blocks, frames = [item], len(item)
        while self._items:
            after = self._items[0]
            if not isinstance(after, FrameBlock) or frames + len(after) > self.most or not blocks[-1].goes_on_in(after):
                break
            blocks.append(after)
            frames += len(after)
            self._items.popleft()
        return item.joined(blocks[1:])

    def _tell(self) -> None:
        if self._news is not None:
            loop, news = self._news
            if not loop.is_closed():
                loop.call_soon_threadsafe(news.set)
