"""One RunEngine and its soft motors for the tests of a file."""

import pytest
from ophyd_async.sim import SimMotor

from steering.plans.engine import Engine
from tests.plans.running import AXES


@pytest.fixture(scope="module")
def engine():
    made = Engine({})
    yield made
    made.close()


@pytest.fixture(scope="module")
def motors(engine):
    async def make():
        found = {name: SimMotor(name=name, instant=True) for name in AXES}
        for motor in found.values():
            await motor.connect()
        return found

    return engine.call(make())
