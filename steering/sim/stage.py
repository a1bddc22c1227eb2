"""A sample stage with a heater, whose temperature follows its set point at a limited rate, and filters before it."""

import asyncio
import time
from typing import Any

from caproto import ChannelType
from caproto.server import PVGroup, pvproperty

_LOOK_SECONDS = 0.02
ROOM_K = 295.0
# Part of the beam that each choice of filters lets through.
TRANSMISSION = {"out": 1.0, "thin": 0.3, "thick": 0.1}


class Stage(PVGroup):
    """Set point ``temperature``, read-back ``temperature:read``, ``ring_current`` that it is lit by, ``filters``."""

    def __init__(self, prefix: str, *, rate: float, most: float = 500.0) -> None:
        """Begin at room temperature.

        Args:
            prefix: Of its PVs, for example ``"STEER:"``.
            rate: Kelvin a second.
            most: Temperature that the heater cannot exceed, in K, whatever is asked for.
        """
        super().__init__(prefix)
        self._rate, self._most = rate, most

    @property
    def transmission(self) -> float:
        """Part of the beam that comes through the filters, 0 to 1."""
        return TRANSMISSION[str(self.filters.value)]

    async def _begin(self, instance: Any, loop: Any) -> None:
        """Follow the set point: caproto calls a property's functions with the group as their first argument."""
        del loop
        at = time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = time.monotonic()
            reach, at = self._rate * (now - at), now
            away = min(self.wanted.value, self._most) - instance.value
            if away:
                await instance.write(instance.value + max(-reach, min(away, reach)))

    wanted = pvproperty(value=ROOM_K, name="temperature", units="K", precision=3)
    temperature = pvproperty(
        value=ROOM_K, name="temperature:read", units="K", precision=3, read_only=True, startup=_begin
    )
    current = pvproperty(value=200.0, name="ring_current", units="mA", precision=2)
    filters = pvproperty(value="out", name="filters", dtype=ChannelType.ENUM, enum_strings=tuple(TRANSMISSION))
