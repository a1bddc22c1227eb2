"""A point asks its devices for as little as it can between a frame and its event."""

import asyncio

import pytest
from bluesky.plan_stubs import close_run, open_run, trigger_and_read
from bluesky.protocols import Readable, Triggerable
from ophyd_async.core import set_mock_value

from steering.devices.early import Early
from steering.devices.motor import SafeMotor, make_motor
from steering.plans.engine import Engine


class Signal:
    """A device that is read, and counts how often."""

    name, parent = "th", None

    def __init__(self):
        self.value, self.asked = 1.0, 0

    async def read(self):
        self.asked += 1
        return {"th": {"value": self.value, "timestamp": 0.0}}

    async def describe(self):
        return {"th": {"source": "test", "dtype": "number", "shape": []}}


def value_of(reading):
    return reading["th"]["value"]


def counted(signal, monkeypatch):
    """Count how often a signal is asked for its value, and subscribed to."""
    seen = {"asked": 0, "subscribed": 0}
    backend = signal._connector.backend
    get, listen = backend.get_value, backend.set_callback

    async def get_value():
        seen["asked"] += 1
        return await get()

    def set_callback(callback):
        seen["subscribed"] += callback is not None
        listen(callback)

    monkeypatch.setattr(backend, "get_value", get_value)
    monkeypatch.setattr(backend, "set_callback", set_callback)
    return seen


def test_what_was_read_during_the_exposure_is_given_once():
    async def point():
        device = Signal()
        early = Early(device)
        assert isinstance(early, Readable)
        assert isinstance(early, Triggerable)
        await early.trigger()
        device.value = 2.0
        assert value_of(await early.read()) == 1.0, "as it was when the exposure began"
        assert device.asked == 1
        assert value_of(await early.read()) == 2.0, "not triggered: read now"

    asyncio.run(point())


def test_a_reading_that_failed_is_not_replaced_by_the_one_before():
    class Silent(Signal):
        async def read(self):
            if self.asked:
                message = "ca://SIM:th"
                raise TimeoutError(message)
            return await super().read()

    async def points():
        early = Early(Silent())
        await early.trigger()
        with pytest.raises(TimeoutError):
            await early.trigger()
        with pytest.raises(TimeoutError):
            await early.read()

    asyncio.run(points())


def test_a_run_engine_takes_it_for_the_device():
    documents = []
    engine = Engine({})
    engine.subscribe(lambda name, document: documents.append((name, document)))

    def plan():
        yield from open_run()
        yield from trigger_and_read([Early(Signal())])
        yield from close_run()

    try:
        engine.run(plan()).result(30)
    finally:
        engine.close()
    (event,) = (document for name, document in documents if name == "event")
    (descriptor,) = (document for name, document in documents if name == "descriptor")
    assert event["data"] == {"th": 1.0}
    assert descriptor["object_keys"] == {"th": ["th"]}


def test_a_move_asks_only_where_the_motor_stands(monkeypatch):
    async def moves():
        motor = make_motor("NOT:th", "th")
        await motor.connect(mock=True)
        set_mock_value(motor.motor_egu, "deg")
        set_mock_value(motor.low_limit_travel, -5.0)
        set_mock_value(motor.high_limit_travel, 5.0)
        set_mock_value(motor.dial_high_limit_travel, 5.0)
        safe = SafeMotor("th", motor, "deg")
        await safe.watch()
        limits = (
            motor.low_limit_travel, motor.high_limit_travel, motor.dial_low_limit_travel, motor.dial_high_limit_travel,
            motor.velocity, motor.acceleration_time, motor.motor_egu, motor.precision,
        )  # fmt: skip
        seen = [counted(signal, monkeypatch) for signal in limits]
        for target in (1.0, 2.0):
            await motor.set(target)
            assert await motor.user_readback.get_value() == target
        assert seen == [{"asked": 0, "subscribed": 0}] * len(limits)
        # A limit that somebody moves counts at once.
        set_mock_value(motor.high_limit_travel, 3.0)
        with pytest.raises(Exception, match=r"4\.0deg but motor limits are -5\.0deg <= x <= 3\.0deg"):
            await motor.set(4.0)

    asyncio.run(moves())
