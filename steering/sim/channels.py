"""Process variables generated from an ophyd-async device: one for every signal that it connects to."""

from collections.abc import Awaitable, Callable, Iterator
from enum import Enum
from typing import Any

import numpy as np
from caproto import ChannelChar, ChannelData, ChannelDouble, ChannelEnum, ChannelInteger

Handler = Callable[[Any], Awaitable[None]]

_READBACK = "_RBV"


class _Handled(ChannelData):
    """Mixin of caproto's channels: a put is handed to a coroutine and completes when that has returned."""

    handler: Handler | None = None

    async def verify_value(self, data: Any) -> Any:
        """Take in a put."""
        value = await super().verify_value(data)
        if self.handler is not None:
            await self.handler(value)
        return value


class DoubleChannel(_Handled, ChannelDouble):
    """A float."""


class IntegerChannel(_Handled, ChannelInteger):
    """An integer."""


class EnumChannel(_Handled, ChannelEnum):
    """One of a few words."""


class TextChannel(_Handled, ChannelChar):
    """A long string, as areaDetector has them: an array of characters."""

    async def write_from_dbr(self, data: Any, data_type: Any, metadata: Any, *, flags: int = 0) -> Any:
        """Take in a put; caproto itself cannot convert an empty one."""
        if not bytes(np.asarray(data)).rstrip(b"\0"):
            return await self.write("", flags=flags)
        return await super().write_from_dbr(data, data_type, metadata, flags=flags)


Channel = DoubleChannel | IntegerChannel | EnumChannel | TextChannel


def channel_for(datatype: type) -> Channel:
    """Make the channel that ophyd-async accepts for a signal of this datatype."""
    if issubclass(datatype, bool):
        return EnumChannel(value="No", enum_strings=("No", "Yes"))
    if issubclass(datatype, Enum):
        words = tuple(str(member.value) for member in datatype)
        return EnumChannel(value=words[0], enum_strings=words)
    if issubclass(datatype, int):
        return IntegerChannel(value=0)
    if issubclass(datatype, float):
        return DoubleChannel(value=0.0, precision=4)
    return TextChannel(value="", max_length=1024, string_encoding="utf-8")


def signals_of(device: Any) -> Iterator[Any]:
    """Walk a device's signals, depth first."""
    from ophyd_async.core import Signal

    for _, child in device.children():
        if isinstance(child, Signal):
            yield child
        else:
            yield from signals_of(child)


def channels_of(device: Any) -> dict[str, Channel]:
    """Make a channel for each PV of a device; a setpoint is copied to its readback when it is put."""
    channels: dict[str, Channel] = {}
    for signal in signals_of(device):
        # The connector is the only place where ophyd-async keeps the names it will connect to.
        backend = signal._connector.backend  # noqa: SLF001  (see above)
        for name in {backend.read_pv, backend.write_pv}:
            channels.setdefault(name, channel_for(backend.datatype))
    for name, channel in channels.items():
        readback = channels.get(name + _READBACK)
        if readback is not None:
            channel.handler = _copy_to(readback)
    return channels


def _copy_to(readback: Channel) -> Handler:
    async def copy(value: Any) -> None:
        await readback.write(value)

    return copy
