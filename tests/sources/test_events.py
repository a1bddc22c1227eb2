"""A file of photon events as a source, followed and analysed while it grows."""

import asyncio
import os

import numpy as np
import pytest

from steering.analyses.centre_of_mass import CentreOfMass
from steering.analyses.xpcs import Xpcs
from steering.contract.outcome import require_same
from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.core.source import RunEnded, RunStarted
from steering.core.waiting import within
from steering.event_sources import events as module
from steering.event_sources.events import EventsSource
from steering.loop import partial
from steering.loop.store import Store
from steering.photons import frames as event_frames
from steering.photons.rigaku import EventRange, write_rigaku
from steering.places.events import EventFile
from steering.session.source_follower import SourceFollower
from steering.testing import InlineFacility
from steering.testing.waiting import until

SHAPE = (16, 24)


def photons(frames, seed=0, mean=0.02):
    return np.random.default_rng(seed).poisson(mean, (frames, *SHAPE)).astype(np.uint16)


def add(path, frames, first=0):
    frame, pixel = np.nonzero(frames.reshape(len(frames), -1))
    write_rigaku(path, frame + first, pixel, frames.reshape(len(frames), -1)[frame, pixel])


def source_of(path, **settings):
    given = {"rows": SHAPE[0], "columns": SHAPE[1], "period": 2e-5, "idle_seconds": 0.2} | settings
    return EventsSource(path, **given)


async def taken(source):
    async with asyncio.timeout(60):
        return [item async for item in source.items()]


async def test_a_file_is_a_run_of_the_frames_that_hold_photons(tmp_path):
    path = tmp_path / "A001.bin"
    frames = photons(300)
    frames[298:] = 0
    frames[297, 0, 0] = 1
    add(path, frames)
    first, *blocks, end = await taken(source_of(path))
    assert isinstance(first, RunStarted)
    assert (end.frames, end.status) == (298, "success")
    assert sum(len(block) for block in blocks) == 298
    for block in blocks:
        pixels, times = block.place.read(block.first, block.first + len(block))
        assert np.array_equal(np.asarray(pixels), frames[block.start : block.stop])
        assert np.isnan(times).all()
        assert (block.columns["exposure"] == 2e-5).all()
    # The same file is the same run whenever it is read; a run of a known length may end with dark frames.
    first_again, *_, end_again = await taken(source_of(path, frames=300))
    assert (first_again.run, end_again.frames, end_again.status) == (first.run, 300, "success")
    *_, short = await taken(source_of(path, frames=299 + 2))
    assert (short.frames, short.status) == (301, "success")


async def test_blocks_are_of_bounded_size(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_EVENTS", 500)
    path = tmp_path / "A001.bin"
    frames = photons(400)
    frames[100] = 9
    add(path, frames)
    _, *blocks, end = await taken(source_of(path))
    events = [block.place.where.end - block.place.where.begin for block in blocks]
    assert max(events) < 2 * 500 + SHAPE[0] * SHAPE[1]
    assert [block.start for block in blocks[1:]] == [block.stop for block in blocks[:-1]]
    assert (blocks[0].start, blocks[-1].stop) == (0, end.frames)
    monkeypatch.setattr(module, "_FRAMES", 64)
    _, *blocks, _ = await taken(source_of(path))
    assert max(len(block) for block in blocks) <= 64


async def test_a_frame_is_taken_once_the_next_has_begun(tmp_path):
    path = tmp_path / "A001.bin"
    source = source_of(path, idle_seconds=30.0)
    items = []

    async def take():
        items.extend([item async for item in source.items()])

    task = asyncio.create_task(take())
    assert source.status.state == "waiting"
    add(path, photons(10, mean=0.5))
    await until(lambda: source.status.frames == 9, lambda: source.status.detail)
    add(path, photons(10, mean=0.5), first=10)
    await until(lambda: source.status.frames == 19, lambda: source.status.detail)
    source.close()
    await within(20, task)
    assert source.status.state == "ended"


async def test_an_event_that_comes_when_its_frame_was_taken_is_counted(tmp_path):
    path = tmp_path / "A001.bin"
    add(path, photons(10, mean=0.5))
    source = source_of(path, idle_seconds=1.0)
    items = []

    async def take():
        items.extend([item async for item in source.items()])

    task = asyncio.create_task(take())
    await until(lambda: source.status.frames == 10, lambda: source.status.detail)
    write_rigaku(path, np.array([9, 9, 10, 11]), np.array([1, 2, 3, 4]), np.ones(4, int))
    await within(30, task)
    assert (source.rejected, items[-1].frames) == (1, 12)
    assert "2 events of frames before 10 came too late" in source.last_rejection


async def test_events_out_of_order_are_those_of_their_frames(tmp_path):
    path = tmp_path / "A001.bin"
    frames = photons(200)
    frames[199, 0, 0] = 1
    frame, pixel = np.nonzero(frames.reshape(200, -1))
    count = frames.reshape(200, -1)[frame, pixel]
    # As modules of a detector that write one after another: each a few frames ahead of the next.
    order = np.argsort(frame // 10 * 10 + (pixel % 2) * 15, kind="stable")
    write_rigaku(path, frame[order], pixel[order], count[order])
    _, *blocks, end = await taken(source_of(path))
    assert end.frames == 200
    for block in blocks:
        pixels, _ = block.place.read(block.first, block.first + len(block))
        assert np.array_equal(np.asarray(pixels), frames[block.start : block.stop])
    whole = blocks[0].joined(blocks[1:])
    assert np.array_equal(np.asarray(whole.place.read(0, 200)[0]), frames)


async def test_a_file_that_is_cut_short_or_goes_is_said(tmp_path):
    path = tmp_path / "A001.bin"
    add(path, photons(10, mean=0.5))
    with path.open("ab") as file:
        file.write(b"\1\2\3")
    source = source_of(path)
    *_, end = await taken(source)
    assert (end.frames, end.status, source.rejected) == (10, "success", 1)
    assert "in the middle of an event" in source.last_rejection
    for how, sentence in ((lambda: os.truncate(path, 16), "was cut from"), (path.unlink, "has gone")):
        path.unlink(missing_ok=True)
        add(path, photons(10, mean=0.5))
        source = source_of(path, frames=50)
        async with asyncio.timeout(30):
            items = []
            async for item in source.items():
                items.append(item)
                if isinstance(item, FrameBlock):
                    how()
        assert isinstance(items[-1], RunEnded)
        assert items[-1].status == "fail"
        assert sentence in f"{source.last_rejection} {source.status.detail}"
        assert "Only 9 of 50 frames came." in source.status.detail


@pytest.mark.parametrize(
    "settings", [{"rows": 0}, {"columns": -1}, {"period": 0.0}, {"frames": -2}, {"idle_seconds": 0.0}]
)
def test_what_it_cannot_be_is_said(tmp_path, settings):
    with pytest.raises(SteeringError, match="must be"):
        source_of(tmp_path / "A001.bin", **settings)


def test_a_worker_that_does_not_see_the_file_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("steering.places.events._PATIENCE", 0.1)
    with pytest.raises(SteeringError, match="sees the detector's filesystem"):
        EventFile(str(tmp_path / "gone.bin"), SHAPE, EventRange(0, 3)).read(0, 4)


@pytest.mark.parametrize("analysis", [Xpcs(bins=2, static_pixels=20, segment=50), CentreOfMass()])
async def test_events_are_analysed_as_pixels_are(tmp_path, monkeypatch, analysis):
    # A part of the frames is laid out as pixels at a time for an analysis that wants pixels.
    monkeypatch.setattr(event_frames, "_PART_BYTES", 4 * SHAPE[0] * SHAPE[1] * 7)
    path = tmp_path / "A001.bin"
    frames = photons(700)
    frames[699, 0, 0] = 1
    facility, said = InlineFacility(), []
    await facility.start()
    followed = SourceFollower(
        "events",
        source_of(path, idle_seconds=3.0),
        facility,
        Store(None),
        lambda _: {"main": analysis},
        lambda *_: None,
        said.append,
    )
    followed.start(frames=True)
    add(path, frames[:350])
    await until(lambda: followed.result is not None, lambda: str(said))
    add(path, frames[350:], first=350)
    await until(lambda: followed.result.provenance.frames == 700, lambda: f"{said} {followed.result.provenance}")
    block = FrameBlock("r", "primary", 0, 700, Inline(frames), {"exposure": np.full(700, 2e-5)}, {"exposure": "s"})
    expected = partial.analyse({"main": analysis}, [block]).members["main"].state
    require_same(followed.result.outcome, analysis.result(expected), "bitwise", "of events")
    await until(lambda: followed.frame is not None and followed.frame.number == 699, lambda: str(said))
    assert followed.index.read(12).pixels.tolist() == frames[12].tolist()
    await followed.close()
    await facility.close()
    assert said == []


@pytest.mark.whole
async def test_a_hundred_thousand_frames_of_few_photons_are_all_in_the_result(tmp_path):
    count, shape, random = 100_000, (512, 1024), np.random.default_rng(3)
    frame = np.sort(random.integers(0, count, 4 * count))
    frame[-1] = count - 1
    pixel, path = random.integers(0, shape[0] * shape[1], len(frame)), tmp_path / "A001.bin"
    analysis, facility, said = Xpcs(bins=4, static_pixels=10_000, segment=1000), InlineFacility(), []
    await facility.start()
    # A busy machine may write the next part that much later.
    source = source_of(path, rows=shape[0], columns=shape[1], idle_seconds=15.0)
    followed = SourceFollower(
        "events", source, facility, Store(None), lambda _: {"main": analysis}, lambda *_: None, said.append
    )
    followed.start(frames=False)
    # The detector writes while the file is followed, and ends its writes within frames.
    for part in np.array_split(np.arange(len(frame)), 7):
        write_rigaku(path, frame[part], pixel[part], np.ones(len(part), int))
        await until(lambda: source.status.frames > 0, lambda: str(said))
    await until(lambda: source.status.state == "ended", lambda: str(said))
    await until(lambda: followed.result.provenance.frames == count, lambda: f"{said} {followed.result.provenance}")
    where = EventFile(str(path), shape, EventRange(0, len(frame)))
    columns = {"exposure": np.full(count, 2e-5)}
    block = FrameBlock("r", "primary", 0, count, where, columns, {"exposure": "s"}, first=0)
    state = partial.analyse({"main": analysis}, [block]).members["main"].state
    require_same(followed.result.outcome, analysis.result(state), "bitwise", "of one block")
    assert followed.result.outcome.data["intensity_in_time"].sizes == {"segment": 100}
    await followed.close()
    await facility.close()
    assert said == []
