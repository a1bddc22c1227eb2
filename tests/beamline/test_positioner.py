"""Axes that are no motor records: pseudo-axes, positioners of any class, of ophyd-async and of classic ophyd."""

import math
import threading

import ophyd.sim
import pytest
from ophyd import Component, Device, PseudoPositioner, PseudoSingle, SoftPositioner
from ophyd.pseudopos import pseudo_position_argument, real_position_argument
from ophyd_async.core import init_devices
from ophyd_async.sim import SimMotor

from steering.core.errors import SteeringError
from steering.description.description_entries import MotorEntry
from steering.devices.own_devices import connect_positioners, make_axes
from steering.devices.positioner import Positioner
from steering.plans.devices import Devices
from steering.plans.exposing import moves_of
from steering.plans.faults import MissedError


class Turned(PseudoPositioner):
    """Two axes that are turned by 45 degrees against the real ones."""

    u = Component(PseudoSingle, limits=(-5.0, 5.0), egu="mm")
    v = Component(PseudoSingle, egu="mm")
    x = Component(SoftPositioner, init_pos=0.0)
    y = Component(SoftPositioner, init_pos=0.0)

    @pseudo_position_argument
    def forward(self, pseudo):
        return self.RealPosition(x=(pseudo.u + pseudo.v) / math.sqrt(2), y=(pseudo.v - pseudo.u) / math.sqrt(2))

    @real_position_argument
    def inverse(self, real):
        return self.PseudoPosition(u=(real.x - real.y) / math.sqrt(2), v=(real.x + real.y) / math.sqrt(2))


class Slit(Device):
    """Its blades are devices of their own."""

    gap = Component(SoftPositioner, egu="mm", init_pos=0.0)


@pytest.fixture
def turned():
    return Turned("", name="turned")


async def made(entries, devices):
    motors = {name: MotorEntry.model_validate(entry) for name, entry in entries.items()}
    found = await connect_positioners(motors, devices, make_axes(motors))
    return {name: Positioner(name, device, unit) for name, (device, unit) in found.items()}


async def test_pseudo_axes_are_axes_under_their_own_names(turned):
    axes = await made({"along": {"device": "turned.u"}, "across": {"device": "turned.v"}}, {"turned": turned})
    along, across = axes["along"], axes["across"]
    assert (along.units, across.units) == ("mm", "mm")
    limits = await along.limits()
    assert (limits.low, limits.high) == (-5.0, 5.0)
    assert (await across.limits()).low == -math.inf
    assert {"along", "across"} <= set(turned.read())
    moves = moves_of({"along": 1.0, "across": 2.0}, Devices({name: one.device for name, one in axes.items()}, {}))
    # Told both at once, each would be computed with where the other was.
    assert [len(one) for one in moves] == [2, 2]
    for motor, target in moves:
        motor.set(target).wait(10)
    await along.check(1.0, 0.1)
    await across.check(2.0, math.inf)
    with pytest.raises(MissedError, match=r"The motor along stands at 1 mm instead of 1\.5 mm"):
        await along.check(1.5, 0.1)
    assert await along.stop() == ""


async def test_a_motor_of_classic_ophyd_and_one_of_ophyd_async_are_axes():
    axes = await made({"classic": {"class": "ophyd.sim:SynAxis", "arguments": {"delay": 0.0}}}, {})
    await axes["classic"].check(0.0, 1.0)
    async with init_devices():
        motor = SimMotor(name="fine", instant=True)
    fine = Positioner("fine", motor, "mm")
    await motor.set(3.0)
    await fine.check(3.0, 0.1)
    with pytest.raises(MissedError, match="The motor fine stands at 3"):
        await fine.check(4.0, 0.1)
    assert await fine.stop() == ""


async def test_a_part_of_a_device_is_found_and_named_or_said_to_be_missing():
    slit = Slit("", name="slit")
    with pytest.raises(SteeringError, match=r"The device slit has no part 'width'\. It has: gap"):
        await made({"width": {"device": "slit.width"}}, {"slit": slit})


async def test_what_cannot_be_moved_or_has_no_value_of_its_name_is_said():
    class Odd(ophyd.sim.SynAxis):
        def describe(self):
            return {"other": {"source": "", "dtype": "number", "shape": []}}

    holder = Device("", name="holder")
    holder.odd, holder.lamp = Odd(name="odd"), Device("", name="lamp")
    with pytest.raises(SteeringError, match=r"The motor odd has no value of that name; it has other"):
        await made({"odd": {"device": "holder.odd"}}, {"holder": holder})
    with pytest.raises(SteeringError, match=r"The motor lamp cannot be moved"):
        await made({"lamp": {"device": "holder.lamp"}}, {"holder": holder})


async def test_one_that_does_not_stand_still_is_said(monkeypatch):
    monkeypatch.setattr("steering.devices.positioner.STOP_SECONDS", 0.1)
    asked = threading.Event()

    class Running(ophyd.sim.SynAxis):
        moving = True

        def stop(self, *, success=False):
            asked.set()

    running = Positioner("x", Running(name="x"), "mm")
    assert await running.stop() == "The motor x was told to stop, but does not say that it stands. Look at it."
    assert asked.is_set()


class Nowhere:
    """A positioner whose control system has lost it."""

    position = math.nan


async def test_an_axis_that_says_no_number_does_not_stand_where_it_was_sent():
    with pytest.raises(MissedError, match="stands at nan mm"):
        await Positioner("along", Nowhere(), "mm").check(1.0, 0.1)
    with pytest.raises(MissedError, match="stands at nan mm"):
        await Positioner("along", Nowhere(), "mm", tolerance=5.0).check(1.0, 0.1)
