"""A real Tiled server: read by slices where no file is seen, and lost in the middle of a run."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from steering.core.block import FrameBlock
from steering.core.place import FirstReachable, TiledFrames
from steering.core.source import RunEnded
from steering.sources.frames import read_frames
from steering.sources.tiled import TiledSource
from steering.testing.bench import FRAMES, value
from steering.testing.benches.tiled import TiledBench
from steering.testing.waiting import until

pytestmark = pytest.mark.system


async def test_a_past_run_is_read_by_slices_and_a_server_that_goes_is_said_to_be_lost(tmp_path):
    bench = TiledBench(tmp_path)
    newest = await bench.open()
    try:
        await bench.feed(range(FRAMES))
        await bench.end()
        ready = bench._server.ready
        source = TiledSource(ready["url"], key=ready["key"], run="kit")
        assert ready["key"] not in repr(TiledFrames(ready["url"], key=ready["key"]))
        items = [item async for item in source.items()]
        assert items[-1] == RunEnded("kit", FRAMES, "success")
        assert source.status.state == "ended"
        blocks = [item for item in items if isinstance(item, FrameBlock)]
        angles = np.concatenate([block.columns["th"] for block in blocks])
        assert angles.tolist() == [0.1 * index for index in range(FRAMES)]
        assert blocks[0].units == {"th": "deg"}
        for block in blocks:
            assert isinstance(block.place, FirstReachable)
            file, slices = block.place.places
            for places in ((slices,), (replace(file, path="/nowhere/f.h5"), slices), (file,)):
                found, _ = await asyncio.to_thread(read_frames, replace(block, place=FirstReachable(places)))
                assert found[:, 0, 0].tolist() == [value(index) for index in range(block.start, block.stop)]
    finally:
        await bench.close()
    taking = asyncio.create_task(anext(newest.items()))
    await until(lambda: newest.status.state == "lost", lambda: str(newest.status))
    assert "does not answer" in newest.status.detail
    newest.close()
    with pytest.raises(StopAsyncIteration):
        await taking
