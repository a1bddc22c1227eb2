"""The beamline's devices, made from its description and connected on the engine's loop."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steering.beamline.description import BeamlineDescription
from steering.core.errors import SteeringError
from steering.core.status import Axis
from steering.plans.steerable import Devices

CONNECT_TIMEOUT = 20.0


class Readback:
    """A signal of a device as a Readable of its own, under a name of its own.

    Bluesky reads a device and leaves out its parts; the exposure must be in each event all the same.
    """

    parent = None

    def __init__(self, name: str, signal: Any) -> None:
        """Read ``signal`` into the column ``name``."""
        self.name = name
        self._signal = signal

    async def read(self) -> dict[str, Any]:
        """Read it."""
        (reading,) = (await self._signal.read()).values()
        return {self.name: reading}

    async def describe(self) -> dict[str, Any]:
        """Describe it; areaDetector gives no unit with its times, they are seconds."""
        (described,) = (await self._signal.describe()).values()
        return {self.name: {**described, "units": "s"}}


@dataclass(frozen=True)
class BeamlineDevices:
    """Connected ophyd-async devices.

    Attributes:
        motors: By axis name (``ophyd_async.epics.motor.Motor``).
        units: Unit of each axis.
        detector: The areaDetector with its HDF5 writer.
    """

    motors: Mapping[str, Any]
    units: Mapping[str, str]
    detector: Any

    def of(self, axes: tuple[str, ...]) -> Devices:
        """Pick what a scan of these axes moves and reads."""
        return Devices(
            motors={axis: self.motors[axis] for axis in axes},
            units={axis: self.units[axis] for axis in axes},
            detector=self.detector,
            exposure=Readback("exposure", self.detector.driver.acquire_time),
        )

    async def limits(self, axes: tuple[str, ...]) -> dict[str, Axis]:
        """Ask each motor for its soft limits; a motor whose limits are both 0 has none."""
        read = await asyncio.gather(*(self._limits(axis) for axis in axes))
        return dict(zip(axes, read, strict=True))

    async def _limits(self, axis: str) -> Axis:
        motor = self.motors[axis]
        low: float = await motor.low_limit_travel.get_value()
        high: float = await motor.high_limit_travel.get_value()
        if low == high == 0:
            low, high = -float("inf"), float("inf")
        return Axis(axis, self.units[axis], low, high)


async def connect(description: BeamlineDescription, directory: Path) -> BeamlineDevices:
    """Make and connect the devices. Call on the engine's loop.

    Args:
        description: The beamline.
        directory: Where the detector writes its files; one file a run.

    Raises:
        SteeringError: If a device does not answer; the message names it.
    """
    from ophyd_async.core import StaticPathProvider, UUIDFilenameProvider
    from ophyd_async.epics.adcore import ADWriterFactory
    from ophyd_async.epics.adsimdetector import SimDetector
    from ophyd_async.epics.motor import Motor

    paths = StaticPathProvider(UUIDFilenameProvider(), directory)
    detector = SimDetector(f"ca://{description.detector.prefix}", ADWriterFactory.hdf(paths), name="det")
    motors = {name: Motor(f"ca://{entry.prefix}", name=name) for name, entry in description.motors.items()}
    devices: list[Any] = [detector, *motors.values()]
    for device in devices:
        try:
            await device.connect(timeout=CONNECT_TIMEOUT)
        except Exception as error:  # whatever the control system raises, the user must learn which device it was
            message = (
                f"The device {device.name!r} of {description.name} does not answer: {error}. "
                "Check that its IOC runs and that EPICS_CA_ADDR_LIST reaches it."
            )
            raise SteeringError(message) from error
    units = {name: entry.units for name, entry in description.motors.items()}
    return BeamlineDevices(motors, units, detector)
