import asyncio
from contextlib import suppress

import pytest
from ophyd_async.core import DetectorDataLogic, StaticPathProvider, TriggerInfo, UUIDFilenameProvider, set_mock_value
from ophyd_async.epics.adcore import ADWriterFactory

from steering.devices import detector as room
from steering.devices.detector import OneScanDetector
from steering.devices.devices import BeamlineDevices


class Slow(DetectorDataLogic):
    """Data logic whose stop takes until it is let go."""

    def __init__(self):
        self.go = asyncio.Event()
        self.stopped = 0

    async def stop(self):
        await self.go.wait()
        self.stopped += 1


class Motor:
    """A motor whose stop takes until it is let go."""

    units, device = "deg", None

    def __init__(self):
        self.go, self.stopping = asyncio.Event(), asyncio.Event()

    async def stop(self):
        self.stopping.set()
        await self.go.wait()
        return ""


async def connected(folder):
    paths = StaticPathProvider(UUIDFilenameProvider(), folder)
    one = OneScanDetector("ca://NOT:", ADWriterFactory.hdf(paths), name="det")
    await one.connect(mock=True)
    return one


async def settle():
    for _ in range(50):
        await asyncio.sleep(0)


def test_a_detector_is_staged_once_it_has_been_let_go_of(tmp_path):
    async def scans():
        one, slow = await connected(tmp_path), Slow()
        one.add_detector_logics(slow)
        leaving = one.unstage()
        entering = one.stage()
        await settle()
        assert not leaving.done
        assert slow.stopped == 0
        slow.go.set()
        await entering
        assert leaving.done
        assert slow.stopped == 2, "once by the scan before, then by this one's own staging"

    asyncio.run(scans())


def test_a_detector_that_does_not_let_go_is_told_once_more(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "_PARTING_SECONDS", 0.01)

    async def scans():
        one, slow = await connected(tmp_path), Slow()
        one.add_detector_logics(slow)
        leaving = one.unstage()
        entering = one.stage()
        await asyncio.wait([entering.task], timeout=0.05)
        assert (one._parting, leaving.done) == (None, False)
        slow.go.set()
        await entering

    asyncio.run(scans())


def test_a_failed_parting_does_not_spoil_the_next_scan(tmp_path):
    class Broken(DetectorDataLogic):
        times = 0

        async def stop(self):
            self.times += 1
            if self.times == 1:
                message = "not now"
                raise OSError(message)

    async def scans():
        one = await connected(tmp_path)
        one.add_detector_logics(Broken())
        leaving = one.unstage()
        await one.stage()
        with pytest.raises(OSError, match="not now"):
            await leaving

    asyncio.run(scans())


def test_frames_that_come_late_are_counted_although_a_kept_count_is_older(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "_QUIET_SECONDS", 0.01)

    async def count():
        one = await connected(tmp_path)
        assert await one.frames_after(0) == 0, "never prepared"
        set_mock_value(one.hdf.file_path_exists, True)
        set_mock_value(one.hdf.num_captured, 5)
        await one.prepare(TriggerInfo())
        counted = one.hdf.num_captured
        # Somebody watches, as the trigger of a point that was given up does, and hears of the last frame late.
        told = []
        counted.subscribe_reading(told.append)
        backend = counted._connector.backend
        answers = iter((6, 7, 7))

        async def answer():
            now = next(answers)
            if now == 7:
                asyncio.get_running_loop().call_later(0.05, set_mock_value, counted, 7)
            return now

        monkeypatch.setattr(backend, "get_value", answer)
        assert await counted.get_value() == 5, "the kept count"
        async with asyncio.timeout(10):
            assert await one.frames_after(5) == 2

    asyncio.run(count())


def test_the_next_scan_waits_until_the_devices_of_the_last_are_safe(tmp_path):
    async def scans():
        motor = Motor()
        devices = BeamlineDevices({"th": motor}, await connected(tmp_path))
        last, following = devices.of(("th",), {}), devices.of(("th",), {})
        safe = asyncio.ensure_future(last.make_safe())
        await motor.stopping.wait()
        prepared = asyncio.ensure_future(following.prepare())
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.shield(prepared)
        assert not prepared.done()
        motor.go.set()
        await asyncio.gather(safe, prepared)

    asyncio.run(scans())
