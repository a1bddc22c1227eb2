"""What a sweep and a burst need of the devices: a steady motion, and the times of frames and positions."""

import math
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import numpy as np

from steering.core.block import Floats
from steering.core.errors import SteeringError
from steering.paths.heard import Heard, Track

# Room for a run-up beyond what the motor needs to come up to speed, as a share of that.
_SPARE = 0.5
# So many readings are kept before more room is made.
_ROOM = 1024


class Hearing:
    """Hears the detector's counter and axes' read-backs, with the times that their IOCs give them."""

    def __init__(self, counter: Any, axes: dict[str, Any]) -> None:
        """Listen to signals of ophyd-async.

        Args:
            counter: How many frames the detector has taken.
            axes: Read-backs by axis.
        """
        self._signals = {"": counter, **axes}
        self._heard = {name: Ear() for name in self._signals}
        self._writers: dict[str, Callable[[dict[str, Any]], None]] = {}

    async def begin(self) -> None:
        """Begin to listen: what each signal is now is heard first."""
        for name, signal in self._signals.items():
            self._writers[name] = self._heard[name].write
            signal.subscribe_reading(self._writers[name])

    def end(self) -> Heard:
        """Listen no more, and give what was heard."""
        for name, signal in self._signals.items():
            signal.clear_sub(self._writers[name])
        return self.heard()

    def heard(self) -> Heard:
        """Give what was heard so far."""
        tracks = {name: ear.track() for name, ear in self._heard.items()}
        return Heard(tracks.pop(""), tracks)


class Ear:
    """What was heard of one signal; asked again, it only lays out what is new: a burst may have 100,000 frames."""

    def __init__(self) -> None:
        """Have heard nothing."""
        self._new: list[tuple[float, float]] = []
        # Times and values, with room for more behind them.
        self._kept = np.empty((2, _ROOM))
        self._count = 0

    def write(self, reading: dict[str, Any]) -> None:
        """Hear a reading."""
        self._new.extend((float(one["timestamp"]), float(one["value"])) for one in reading.values())

    def track(self) -> Track:
        """Give what was heard so far, in the order of its times."""
        new, self._new = self._new, []
        if new:
            self._lay(np.array(new, dtype=np.float64).T)
        times, values = self._kept[:, : self._count]
        return Track(times, values)

    def _lay(self, new: Floats) -> None:
        first, last = self._count, self._count + new.shape[1]
        if last > self._kept.shape[1]:
            larger = np.empty((2, 2 * last))
            larger[:, :first] = self._kept[:, :first]
            self._kept = larger
        self._kept[:, first:last] = new
        self._count = last
        if (np.diff(self._kept[0, max(first - 1, 0) : last]) < 0).any():
            # Anew, as somebody may still hold what was given before.
            order = np.argsort(self._kept[0, :last], kind="stable")
            self._kept = self._kept[:, :last][:, order]


class MotorSweep:
    """Moves a motor record at a steady speed over a range."""

    def __init__(self, name: str, motor: Any, units: str) -> None:
        """Sweep a motor of ophyd-async."""
        self._name, self._motor, self._units = name, motor, units
        self._speed = math.nan
        self._first, self._rising = math.nan, True

    async def ready(self, first: float, last: float, seconds: float) -> tuple[float, float]:
        """Go to where the run-up begins and set the speed; see :class:`steering.paths.heard.Sweeper`."""
        speed = abs(last - first) / seconds
        most = float(await self._motor.max_velocity.get_value(cached=False))
        if most and speed > most:
            message = (
                f"The sweep needs {speed:.4g} {self._units}/s of the motor {self._name}; its highest speed is "
                f"{most:.4g} {self._units}/s (its field VMAX). Take a longer exposure or a shorter sweep."
            )
            raise SteeringError(message)
        ramp = float(await self._motor.acceleration_time.get_value(cached=False))
        room = speed * ramp * (0.5 + _SPARE)
        direction = math.copysign(1.0, last - first)
        begin, end = first - direction * room, last + direction * room
        self._first, self._rising = first, direction > 0
        self._speed = float(await self._motor.velocity.get_value(cached=False))
        await self._motor.set(begin)
        await self._motor.velocity.set(speed)
        return begin, end

    async def crossed(self) -> None:
        """Wait until the motor is where the range begins."""
        from ophyd_async.core import observe_value

        async with aclosing(observe_value(self._motor.user_readback)) as values:
            async for value in values:
                if (value >= self._first) if self._rising else (value <= self._first):
                    return

    async def rest(self) -> None:
        """Give the motor the speed back that it had."""
        if math.isfinite(self._speed):
            await self._motor.velocity.set(self._speed)
