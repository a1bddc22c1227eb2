"""One RunEngine and its soft motors for the tests of a file."""

from concurrent.futures import wait

import pytest
from ophyd_async.sim import SimMotor

from steering.core.action import Finish
from steering.plans.engine import Engine
from tests.plans.running import AXES, Run


@pytest.fixture(scope="module")
def engine():
    made = Engine({})
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _nothing_is_left_running():
    """End the plan of a test that has failed in its midst: those that come after it share the engine."""
    yield
    run = getattr(Run, "current", None)
    future = getattr(run, "future", None)
    if future is not None and not future.done():
        run.propose(Finish())
        wait([future], 30)


@pytest.fixture(scope="module")
def motors(engine):
    async def make():
        found = {name: SimMotor(name=name, instant=True) for name in AXES}
        for motor in found.values():
            await motor.connect()
        return found

    return engine.call(make())
