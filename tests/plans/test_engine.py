import asyncio
import threading

import pytest
from bluesky import plan_stubs as bps
from bluesky.suspenders import SuspendFloor
from ophyd import Signal
from ophyd_async.core import AsyncStatus, Device

from steering.core.errors import SteeringError
from steering.plans.engine import Engine


class Lingering(Device):
    """A movable that the RunEngine stops after each plan, which takes until it is let go."""

    def __init__(self):
        self.stopping, self.go = threading.Event(), threading.Event()
        super().__init__(name="lingering")

    @AsyncStatus.wrap
    async def set(self, value):
        del value

    async def stop(self, success=False):
        del success
        self.stopping.set()
        await asyncio.to_thread(self.go.wait)


@pytest.fixture
def engine():
    made = Engine({})
    yield made
    made.close()


def works(engine):
    """See that it runs a plan."""
    done = []
    engine.run(steps(done)).result(10)
    assert done == [1]


def steps(done):
    yield from bps.null()
    done.append(1)


def test_an_abort_while_the_engine_tidies_up_leaves_it_usable(engine):
    lingering = Lingering()

    def moves():
        yield from bps.abs_set(lingering, 1, wait=True)

    running = engine.run(moves())
    assert lingering.stopping.wait(10)
    engine.abort("too late")
    asking = engine.insist("too late as well", lambda: False)
    lingering.go.set()
    running.result(10)
    asking.join(10)
    assert not asking.is_alive()
    works(engine)


@pytest.mark.parametrize("moment", range(40))
def test_an_abort_at_any_moment_of_a_short_plan_leaves_the_engine_usable(engine, moment):
    lingering = Lingering()
    lingering.go.set()

    def moves():
        yield from bps.abs_set(lingering, 1, wait=True)
        for _ in range(moment):
            yield from bps.null()

    running = engine.run(moves())
    asking = engine.insist("now", lambda: False)
    if moment % 2:
        engine.abort("now")
    running.exception(10)
    asking.join(10)
    assert not asking.is_alive()
    works(engine)


def test_an_abort_before_the_first_message_and_after_the_last_does_nothing(engine):
    engine.abort("nothing runs")
    done = []
    engine.run(steps(done)).result(10)
    engine.abort("it has ended")
    engine.run(steps(done)).result(10)
    assert done == [1, 1]


def test_a_plan_that_waits_is_interrupted_and_may_clean_up(engine):
    waiting, cleaned = threading.Event(), []

    def waits():
        waiting.set()
        try:
            yield from bps.sleep(60)
        finally:
            yield from bps.null()
            cleaned.append(1)

    running = engine.run(waits())
    assert waiting.wait(10)
    engine.insist("enough", lambda: bool(cleaned)).join(20)
    running.result(10)
    assert cleaned == [1]


def test_an_abort_reaches_a_plan_that_a_suspender_of_the_engine_does_not_let_begin(engine):
    beam = Signal(name="beam", value=2.0)
    lost = SuspendFloor(beam, 1.0)
    engine._engine.install_suspender(lost)
    beam.put(0.0)
    while not lost.tripped:
        # It is told of the value in a thread of its own.
        continue
    try:
        done = []
        running = engine.run(steps(done))
        while engine._engine.state != "running":
            assert not running.done()
        asking = engine.insist("enough", lambda: False)
        running.exception(10)
        asking.join(10)
        assert not asking.is_alive()
        assert done == []
    finally:
        engine._engine.remove_suspender(lost)
    engine.run(steps(done)).result(10)
    assert done == [1]


def test_an_engine_that_somebody_paused_past_us_is_freed(engine):
    cleaned = []

    def waits():
        threading.Thread(target=engine._engine.request_pause).start()
        try:
            yield from bps.checkpoint()
            yield from bps.sleep(60)
        finally:
            cleaned.append(1)

    with pytest.raises(SteeringError, match="paused the RunEngine itself, so the scan was aborted"):
        engine.run(waits()).result(20)
    assert cleaned == [1]
    works(engine)
