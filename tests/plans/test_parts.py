"""Bursts in parts under a real RunEngine, with detectors that say what was done to them."""

import asyncio
import time

import numpy as np
import pytest

from steering.core.action import EndBurst, SetParameter
from steering.core.parameter import Parameter
from steering.devices.parted import PartedBurst
from steering.paths.heard import Heard, Track
from steering.paths.parts import Ended
from steering.plans.faults import PointError
from steering.scans.series import SeriesScan
from tests.plans.running import Run, wait_for
from tests.plans.test_exposing import EXPOSURE, Camera

PART, PARTS = 4, 5
COUNT = Parameter("count", "", 2, 1, 100, decimals=0)


class Burst(Camera):
    """A camera whose bursts have parts; it waits in the middle of one if it is told to."""

    def __init__(self, waits=None, breaks=None, extra=0):
        super().__init__(PART)
        self.waits, self.breaks, self.extra = waits, breaks, extra
        self.told, self.released, self.bursts, self.filled, self.events = [], 0, 0, 0, []

    def prepare(self, information):
        self.events.append(information.number_of_events)
        return super().prepare(information)

    def parted(self, done):
        self.done = done
        return self

    def count(self, frames, after=0.1):
        begin = self.counted[-1][0] or time.time()
        for frame in range(frames):
            self.counted.append((begin + after + 0.1 * frame, self.counted[-1][1] + 1))

    async def begin(self):
        self.bursts += 1

    async def whole(self, parts):
        if self.breaks == parts:
            message = "ca://SIM:det:NumCaptured_RBV"
            raise TimeoutError(message)
        if self.waits == (self.bursts, parts):
            await asyncio.Event().wait()
        self.count(PART)

    async def idle(self):
        pass

    async def end(self):
        self.count(self.extra)
        kept = self.extra % PART or PART
        more = self.told[-1] + -(-self.extra // PART)
        if kept < PART:
            # Heard in one leap.
            self.counted.append((self.counted[-1][0] + 0.6 + 0.1 * (PART - kept), self.counted[-1][1] + PART - kept))
        return Ended(more, kept)

    def tell(self, parts):
        self.told.append(parts)

    def release(self):
        self.released += 1

    def listen(self, axes):
        return Hears(self)


class Hears:
    def __init__(self, camera):
        self.camera = camera

    async def begin(self):
        self.first = len(self.camera.counted) - 1

    def heard(self):
        times, counts = np.array(self.camera.counted[self.first :], dtype=float).T
        return Heard(Track(times, counts))

    def end(self):
        return self.heard()


def run_of(engine, motors, camera, at=None, steered=()):
    scan = SeriesScan(
        name="s", title="t", parameters=(COUNT, EXPOSURE, *steered), frames=PART, parts=PARTS, unending=False
    )
    return Run(engine, motors, scan, at, detector=camera, listen=camera.listen, parted=camera.parted)


def column(run, name):
    return [event[name] for event in run.events("primary")]


def test_each_part_is_an_event_with_its_times_while_the_burst_runs(engine, motors):
    camera = Burst()
    run = run_of(engine, motors, camera).finish()
    assert column(run, "burst_part") == [*range(PARTS)] * 2
    assert set(column(run, "burst_kept")) == {PART}
    assert set(column(run, "burst_gap")) == {0}
    assert column(run, "burst_period") == pytest.approx([0.1] * 2 * PARTS)
    assert np.diff(column(run, "burst_start")[:PARTS]) == pytest.approx(0.1 * PART)
    assert camera.told == [1, 2, 3, 4, 5] * 2
    assert camera.done == PARTS, "the second burst begins after the events of the first"
    assert camera.released == 2
    assert run.documents[0][1]["events_per_burst"] == PARTS


@pytest.mark.parametrize(
    ("extra", "kept", "gap"),
    [(0, [4, 4], [0, 0]), (3, [4, 4, 3], [0, 0, 6]), (9, [4, 4, 4, 4, 1], [0, 0, 0, 0, 6])],
)
def test_an_ended_burst_keeps_what_it_took_and_the_next_point_follows(engine, motors, extra, kept, gap):
    camera = Burst(waits=(1, 3), extra=extra)
    run = run_of(engine, motors, camera)
    assert wait_for(lambda: len(camera.told) == 2)
    assert run.propose(EndBurst(2)).verdict == "refused"
    assert run.propose(EndBurst(1)).accepted
    # One end is enough.
    assert "No burst runs now" in run.propose(EndBurst(1)).reason
    run.finish()
    assert column(run, "burst_kept") == kept + [PART] * PARTS
    assert column(run, "burst_gap") == gap + [0] * PARTS
    assert column(run, "burst_part") == [*range(len(kept)), *range(PARTS)]
    (ruling,) = [one for one in run.events("steering") if one["verdict"] == "accepted"]
    assert (ruling["kind"], ruling["new"], ruling["before_point"]) == ("end_burst", "of point 1", 2)
    assert run.stop["exit_status"] == "success"
    # The detector was prepared for the rest of a part, so it is prepared anew.
    assert len(camera.prepared) == 2


def test_how_many_parts_a_burst_has_is_steered_from_the_next_point_on(engine, motors):
    camera = Burst()
    steered = Parameter("parts", "", PARTS, 1, 9, decimals=0)
    at = {1: (SetParameter("parts", 10.0),), PARTS: (SetParameter("parts", 2.0),)}
    run = run_of(engine, motors, camera, at, (steered,)).finish()
    assert column(run, "burst_part") == [*range(PARTS), 0, 1]
    assert [one["verdict"] for one in run.events("steering")] == ["refused", "accepted"]
    # The detector is told how many events come, and only if that has changed.
    assert camera.events == [PARTS, 2]


def test_a_burst_of_one_part_can_be_made_longer(engine, motors):
    camera = Burst()
    steered = Parameter("parts", "", 1, 1, 9, decimals=0)
    run = run_of(engine, motors, camera, {1: (SetParameter("parts", 3.0),)}, (steered,)).finish()
    assert column(run, "burst_part") == [0, 0, 1, 2]
    assert column(run, "burst_kept") == [PART] * 4


def test_another_proposal_ends_no_burst(engine, motors):
    camera = Burst()
    run = run_of(engine, motors, camera, {2: (SetParameter("exposure", 0.2),)}).finish()
    assert column(run, "burst_part") == [*range(PARTS)] * 2


def test_a_detector_that_falls_silent_in_a_burst_ends_the_run_with_a_sentence(engine, motors):
    camera = Burst(breaks=2)
    with pytest.raises(PointError, match=r"SIM:det:NumCaptured_RBV.*does not answer"):
        run_of(engine, motors, camera).finish()
    assert camera.released == 1


class Detector:
    """What a burst asks of a detector: so many frames are written when it is stopped."""

    frames_each = PART

    def __init__(self, written):
        self.written, self.took, self.most_events = written, 0, None

    async def acquire(self):
        pass

    async def frames_after(self, events):
        return self.written - events * PART

    async def take(self, frames):
        self.took += frames
        self.written += frames

    async def wait_written(self, events):
        assert self.written >= events * PART


@pytest.mark.parametrize(
    ("written", "told", "parts", "kept", "took"),
    [
        ((8,), 2, 2, PART, (0,)),
        ((11,), 2, 3, 3, (1,)),
        ((13,), 2, 4, 1, (3,)),
        # Of several detectors all have the same parts, and what is kept is what all have.
        ((9, 11), 2, 3, 1, (3, 1)),
        ((8, 9), 2, 3, 0, (4, 3)),
    ],
)
def test_the_last_part_is_filled_on_each_detector(written, told, parts, kept, took):
    made = {str(number): Detector(frames + 3 * PART) for number, frames in enumerate(written)}

    async def disarm(name, detector):
        return ""

    async def end():
        burst = PartedBurst(made, 3, disarm)
        await burst.begin()
        burst.tell(told)
        assert {one.most_events for one in made.values()} == {3 + told}
        found = await burst.end()
        burst.release()
        return found

    assert asyncio.run(end()) == Ended(parts, kept)
    assert tuple(one.took for one in made.values()) == took
    assert {one.most_events for one in made.values()} == {None}
