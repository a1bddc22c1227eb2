"""A choice of a device, ophyd-async or classic ophyd, is read and set as the device has it: by name or by number."""

import asyncio
from enum import Enum

import ophyd
import pytest
from ophyd_async.core import StrictEnum, soft_signal_rw

from steering.core.errors import SteeringError
from steering.description.description_entries import SignalEntry
from steering.devices.device_signal import DeviceSignal

NAMES = ("out", "thin", "thick")
ENTRY = SignalEntry(device="wheel.filters")


class Filters(StrictEnum):
    """As a device of ophyd-async has them."""

    OUT = "out"
    THIN = "thin"
    THICK = "thick"


class Classic(ophyd.Signal):
    """As an EpicsSignal of an enumeration describes itself; a number, or a text if it was made with ``string=True``."""

    def describe(self):
        (described,) = super().describe().values()
        return {self.name: {**described, "enum_strs": NAMES}}


async def an_async_one():
    signal = soft_signal_rw(Filters, Filters.OUT, name="wheel-filters")
    await signal.connect()
    return signal


async def a_classic_number():
    return Classic(name="wheel_filters", value=0)


async def a_classic_text():
    return Classic(name="wheel_filters", value="out")


async def there(signal, number):
    while True:
        if await signal.arrived(number):
            return
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("make", [an_async_one, a_classic_number, a_classic_text])
async def test_it_is_read_and_set_as_the_device_has_it(make):
    device = await make()
    signal = await DeviceSignal.of("filters", ENTRY, device)
    assert signal.choices == NAMES
    assert (await signal.reading())["value"] == 0.0
    for number, name in ((2.0, "thick"), (1.0, "thin"), (0.0, "out")):
        await signal.put(number)
        async with asyncio.timeout(60):
            await there(signal, number)
        assert signal.said(number) == name
        (own,) = (await signal._ask("read")).values()
        assert own["value"] in (name, int(number))
    own_kind = int if make is a_classic_number else str
    assert isinstance(own["value"].value if isinstance(own["value"], Enum) else own["value"], own_kind)


async def test_what_is_neither_a_choice_nor_a_number_is_said():
    with pytest.raises(SteeringError, match="filters"):
        await DeviceSignal.of("filters", ENTRY, Classic(name="wheel_filters", value="between"))
