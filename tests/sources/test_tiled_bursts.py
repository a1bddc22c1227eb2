"""Runs on a Tiled server with several frames an event, arrays that grow, and answers that are lost in between."""

import asyncio

import h5py
import httpx
import numpy as np
import pytest
from bluesky.callbacks.tiled_writer import TiledWriter
from tiled.client import from_uri

from steering.archive.server import TiledServer
from steering.core.block import FrameBlock
from steering.core.source import RunEnded, RunStarted
from steering.places.first_reachable import FirstReachable
from steering.places.tiled import TiledFrames
from steering.sources.frames import read_frames
from steering.sources.tiled import TiledSource
from steering.testing.benches.documents import closing, of_frame, opening

EVENTS, EACH = 4, 3
FRAMES = np.random.default_rng(2).poisson(4, (EVENTS * EACH, 5, 6)).astype("<i4")


@pytest.fixture
def server(tmp_path):
    (tmp_path / "frames").mkdir()
    with h5py.File(tmp_path / "frames" / "f.h5", "w") as file:
        file.create_dataset("/entry/data/data", data=FRAMES)
    with TiledServer(tmp_path / "tiled", "secret", readable=tmp_path / "frames") as running:
        yield running


@pytest.fixture
def write(server, tmp_path):
    """Write the documents of a run with several frames an event."""
    writer = TiledWriter(from_uri(server.url, api_key="secret"), batch_size=1)

    def begin():
        for name, document in opening(tmp_path / "frames" / "f.h5"):
            if name == "descriptor":
                document["data_keys"]["det"]["shape"] = [EACH, *FRAMES.shape[1:]]
            if name == "stream_resource":
                document["parameters"]["chunk_shape"] = [1, *FRAMES.shape[1:]]
            writer(name, document)

    def event(index):
        for name, document in of_frame(index):
            writer(name, document)

    def end():
        writer(*closing())

    begin.event, begin.end = event, end
    return begin


async def taken(source):
    return [item async for item in source.items()]


@pytest.mark.system
async def test_each_frame_of_a_burst_has_the_position_of_its_own_event(server, write):
    write()
    for index in range(EVENTS):
        write.event(index)
    write.end()
    items = await taken(TiledSource(server.url, key="secret", run="kit"))
    blocks = [item for item in items if isinstance(item, FrameBlock)]
    assert [index for block in blocks for index in block.indices] == list(range(EVENTS * EACH))
    angles = np.concatenate([block.columns["th"] for block in blocks])
    assert angles.tolist() == [0.1 * (frame // EACH) for frame in range(EVENTS * EACH)]
    assert np.concatenate([block.columns["burst_index"] for block in blocks]).tolist() == [0, 1, 2] * EVENTS
    assert items[-1] == RunEnded("kit", EVENTS * EACH, "success")
    for block in blocks:
        file, slices = block.place.places
        for place in (FirstReachable((file,)), slices):
            found, _ = await asyncio.to_thread(place.read, block.first, block.first + len(block))
            assert np.array_equal(found, FRAMES[block.start : block.stop])


@pytest.mark.system
async def test_an_array_that_has_grown_since_it_was_read_is_read_on(server, write):
    write()
    write.event(0)
    address = f"{server.url.removesuffix('/api/v1')}/api/v1/metadata/kit/primary/det"
    frames = TiledFrames(address, key="secret")
    found, _ = await asyncio.to_thread(frames.read, 0, EACH)
    assert np.array_equal(found, FRAMES[:EACH])
    write.event(1)
    found, _ = await asyncio.to_thread(frames.read, EACH, 2 * EACH)
    assert np.array_equal(found, FRAMES[EACH : 2 * EACH])
    write.end()


@pytest.mark.system
async def test_an_answer_that_is_lost_while_a_block_is_made_costs_no_frame(server, write, monkeypatch):
    write()
    for index in range(EVENTS):
        write.event(index)
    write.end()
    place, lost = TiledSource._place, []

    def once(source, *arguments):
        if not lost:
            lost.append(arguments)
            raise httpx.ReadTimeout("lost")
        return place(source, *arguments)

    monkeypatch.setattr(TiledSource, "_place", once)
    source = TiledSource(server.url, key="secret", run="kit")
    items = await taken(source)
    assert lost
    found = np.concatenate([read_frames(item)[0] for item in items if isinstance(item, FrameBlock)])
    assert np.array_equal(found, FRAMES)
    assert source.status.frames == EVENTS * EACH


class Run:
    """A run of which only the start is there."""

    def __init__(self):
        self.metadata = {"start": {"uid": "kit", "time": 1.0, "plan_name": "kit"}}

    def __contains__(self, name):
        return False


class Catalogue:
    """Loses its first answer about a run."""

    uri = "http://there/metadata/"
    lost = 0

    def __contains__(self, name):
        return True

    def __getitem__(self, name):
        if not self.lost:
            self.lost += 1
            raise httpx.ReadTimeout("lost")
        return Run()


def test_a_run_whose_start_was_lost_on_its_way_begins_all_the_same():
    source = TiledSource("http://there", run="kit")
    catalogue = Catalogue()
    source._connected = lambda: catalogue
    assert source._look() == []
    assert source.status.state == "lost"
    assert source._look() == [RunStarted("kit", "kit")]
