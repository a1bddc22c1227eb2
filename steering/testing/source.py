"""The contract of a source, whatever its transport: a bench brings the frames."""

import asyncio
import re
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import psutil

from steering.contract.broken import require, require_kind
from steering.core.block import FrameBlock
from steering.core.source import RunEnded, RunStarted, Source, SourceItem, SourceStatus
from steering.sources.frames import read_frames
from steering.testing.bench import FRAMES, SHAPE, SourceBench, value
from steering.testing.waiting import PATIENCE, until

_LOST = FRAMES // 2


async def check_source(make: Callable[[Path], SourceBench], folder: Path) -> None:
    """Check that each frame comes exactly once, in order and right, and that all else is counted.

    Args:
        make: Makes a bench in an empty folder.
        folder: Where benches may write.

    Raises:
        ContractError: If the source does not keep its contract.
    """
    before: Counter[str] = Counter()
    for name, check in (("whole", _whole), ("slow", _slow), ("disturbed", _disturbed), ("gap", _gap)):
        place = folder / name
        place.mkdir()
        bench = make(place)
        try:
            await check(bench)
        finally:
            await bench.close()
        # A library may keep a pool of threads from its first use on; a source that leaves one leaves another each time.
        before = before or _running()
    await until(lambda: not _running() - before, lambda: f"after close these still run: {_running() - before}")


async def _whole(bench: SourceBench) -> None:
    half = FRAMES // 2
    if not bench.live:
        await bench.feed(range(FRAMES))
        await bench.end()
    async with _taking(bench) as (source, items):
        if bench.live:
            await bench.feed(range(half))
            await until(lambda: _came(items) == list(range(half)), lambda: f"of {half} frames came {_came(items)}")
            require(not _ended(items), "the run ends while its frames still come")
            require(source.status.state == "live", f"in the middle of a run the state is {source.status.state!r}")
            await bench.feed(range(half, FRAMES))
            await bench.end()
        await _run_end(items)
        _in_order(items, list(range(FRAMES)))
        require(source.status.frames == FRAMES, f"the status counts {source.status.frames} of {FRAMES} frames")
        require(source.rejected == 0, f"of a run without a fault is rejected: {source.last_rejection}")
    await until(lambda: bench.held() == 0, lambda: f"{bench.held()} bytes are held although all is stored")


async def _slow(bench: SourceBench) -> None:
    """Check that what waits while nobody pulls comes in few blocks, whole."""
    if not bench.live:
        return
    source = await bench.open()
    taking = source.items()
    items: list[SourceItem] = []
    try:
        first = asyncio.ensure_future(anext(taking))
        await bench.feed([0])
        async with asyncio.timeout(PATIENCE):
            items.append(await first)
            while not _came(items):
                items.append(await anext(taking))
        # What came alone was handed on at once; the rest comes while nobody asks for it.
        await bench.feed(range(1, FRAMES))
        await bench.end()
        async with asyncio.timeout(PATIENCE):
            while not _ended(items):
                items.append(await anext(taking))
    finally:
        source.close()
    _in_order(items, list(range(FRAMES)))
    blocks = sum(isinstance(item, FrameBlock) for item in items)
    require(blocks <= FRAMES // 2, f"{FRAMES} frames that waited come in {blocks} blocks instead of a few")


async def _disturbed(bench: SourceBench) -> None:
    """Check that what is malformed is counted with a sentence, and keeps no frame from coming."""
    half = FRAMES // 2

    async def feed(items: list[SourceItem]) -> Counter[str]:
        expected = Counter(await bench.disturb(begun=False))
        await bench.feed(range(half))
        if bench.live:
            await until(lambda: _came(items) == list(range(half)), lambda: f"of {half} frames came {_came(items)}")
        expected.update(await bench.disturb(begun=True))
        await bench.feed(range(half, FRAMES))
        await bench.end()
        return expected

    early = None if bench.live else await feed([])
    async with _taking(bench) as (source, items):
        expected = await feed(items) if early is None else early
        await _run_end(items)
        require(expected, "the bench brings nothing malformed")
        await until(lambda: _grown(source.status, expected), lambda: f"{source.status} should count {expected}")
        if expected["rejected"]:
            require(source.last_rejection.endswith("."), "no sentence says what was malformed")
        came = _came(items)
        require(
            sorted(came) == list(range(FRAMES)), f"with malformed frames between them, the good ones come as {came}"
        )
        late = sum(index < max(came[:place], default=-1) for place, index in enumerate(came))
        require(late <= source.status.later, f"{late} frames come out of order, but {source.status.later} are counted")


async def _gap(bench: SourceBench) -> None:
    if not bench.loses:
        return
    indices = [index for index in range(FRAMES) if index != _LOST]
    if not bench.live:
        await bench.feed(indices)
        await bench.end()
    async with _taking(bench) as (source, items):
        if bench.live:
            await bench.feed(indices)
            await bench.end()
        await _run_end(items)
        _in_order(items, indices)
        require(source.status.missed == 1, f"one frame was lost, but {source.status.missed} are counted as missed")


@asynccontextmanager
async def _taking(bench: SourceBench) -> AsyncGenerator[tuple[Source, list[SourceItem]]]:
    """Take a source's items in the background, reading and storing each block; then close it, and see that it ends."""
    source = await bench.open()
    require_kind(source, Source, "a source must have rejected, last_rejection, status, items, stored and close")
    require_kind(source.status, SourceStatus, "status must be a SourceStatus")
    items: list[SourceItem] = []

    async def take() -> None:
        async for item in source.items():
            if isinstance(item, FrameBlock):
                await asyncio.to_thread(_check_pixels, item)
                source.stored(item.run, item.start, item.stop)
            items.append(item)

    task = asyncio.create_task(take())
    try:
        await asyncio.sleep(0)
        yield source, items
        source.close()
        source.close()
        done, _ = await asyncio.wait([task], timeout=PATIENCE)
        require(done, "items does not end after close")
        require(source.status.state == "ended", f"after close the state is {source.status.state!r}")
    finally:
        source.close()
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(result, Exception):
            # What went wrong while items were taken is why what was waited for did not come.
            raise result


def _check_pixels(block: FrameBlock) -> None:
    frames, times = read_frames(block)
    require(frames.shape == (len(block), *SHAPE), f"frames of {block.key} have shape {frames.shape}")
    require(times.shape == (len(block),), f"times of {block.key} have shape {times.shape}")
    for index, frame in zip(range(block.start, block.stop), frames, strict=True):
        # A frame that is half NaN is whole: detectors mask pixels so.
        seen = np.unique(frame[~np.isnan(frame)])
        require(seen.tolist() == [value(index)], f"frame {index} has other pixels than were fed: {frame}")


async def _run_end(items: list[SourceItem]) -> None:
    await until(lambda: _ended(items), lambda: f"the run does not end; the newest item is {items[-1:]}")


def _came(items: list[SourceItem]) -> list[int]:
    return [index for item in items if isinstance(item, FrameBlock) for index in range(item.start, item.stop)]


def _ended(items: list[SourceItem]) -> bool:
    return any(isinstance(item, RunEnded) for item in items)


def _in_order(items: list[SourceItem], expected: list[int]) -> None:
    require(items and isinstance(items[0], RunStarted), f"the first item is {items[:1]}, not the run's start")
    last = items[-1]
    require(isinstance(last, RunEnded), f"the last item is {last}, not the run's end")
    require(_came(items) == expected, f"the frames {expected} come as {_came(items)}")
    if isinstance(last, RunEnded):
        require(last.frames == len(expected), f"the run's end counts {last.frames} of {len(expected)} frames")
    require(len({item.run for item in items}) == 1, "the items of one run name several")


def _grown(status: SourceStatus, expected: Mapping[str, int]) -> bool:
    return all(getattr(status, name) >= least for name, least in expected.items())


def _running() -> Counter[str]:
    """Count the threads and child processes of this process, by name."""
    names = [thread.name for thread in threading.enumerate() if not thread.name.startswith("asyncio_")]
    # Pools are numbered anew each time.
    threads = [re.sub(r"\d+", "", name) for name in names]
    children = psutil.Process().children(recursive=True)
    return Counter(["a process" for child in children if child.status() != psutil.STATUS_ZOMBIE] + threads)
