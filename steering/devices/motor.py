"""A motor record that is stopped within seconds, or said not to answer."""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from steering.core.status import Axis
from steering.plans.faults import MissedError

# A motor has so many seconds to say that it has stopped.
STOP_SECONDS = 3.0
# One that did not say so is not waited for again within this time.
_SILENT_SECONDS = 15.0
# A motor is where it was sent if it is nearer than this share of the distance between points.
SHARE_OF_STEP = 0.25
_RESOLUTIONS = 3.0


@dataclass
class SafeMotor:
    """One axis of the beamline.

    Attributes:
        name: Of the axis.
        device: The ophyd-async motor, whose ``stop`` waits for :data:`STOP_SECONDS` at most.
        units: Unit of its positions.
        tolerance: How far from its target it may stop, in that unit; 0 to take it from the record and the scan.
    """

    name: str
    device: Any
    units: str
    tolerance: float = 0.0

    async def watch(self) -> None:
        """Watch from now on what each move is checked against, so that no move has to ask for it.

        The read-back is not watched: a record tells of a change only if it is larger than its monitor deadband.
        """
        motor = self.device
        await asyncio.gather(*(signal.stage() for signal in (
            motor.low_limit_travel, motor.high_limit_travel, motor.dial_low_limit_travel, motor.dial_high_limit_travel,
            motor.velocity, motor.acceleration_time, motor.motor_egu, motor.precision,
        )))  # fmt: skip

    async def limits(self) -> Axis:
        """Ask for its soft limits; a motor whose *dial* limits are both 0 has none."""
        motor = self.device
        low, high, dial_low, dial_high = await _numbers(
            motor.low_limit_travel,
            motor.high_limit_travel,
            motor.dial_low_limit_travel,
            motor.dial_high_limit_travel,
        )
        if dial_low == dial_high == 0:
            low, high = -math.inf, math.inf
        # A record whose direction is reversed may give them the other way round.
        return Axis(self.name, self.units, min(low, high), max(low, high))

    async def check(self, target: float, step: float) -> None:
        """Check that it stands where it was sent.

        Args:
            target: Where, in the axis' unit.
            step: Distance to neighbouring points, in that unit.

        Raises:
            MissedError: If it does not.
        """
        position = float(await self.device.user_readback.get_value(cached=False))
        tolerated = self.tolerance or await self._tolerated(step)
        if abs(position - target) <= tolerated:
            return
        raise missed(self.name, self.units, position, target, tolerated)

    async def stop(self) -> str:
        """Stop it and wait until it stands; return a sentence if it does not, or does not say so."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.device.stop(success=True)
                await until_true(self.device.motor_done_move, bool)
        except Exception:  # noqa: BLE001  (whatever it raises: a person must be told, and the other devices go on)
            return f"The motor {self.name} was told to stop, but does not say that it stands. Look at it."
        return ""

    async def _tolerated(self, step: float) -> float:
        resolution, deadband = await _numbers(self.device.motor_resolution, self.device.deadband)
        share = SHARE_OF_STEP * abs(step) if math.isfinite(step) else 0.0
        return max(_RESOLUTIONS * abs(resolution), deadband, share)


def missed(name: str, units: str, position: float, target: float, tolerated: float) -> MissedError:
    """Say of a motor that it does not stand where it was sent; all in its unit."""
    sentence = (
        f"The motor {name} stands at {position:.6g} {units} instead of {target:.6g} {units}; allowed are "
        f"{tolerated:.3g} {units} of difference. Look whether something stopped it, whether it is at a limit switch, "
        "or whether its read-back is set up right."
    )
    away = abs(position - target)
    return MissedError(sentence, away / tolerated if math.isfinite(away) else math.inf)


async def until_true(signal: Any, condition: Callable[[Any], bool]) -> None:
    """Wait until a device answers that the value of its signal meets a condition.

    A value that is kept from before does not count: somebody else may watch the signal, and a device that hangs still
    has the value that it had then.
    """
    from ophyd_async.core import observe_value

    while not condition(await signal.get_value(cached=False)):
        async with aclosing(observe_value(signal)) as values:
            async for value in values:
                if condition(value):
                    break


async def _numbers(*signals: Any) -> list[float]:
    return [float(value) for value in await asyncio.gather(*(signal.get_value(cached=False) for signal in signals))]


def make_motor(prefix: str, name: str) -> Any:
    """Make the ophyd-async motor of a record."""
    from ophyd_async.epics.motor import Motor, MotorFlyableMovableLogic

    class PromptMotor(Motor):
        """A motor that is told to stop without being asked first whether it moves, and waited for a short time only."""

        _silent_since = -math.inf

        @cached_property
        def movable_logic(self) -> MotorFlyableMovableLogic:
            """How a move is checked and made."""
            logic = Motor.movable_logic.func(self)

            async def told() -> tuple[str, int]:
                return await self.motor_egu.get_value(), await self.precision.get_value()

            # Else each move asks the read-back to describe itself, twice.
            logic.get_units_precision = told
            return logic

        async def stop(self, success: bool = False) -> None:  # noqa: FBT001, FBT002  (Bluesky's own signature)
            await self.motor_stop.set(1)
            if time.monotonic() - self._silent_since < _SILENT_SECONDS:
                return
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await super().stop(success)
            except (TimeoutError, asyncio.CancelledError):
                self._silent_since = time.monotonic()
                raise

    return PromptMotor(f"ca://{prefix}", name=name)
