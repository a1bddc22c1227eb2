"""Joins the blocks that wait: throughput under load, latency when idle."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from threading import Lock

import numpy as np

from steering.core.block import FrameBlock
from steering.core.place import ImageFiles, Place, RawFrames, ServedFrames
from steering.core.source import BLOCK_BYTES, BLOCK_FRAMES, SourceItem


def frames_per_block(frame_bytes: int, frames: int = BLOCK_FRAMES, size: int = BLOCK_BYTES) -> int:
    """Say how many frames of a size (bytes; 0 if it is not known) go into one block, at least one."""
    return max(1, min(frames, size // frame_bytes if frame_bytes else frames))


def follows(before: FrameBlock, after: FrameBlock) -> bool:
    """Say whether a block is the next one of the same run, in the same place."""
    return (
        (before.run, before.stream, before.stop, before.pixels) == (after.run, after.stream, after.start, after.pixels)
        and before.columns.keys() == after.columns.keys()
        and before.units == after.units
        and _same_place(before.place, after.place)
        and (before.first is None) == (after.first is None)
        and (before.first is None or after.first is None or before.first + len(before) == after.first)
    )


def join(blocks: Sequence[FrameBlock]) -> FrameBlock:
    """Make one block of several that follow one another."""
    if len(blocks) == 1:
        return blocks[0]
    first, last = blocks[0], blocks[-1]
    columns = {name: np.concatenate([block.columns[name] for block in blocks]) for name in first.columns}
    place = first.place
    series = [found for block in blocks if (found := _series(block.place)) is not None]
    if series:
        joined = ImageFiles(
            tuple(path for one in series for path in one.paths),
            tuple(index for one in series for index in one.indices),
            tuple(time for one in series for time in one.times),
        )
        place = replace(place, place=joined) if isinstance(place, ServedFrames) else joined
    # The newest frame's way is what a latency is told from.
    return replace(first, stop=last.stop, place=place, columns=columns, seen=last.seen)


def _same_place(before: Place | None, after: Place | None) -> bool:
    if _series(before) is not None and _series(after) is not None:
        return type(before) is type(after)
    # A segment cannot stand for more frames than it names.
    return not isinstance(after, RawFrames) and (before is after or before == after)


def _series(place: Place | None) -> ImageFiles | None:
    """Return the series of image files that a place names, if it does."""
    if isinstance(place, ServedFrames):
        place = place.place
    return place if isinstance(place, ImageFiles) else None


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
            if not isinstance(after, FrameBlock) or frames + len(after) > self.most or not follows(blocks[-1], after):
                break
            blocks.append(after)
            frames += len(after)
            self._items.popleft()
        return join(blocks)

    def _tell(self) -> None:
        if self._news is not None:
            loop, news = self._news
            if not loop.is_closed():
                loop.call_soon_threadsafe(news.set)
