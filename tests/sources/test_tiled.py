"""A real Tiled server: read by slices where no file is seen, and lost in the middle of a run."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from tiled.client import container, from_uri
from websockets.exceptions import InvalidHandshake

from steering.archive.server import TiledServer
from steering.core.block import FrameBlock
from steering.core.source import RunEnded, RunStarted
from steering.places.first_reachable import FirstReachable
from steering.places.tiled import TiledFrames
from steering.sources import polling
from steering.sources.frames import read_frames
from steering.sources.tiled import TiledSource
from steering.sources.tiled_news import TiledNews
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


@pytest.fixture
def server(tmp_path):
    (tmp_path / "frames").mkdir()
    with TiledServer(tmp_path / "tiled", "secret", readable=tmp_path / "frames") as running:
        yield running


async def test_of_a_large_catalogue_a_few_entries_are_asked_for(server, monkeypatch):
    client = from_uri(server.url, api_key="secret")

    def add(number, **more):
        client.create_container(f"run{number:03d}", metadata={"start": {"uid": "u", "time": 1.7e9 + number, **more}})

    # Not in the order of time: the newest run is not the one that was written last.
    for number in [*range(50, 100), *range(50)]:
        add(number)
    client.create_container("folder", metadata={"sample": "no run"})
    nodes = []
    make = container.client_for_item

    def counted(*args, **kwargs):
        nodes.append(args)
        return make(*args, **kwargs)

    monkeypatch.setattr(container, "client_for_item", counted)
    source = TiledSource(server.url, key="secret")
    items = source.items()
    try:
        assert (await anext(items)).run == "run099"
        assert len(nodes) < 20
        source._run = None
        add(100)
        add(101)
        assert (await anext(items)).run == "run100"
        source._run = None
        assert (await anext(items)).run == "run101"
        source._run = None
        waiting = asyncio.create_task(anext(items))
        await until(lambda: source._last, lambda: "it does not look again")
        before = len(nodes)
        looks = source._looked
        await until(lambda: source._looked > looks + 2, lambda: "it does not look again")
        # While nothing comes, no entry is read.
        assert len(nodes) == before
    finally:
        source.close()
    with pytest.raises(StopAsyncIteration):
        await waiting


async def test_what_the_server_tells_of_is_looked_at_without_being_looked_for(tmp_path, monkeypatch):
    # Nothing is looked for again within the time of this test: the server's word is all that there is.
    monkeypatch.setattr(polling, "FASTEST", 600.0)
    bench = TiledBench(tmp_path)
    source = await bench.open()
    items = []

    async def take():
        items.extend([item async for item in source.items()])

    taking = asyncio.create_task(take())
    try:
        await until(lambda: source._news.connected, lambda: str(source.status))
        for index in range(FRAMES):
            await bench.feed([index])
            await until(lambda index=index: source.status.frames > index, lambda: str(source.status))
        await bench.end()
        await until(lambda: source.status.state == "waiting", lambda: str(source.status))
    finally:
        source.close()
        await taking
        await bench.close()
    assert items[-1] == RunEnded("kit", FRAMES, "success")
    assert [item.start for item in items if isinstance(item, FrameBlock)] == list(range(FRAMES))


async def test_a_server_that_tells_nothing_is_looked_at_as_ever(tmp_path, monkeypatch):
    async def refused(news, address):
        raise InvalidHandshake("no streams here")

    monkeypatch.setattr(TiledNews, "_hear", refused)
    bench = TiledBench(tmp_path)
    source = await bench.open()
    taking = asyncio.create_task(anext(source.items()))
    try:
        await bench.feed([0])
        async with asyncio.timeout(120):
            assert isinstance(await taking, RunStarted)
        assert not source._news.connected
    finally:
        source.close()
        await bench.close()
