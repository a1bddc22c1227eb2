import asyncio

import pytest
from ophyd_async.core import soft_signal_r_and_setter

from steering.devices.motor import until_true


def watched(value):
    """Make a signal that somebody else watches too, so that its value is kept."""
    signal, put = soft_signal_r_and_setter(bool, value)
    signal.subscribe_reading(lambda _: None)
    return signal, put


async def never():
    await asyncio.Event().wait()


def test_a_value_that_is_kept_from_before_a_device_hung_is_no_answer(monkeypatch):
    async def ask():
        signal, _ = watched(value=True)
        assert await signal.get_value(), "the kept value is the one that is waited for"
        monkeypatch.setattr(signal._connector.backend, "get_value", never)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await until_true(signal, bool)

    asyncio.run(ask())


def test_a_value_that_comes_is_waited_for():
    async def ask():
        signal, put = watched(value=False)
        asyncio.get_running_loop().call_later(0.05, put, True)
        async with asyncio.timeout(10):
            await until_true(signal, bool)
        assert await signal.get_value(cached=False)

    asyncio.run(ask())
