"""Reads the next block while one is computed."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats, FrameBlock
from steering.readers.pixels import with_bad
from steering.sources.frames import read_frames


@dataclass(frozen=True)
class Loaded:
    """A block with its pixels, or with the reason why there are none.

    Attributes:
        block: The block, with which of its pixels are no counts.
        frames: Array of shape ``(len(block), rows, columns)``; empty if there is an error.
        times: Unix times in seconds of the ends of exposure.
        error: Why it could not be read, or nothing; whatever a damaged file makes a library raise.
    """

    block: FrameBlock
    frames: NDArray[Any]
    times: Floats
    error: Exception | None = None


def read_blocks(blocks: Iterable[FrameBlock], ahead: int = 1) -> Iterator[Loaded]:
    """Read blocks one after another, up to ``ahead`` more than the one that was asked for; in order, each once.

    Memory is bounded by ``ahead + 1`` blocks. A block that cannot be read does not keep the others from coming. The
    reading thread ends with the iteration, also when that is given up.

    Args:
        blocks: What to read; taken only as far as needed.
        ahead: How many blocks to read before they are asked for; 0 reads without a thread.
    """
    if ahead <= 0:
        yield from map(_load, blocks)
        return
    reader = ThreadPoolExecutor(1, "steering-read-ahead")
    waiting: deque[Future[Loaded]] = deque()
    try:
        for block in blocks:
            waiting.append(reader.submit(_load, block))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        reader.shutdown(wait=True, cancel_futures=True)


def _load(block: FrameBlock) -> Loaded:
    try:
        frames, times = read_frames(block)
        return Loaded(with_bad(block, frames.shape[1:]), frames, times)
    except Exception as error:  # noqa: BLE001  (whatever a damaged file makes a library raise costs this block alone)
        return Loaded(block, np.empty((0, 0, 0)), np.empty(0), error)
