import asyncio
import threading

import h5py
import numpy as np
import pytest

from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.documents.document_keys import imaging_devices
from steering.places import hdf5 as reader
from steering.places.hdf5 import FrameFile
from steering.sources.documents import DocumentSource
from steering.sources.frames import read_frames
from tests.documents import EXPOSURE, STEP, documents_of_a_run


async def blocks_of(documents):
    """Feed one document after another and take what comes of each at once."""
    source = DocumentSource()
    items = source.items()
    blocks = []
    for name, document in documents:
        before = source.status.frames
        source.feed(name, document)
        if source.status.frames > before:
            async for item in items:
                if isinstance(item, FrameBlock):
                    blocks.append(item)
                    if sum(len(block) for block in blocks) == source.status.frames:
                        break
    source.close()
    return blocks


async def test_blocks_carry_positions_units_and_places():
    blocks = await blocks_of(documents_of_a_run(5, "/data/a b.h5".replace(" ", "%20")))
    assert [block.start for block in blocks] == [0, 1, 2, 3, 4]
    assert blocks[3].columns["th"] == [3 * STEP]
    assert blocks[3].columns["exposure"] == [EXPOSURE]
    assert blocks[3].units == {"th": "deg", "exposure": "s"}
    assert isinstance(blocks[3].place, FrameFile)
    assert blocks[3].place.path == "/data/a b.h5"
    assert blocks[3].place.dataset == "/entry/data/data"
    assert blocks[3].first == 3


async def test_events_that_come_before_their_frames_wait_for_them():
    documents = documents_of_a_run(4)
    moved = [entry for entry in documents if entry[0] == "stream_datum"]
    rest = [entry for entry in documents if entry[0] not in ("stream_datum", "stop")]
    blocks = await blocks_of([*rest, *moved, documents[-1]])
    assert [(block.start, block.stop) for block in blocks] == [(0, 1), (1, 2), (2, 3), (3, 4)]


async def test_an_event_that_is_emitted_again_after_a_rewind_counts_once():
    documents = documents_of_a_run(4)
    again = [entry for entry in documents if entry[0] == "event"][1]
    blocks = await blocks_of([*documents[:-1], again, documents[-1]])
    assert sum(len(block) for block in blocks) == 4


async def test_what_waits_comes_in_few_blocks():
    source = DocumentSource()
    for name, document in documents_of_a_run(50):
        source.feed(name, document)
    source.close()
    blocks = [item async for item in source.items() if isinstance(item, FrameBlock)]
    assert [(block.start, block.stop) for block in blocks] == [(0, 50)]
    assert (blocks[0].columns["th"] == STEP * np.arange(50)).all()
    assert source.status.frames == 50
    assert source.status.state == "ended"


async def test_frames_after_a_lost_event_still_come():
    documents = documents_of_a_run(50)
    lost = [place for place, (name, _) in enumerate(documents) if name == "event"][20]
    blocks = await blocks_of([*documents[:lost], *documents[lost + 1 :]])
    assert [index for block in blocks for index in block.indices] == [*range(20), *range(21, 50)]
    assert [block.first for block in blocks] == [block.start for block in blocks]


async def test_feeding_from_another_thread():
    source = DocumentSource()
    found = []

    async def collect():
        found.extend([item async for item in source.items()])

    collecting = asyncio.create_task(collect())
    await asyncio.sleep(0)

    def feed():
        for name, document in documents_of_a_run(50):
            source.feed(name, document)
        source.close()

    await asyncio.to_thread(feed)
    await collecting
    blocks = [item for item in found if isinstance(item, FrameBlock)]
    assert [index for block in blocks for index in block.indices] == list(range(50))
    assert [value for block in blocks for value in block.columns["th"]] == [STEP * index for index in range(50)]


def block(place, start=0, stop=2, first=None):
    return FrameBlock("run", "primary", start, stop, place, first=first)


def test_frames_of_a_growing_file_are_waited_for(tmp_path):
    path = tmp_path / "growing.h5"
    ready, go_on = threading.Event(), threading.Event()

    def write():
        with h5py.File(path, "w", libver="latest") as file:
            data = file.create_dataset("entry/data/data", (1, 4, 4), "i4", maxshape=(None, 4, 4), chunks=(1, 4, 4))
            times = file.create_dataset("t", (1,), "f8", maxshape=(None,), chunks=(16,))
            file.swmr_mode = True
            ready.set()
            go_on.wait(30)
            for dataset, value in ((times, 1.7e9), (data, 7)):
                dataset.resize(2, axis=0)
                dataset[1] = value
                dataset.flush()

    writer = threading.Thread(target=write)
    writer.start()
    ready.wait(30)
    place = FrameFile(str(path), "entry/data/data", "t")
    threading.Timer(0.05, go_on.set).start()
    found, times = read_frames(block(place))
    writer.join()
    assert found.shape == (2, 4, 4)
    assert (found[1] == 7).all()
    assert times[1] == 1.7e9


def test_what_cannot_be_read_gives_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "PATIENCE", 0.05)
    with pytest.raises(SteeringError, match="Check that this worker sees"):
        read_frames(block(FrameFile(str(tmp_path / "absent.h5"), "d")))
    cut = tmp_path / "cut.h5"
    with h5py.File(cut, "w") as file:
        file["d"] = np.zeros((1, 4, 4))
    with pytest.raises(SteeringError, match="does not hold frames 0 to 1"):
        read_frames(block(FrameFile(str(cut), "d")))
    cut.write_bytes(cut.read_bytes()[:100])
    other = tmp_path / "broken.h5"
    other.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 50)
    with pytest.raises(SteeringError, match="cannot be read"):
        read_frames(block(FrameFile(str(other), "d")))


def test_a_file_without_times_gives_none():
    found, times = read_frames(block(Inline(np.ones((2, 3, 3)))))
    assert found.sum() == 18
    assert np.isnan(times).all()


def test_devices_with_frames_are_found_and_what_is_odd_has_none():
    image, number = {"external": "STREAM:", "shape": [1, 5, 7]}, {"shape": []}
    keys = {"i0": number, "side": image, "det": image, "nobodys": image}
    devices = {"det": ["det"], "scaler": ["i0"], "side": ["side"]}
    assert imaging_devices({"data_keys": keys, "object_keys": devices}) == ["side", "det"]
    for odd in ({}, {"data_keys": [], "object_keys": {}}, {"data_keys": {"a": 3}, "object_keys": {"b": 3, "c": [[]]}}):
        assert imaging_devices(odd) == []
    assert imaging_devices({"data_keys": {"a": {"external": "x", "shape": 3}}, "object_keys": {"d": ["a"]}}) == []
