"""A scaler record that counts a clock and the incoming beam (I0) for a preset time."""

import asyncio
from collections.abc import Callable
from typing import Any

from caproto import ChannelData, ChannelDouble, ChannelInteger, ChannelString

CHANNELS = 32
_CLOCK_HZ = 1e7
# Counts of I0 in a second, for each mA of the ring current.
_COUNTS_A_SECOND_AND_MA = 5000.0


class _Count(ChannelInteger):
    """``CNT``: a put of 1 completes when the preset time is over, and reads 0 again then."""

    begin: Callable[[], Any]

    async def verify_value(self, data: Any) -> Any:
        """Take in a put."""
        value = await super().verify_value(data)
        if value:
            await self.begin()
        return 0


class Scaler:
    """The record's behaviour behind its fields."""

    def __init__(self, name: str, current: Callable[[], float], *, speed: float) -> None:
        """Wire it.

        Args:
            name: Of the record.
            current: Gives the ring current in mA.
            speed: Counting for t seconds lasts t / speed.
        """
        self._current, self._speed = current, speed
        count = _Count(value=0)
        count.begin = self._count
        fields: dict[str, ChannelData] = {
            "CNT": count, "CONT": ChannelString(value="OneShot"), "EGU": ChannelString(value="counts"),
            "TP": ChannelDouble(value=0.1), "T": ChannelDouble(value=0.0), "FREQ": ChannelDouble(value=_CLOCK_HZ),
        }  # fmt: skip
        for field in ("DLY", "DLY1", "TP1", "RATE", "RAT1"):
            fields[field] = ChannelDouble(value=0.0)
        for number in range(1, CHANNELS + 1):
            title = {1: "clock", 2: "I0"}.get(number, "")
            fields |= {f"S{number}": ChannelDouble(value=0.0), f"NM{number}": ChannelString(value=title)}
            fields |= {f"PR{number}": ChannelDouble(value=0.0), f"G{number}": ChannelInteger(value=0)}
        self._fields = fields
        self.channels = {f"{name}.{field}": channel for field, channel in fields.items()}

    async def _count(self) -> None:
        seconds = float(self._fields["TP"].value)
        await asyncio.sleep(seconds / self._speed)
        counted = {"S1": _CLOCK_HZ * seconds, "S2": _COUNTS_A_SECOND_AND_MA * self._current() * seconds, "T": seconds}
        for field, value in counted.items():
            await self._fields[field].write(value)
