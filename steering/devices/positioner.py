"""An axis that is no motor record: whatever Bluesky can move, such as a pseudo-axis of a diffractometer."""

import asyncio
import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from steering.core.errors import SteeringError
from steering.core.status import Axis
from steering.devices.motor import SHARE_OF_STEP, STOP_SECONDS, missed

# Positions of such axes are computed: they agree to so much of themselves at best.
_ROUNDING = 1e-9
_LOOK_SECONDS = 0.02


@dataclass
class Positioner:
    """One axis of the beamline, of any class.

    Attributes:
        name: Of the axis.
        device: An ophyd-async or classic ophyd device that Bluesky can set.
        units: Unit of its positions.
        tolerance: How far from its target it may stop, in that unit; 0 to take it from the scan.
    """

    name: str
    device: Any
    units: str
    tolerance: float = 0.0

    async def limits(self) -> Axis:
        """Ask for its limits; one that names none, or none that are in order, has none."""
        low, high = await _called(lambda: _limits(self.device))
        return Axis(self.name, self.units, low, high)

    async def check(self, target: float, step: float) -> None:
        """Check that it stands where it was sent.

        Args:
            target: Where, in the axis' unit.
            step: Distance to neighbouring points, in that unit.

        Raises:
            MissedError: If it does not.
        """
        share = SHARE_OF_STEP * abs(step) if math.isfinite(step) else 0.0
        tolerated = self.tolerance or max(share, _ROUNDING * max(abs(target), 1.0))
        position = await self._position()
        # One that says no number stands nowhere.
        if not abs(position - target) <= tolerated:
            raise missed(self.name, self.units, position, target, tolerated)

    async def stop(self) -> str:
        """Stop it and wait until it stands; return a sentence if it does not, or does not say so."""
        stop = getattr(self.device, "stop", None)
        if stop is None:
            return ""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await _called(lambda: stop(success=True))
                await _until(lambda: not getattr(self.device, "moving", False))
        except Exception:  # noqa: BLE001  (whatever it raises: a person must be told, and the other devices go on)
            return f"The motor {self.name} was told to stop, but does not say that it stands. Look at it."
        return ""

    async def _position(self) -> float:
        locate = getattr(self.device, "locate", None)
        if locate is not None:
            return float((await _called(locate))["readback"])
        return float(await _called(lambda: self.device.position))


async def _called(function: Callable[[], Any]) -> Any:
    """Call what may be asynchronous, or wait in the calling thread as classic ophyd does."""
    if inspect.iscoroutinefunction(function):
        return await function()
    found = await asyncio.to_thread(function)
    return await found if inspect.isawaitable(found) else found


async def _until(condition: Callable[[], bool]) -> None:
    while True:
        if await asyncio.to_thread(condition):
            return
        await asyncio.sleep(_LOOK_SECONDS)


def _limits(device: Any) -> tuple[float, float]:
    try:
        low, high = (float(one) for one in device.limits)
    except (AttributeError, TypeError, ValueError):
        return -math.inf, math.inf
    return (low, high) if low < high else (-math.inf, math.inf)


def part_of(owner: str, device: Any, path: str, axis: str) -> Any:
    """Take a part of a device as an axis, under the axis' name.

    Args:
        owner: The device's name.
        device: It.
        path: The part's name in it, with dots.
        axis: The axis' name.

    Raises:
        SteeringError: If it has no such part.
    """
    part = device
    for name in path.split("."):
        part = getattr(part, name, None)
    if part is None:
        parts: Sequence[str] = getattr(device, "component_names", ())
        has = f" It has: {', '.join(parts)}." if parts else ""
        message = f"The device {owner} has no part {path!r}.{has}"
        raise SteeringError(message)
    _rename(part, axis)
    return part


def _rename(device: Any, name: str) -> None:
    """Give a device the name of its column; a classic one has named its read-back after itself when it was made."""
    before = device.name
    if hasattr(device, "set_name"):
        device.set_name(name)
        return
    device.name = name
    signals: Iterable[Any] = device.walk_signals() if hasattr(device, "walk_signals") else ()
    for found in signals:
        if found.item.name == before:
            found.item.name = name


async def unit_of(axis: str, device: Any) -> str:
    """Ask an axis for its unit, and see that it can be moved and read under its own name.

    Returns:
        Its unit; empty if it names none.

    Raises:
        SteeringError: If it cannot.
    """
    if not (hasattr(device, "set") and hasattr(device, "read") and hasattr(device, "describe")):
        message = f"The motor {axis} cannot be moved: it has no set(), read() and describe(), as Bluesky wants."
        raise SteeringError(message)
    described = await _called(device.describe)
    if axis not in described:
        message = (
            f"The motor {axis} has no value of that name; it has {', '.join(described) or 'none'}. "
            "Steering reads a position under the device's own name, as that of Bluesky's motors is."
        )
        raise SteeringError(message)
    return str(described[axis].get("units") or "").strip()
