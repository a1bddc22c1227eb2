"""A motor record as ophyd-async expects it: caproto's fields with the behaviour of the real record.

Put-completion holds until the motion ends; soft limits are kept in step between user and dial; a put outside them
completes at once, reverts VAL and sets LVIO, exactly as the real record does; STOP and SPMG stop; a new target while
moving takes over. Not modelled: backlash, retries, homing, jogging, offsets.
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any

from caproto.server import PVGroup, pvproperty

# Readbacks while moving come so often (seconds).
_READBACK_SECONDS = 0.02


def travel(distance: float, speed: float, ramp: float) -> tuple[float, Callable[[float], float]]:
    """Plan a trapezoidal motion.

    Args:
        distance: To go, in the motor's unit, not negative.
        speed: Largest, in units per second.
        ramp: Seconds to reach it.

    Returns:
        Duration in seconds, and the distance covered after a time.
    """
    acceleration = speed / max(ramp, 1e-6)
    if distance < speed * speed / acceleration:
        half = math.sqrt(distance / acceleration)
        whole = 2 * half

        def short(at: float) -> float:
            return acceleration * at * at / 2 if at < half else distance - acceleration * (whole - at) ** 2 / 2

        return whole, short
    rise = speed / acceleration
    duration = distance / speed + rise

    def long(at: float) -> float:
        if at < rise:
            return acceleration * at * at / 2
        if at < duration - rise:
            return speed * (at - rise / 2)
        return distance - acceleration * (duration - at) ** 2 / 2

    return duration, long


class Motor(PVGroup):
    """One motor record."""

    async def _begin(self, instance: Any, _: Any) -> None:
        """Hand over: caproto calls a property's functions with the group as their first argument."""
        await self.begin(instance)

    async def _put(self, _: Any, value: float) -> float:
        return await self.move(float(value))

    val = pvproperty(value=0.0, name="", record="motor", precision=4, startup=_begin, put=_put)

    def __init__(
        self,
        prefix: str,
        *,
        units: str,
        limits: tuple[float, float],
        speed: float,
        ramp: float,
        start: float = 0.0,
        haste: float = 1.0,
    ) -> None:
        """Describe the motor.

        Args:
            prefix: Its record name.
            units: Unit of positions.
            limits: Soft limits in that unit.
            speed: Units per second.
            ramp: Seconds to reach the speed.
            start: Position at which it starts.
            haste: A motion of t seconds lasts t / haste.
        """
        super().__init__(prefix)
        self.position = start
        self._units = units
        self._limits = limits
        self._speed = speed
        self._ramp = ramp
        self._haste = haste
        self._moves = 0
        self._resting = asyncio.Event()
        self._resting.set()
        self._tweaks: set[asyncio.Task[float]] = set()

    async def begin(self, instance: Any) -> None:
        """Fill the record's fields."""
        self._record = instance
        fields = self._fields = instance.field_inst
        low, high = self._limits
        for channel in (instance, fields.user_readback_value, fields.dial_readback_value):
            await channel.write_metadata(units=self._units, precision=4)
        for channel, value in (
            (fields.velocity, self._speed),
            (fields.max_velocity, 10 * self._speed),
            (fields.seconds_to_velocity, self._ramp),
            (fields.motor_step_size, 1e-5),
            (fields.user_high_limit, high),
            (fields.user_low_limit, low),
            (fields.dial_high_limit, high),
            (fields.dial_low_limit, low),
            (fields.engineering_units, self._units),
            (fields.done_moving_to_value, 1),
            (fields.retry_deadband, 1e-5),
            (fields.tweak_step_size, 1.0),
        ):
            await channel.write(value)
        self._mirror(fields.user_high_limit, fields.dial_high_limit)
        self._mirror(fields.user_low_limit, fields.dial_low_limit)
        self._tweak(fields.tweak_motor_forward, +1)
        self._tweak(fields.tweak_motor_reverse, -1)
        await instance.write(self.position, verify_value=False)
        await self._read_back()

    def _mirror(self, one: Any, other: Any) -> None:
        async def copy(target: Any, value: float) -> None:
            if target.value != value:
                await target.write(value, verify_value=False)

        async def to_other(_: Any, value: float) -> None:
            await copy(other, value)

        async def to_one(_: Any, value: float) -> None:
            await copy(one, value)

        one.putter, other.putter = to_other, to_one

    def _tweak(self, channel: Any, sign: int) -> None:
        async def tweak(_: Any, value: int) -> int:
            if value:
                target = self._record.value + sign * self._fields.tweak_step_size.value
                task = asyncio.get_running_loop().create_task(self.move(target))
                self._tweaks.add(task)
                task.add_done_callback(self._tweaks.discard)
            return 0

        channel.putter = tweak

    def _outside(self, value: float) -> bool:
        fields = self._fields
        unlimited = fields.dial_low_limit.value == fields.dial_high_limit.value == 0
        return not unlimited and not fields.user_low_limit.value <= value <= fields.user_high_limit.value

    async def move(self, target: float) -> float:
        """Move; return where the motion ended. A target outside the limits moves nothing and sets LVIO."""
        fields, record = self._fields, self._record
        if self._outside(target):
            await fields.limit_violation.write(1)
            return float(record.value)
        await fields.limit_violation.write(0)
        self._moves += 1
        move = self._moves
        self._resting.clear()
        # VAL must be posted when the motion starts; caproto would post it only when this ends.
        await record.write(target, verify_value=False)
        await fields.done_moving_to_value.write(0)
        await fields.motor_is_moving.write(1)
        await fields.stop.write(0)
        target, superseded = await self._travel(target, move)
        if superseded:
            await self._resting.wait()
            return float(record.value)
        await self._read_back()
        await fields.motor_is_moving.write(0)
        await fields.done_moving_to_value.write(1)
        self._resting.set()
        return target

    async def _travel(self, target: float, move: int) -> tuple[float, bool]:
        """Move until the target, a stop, or another move; return where it ended, and whether another took over."""
        fields, origin, began = self._fields, self.position, time.monotonic()
        speed = max(min(fields.velocity.value, fields.max_velocity.value or math.inf), 1e-9)
        duration, covered = travel(abs(target - origin), speed, fields.seconds_to_velocity.value)
        direction = math.copysign(1.0, target - origin)
        while True:
            if move != self._moves:
                return target, True
            if fields.stop.value or fields.stop_pause_move_go.value in ("Stop", "Pause"):
                await fields.stop.write(0)
                await self._record.write(self.position, verify_value=False)
                return self.position, False
            elapsed = (time.monotonic() - began) * self._haste
            if elapsed >= duration:
                self.position = target
                return target, False
            self.position = origin + direction * covered(elapsed)
            await self._read_back()
            await asyncio.sleep(min(_READBACK_SECONDS, (duration - elapsed) / self._haste))

    async def _read_back(self) -> None:
        fields = self._fields
        await fields.user_readback_value.write(self.position)
        await fields.dial_readback_value.write(self.position)
        await fields.raw_readback_value.write(round(self.position / 1e-5))
