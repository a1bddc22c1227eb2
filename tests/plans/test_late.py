"""What a detector wrote although its event came to nothing gets an event of its own, or is known to be mixed up."""

import pytest
from ophyd_async.core import StaticPathProvider, UUIDFilenameProvider, callback_on_mock_put, set_mock_value
from ophyd_async.epics.adcore import ADWriterFactory

from steering.core.action import Resume, Skip
from steering.devices import detector as room
from steering.devices.detector import OneScanDetector
from steering.devices.devices import BeamlineDevices
from steering.plans.faults import PointError
from tests.plans.running import Run, rocking, wait_for
from tests.plans.test_ending import Staged
from tests.plans.test_exposing import series


class Spoils:
    """A Readable that does not answer once, at one point."""

    parent = None
    name = "spoils"

    def __init__(self, at):
        self.left = at

    async def read(self):
        self.left -= 1
        if self.left == 0:
            message = "ca://SIM:spoils"
            raise TimeoutError(message)
        return {self.name: {"value": 1.0, "timestamp": 0.0}}

    async def describe(self):
        return {self.name: {"source": "test", "dtype": "number", "shape": []}}


class Camera(OneScanDetector):
    """An areaDetector whose IOC is not there: it writes the frames of a trigger at once, or too few of them."""

    spoilt = Spoils(0)
    short_at = 0
    triggered = 0

    async def begin(self, frames):
        """Make up its IOC."""
        await self.connect(mock=True)
        set_mock_value(self.hdf.file_path_exists, True)
        self.written = 0

        self.frames = frames
        callback_on_mock_put(self.driver.acquire, lambda acquiring, **_: self.write(frames) if acquiring else None)
        return self

    def write(self, frames):
        for _ in range(frames):
            self.written += 1
            set_mock_value(self.driver.array_counter, self.written)
        set_mock_value(self.hdf.num_captured, self.written)

    def trigger(self):
        self.triggered += 1
        if self.triggered == self.short_at:
            self.write(self.frames - 1)
            message = "ca://SIM:det:Acquire"
            raise TimeoutError(message)
        return super().trigger()

    async def read(self):
        await self.spoilt.read()
        return await super().read()


def camera_of(engine, folder, frames):
    paths = StaticPathProvider(UUIDFilenameProvider(), folder)
    return engine.call(Camera("ca://NOT:", ADWriterFactory.hdf(paths), name="det").begin(frames))


def run_of(engine, motors, camera, scan, readables=()):
    of = BeamlineDevices({}, camera).of((), {})
    return Run(engine, motors, scan, detector=camera, readables=readables, late=of.late, listen=of.listen)


@pytest.mark.parametrize("frames", [1, 4])
@pytest.mark.parametrize("at", [1, 3])
@pytest.mark.parametrize("told", [False, True])
def test_frames_of_an_event_that_was_dropped_are_in_one_of_their_own(
    engine, motors, tmp_path, monkeypatch, frames, at, told
):
    """A detector tells of each frame once: to an event that is then dropped, if another device spoils it."""
    monkeypatch.setattr(room, "_QUIET_SECONDS", 0.01)
    camera, spoils = camera_of(engine, tmp_path, frames), Spoils(at)
    if not told:
        camera.spoilt = spoils
    run = run_of(engine, motors, camera, series(frames, count=5), (spoils,) if told else ())
    assert wait_for(lambda: run.docket.paused), run.future
    assert run.points == at - 1
    assert run.propose(Resume()).accepted
    run.finish()
    assert run.points == 5
    assert camera.triggered == 5
    taken = [document for name, document in run.documents if name == "stream_datum"]
    assert [one["indices"] for one in taken] == [{"start": number, "stop": number + 1} for number in range(5)]
    assert [one["seq_nums"] for one in taken] == [{"start": number, "stop": number + 1} for number in range(1, 6)]
    assert sum(name == "stream_resource" for name, _ in run.documents) == 1
    if frames > 1:
        starts = [event["burst_start"] for event in run.events("primary")]
        assert starts == sorted(set(starts)), "each burst has its own times"


@pytest.mark.parametrize(("frames", "said"), [(4, "took 3 of the 4 frames of a burst"), (1, "")])
def test_a_burst_that_was_cut_short_is_never_shared_out(engine, motors, tmp_path, monkeypatch, frames, said):
    monkeypatch.setattr(room, "_QUIET_SECONDS", 0.01)
    camera = camera_of(engine, tmp_path, frames)
    camera.short_at = 2
    run = run_of(engine, motors, camera, series(frames, count=3))
    assert wait_for(lambda: run.docket.paused), run.future
    assert run.propose(Resume()).accepted
    if not said:
        run.finish()
        assert run.points == 3
        return
    with pytest.raises(PointError, match=said):
        run.finish()
    assert run.points == 1


@pytest.mark.parametrize(("frames", "exposed"), [(0, 12), (1, 11)])
def test_a_frame_that_came_late_is_taken_and_not_exposed_again(engine, motors, frames, exposed):
    camera, fail = Staged(), {"at": 5}
    asked = []

    def trigger():
        fail["at"] -= 1
        if fail["at"] == 0:
            camera.did.append("trigger")
            raise TimeoutError("ca://SIM:det:Acquire")
        return camera._status("trigger")

    async def late(done):
        asked.append(done)
        return frames

    camera.trigger = trigger
    run = Run(engine, motors, rocking(), detector=camera, late=late)
    assert wait_for(lambda: run.docket.paused)
    assert run.propose(Resume()).accepted
    run.finish()
    assert asked == [4]
    assert run.points == 11
    assert len({round(event["th"], 6) for event in run.events("primary")}) == 11
    assert camera.did.count("trigger") == exposed


def test_a_late_frame_of_a_point_that_is_skipped_stays_with_its_own_position(engine, motors):
    camera, fail = Staged(), {"at": 5}

    def trigger():
        fail["at"] -= 1
        if fail["at"] == 0:
            raise TimeoutError("ca://SIM:det:Acquire")
        return camera._status("trigger")

    async def late(_):
        return 1

    camera.trigger = trigger
    wanted = [point.positions["th"] for point in rocking().points({"centre": 0.0, "range": 1.0, "step": 0.1})]
    run = Run(engine, motors, rocking(), detector=camera, late=late)
    assert wait_for(lambda: run.docket.paused)
    assert run.propose(Skip(1)).accepted
    assert run.propose(Resume()).accepted
    run.finish()
    assert [event["th"] for event in run.events("primary")] == pytest.approx(wanted)


def test_more_frames_than_points_end_the_run_instead_of_being_mixed_up(engine, motors):
    camera = Staged()
    calls = []

    def trigger():
        calls.append(1)
        if len(calls) == 3:
            raise TimeoutError("ca://SIM:det:Acquire")
        return camera._status("trigger")

    async def late(_):
        return 2

    camera.trigger = trigger
    run = Run(engine, motors, rocking(), detector=camera, late=late)
    assert wait_for(lambda: run.docket.paused)
    assert run.propose(Resume()).accepted
    with pytest.raises(PointError, match="2 frames for one point"):
        run.finish()
    assert run.points == 2
