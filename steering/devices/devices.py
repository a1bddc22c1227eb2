"""The beamline's devices, and what a scan of it picks of them."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from steering.core.errors import SteeringError
from steering.core.status import Axis
from steering.devices.answers import ANSWER_SECONDS, answered, put
from steering.devices.early import Early
from steering.devices.flight import Hearing, MotorSweep
from steering.devices.motor import STOP_SECONDS, SafeMotor, until_true
from steering.devices.parted import PartedBurst
from steering.devices.positioner import Positioner
from steering.devices.signals import BeamlineSignal, SignalReadable
from steering.devices.strip import Strip
from steering.devices.suspenders import Suspender, Suspenders
from steering.plans.course import Plan
from steering.plans.devices import Devices
from steering.plans.faults import Faults

BeamlineMotor = SafeMotor | Positioner
Channels = Mapping[str, str | float | int]

# One that is set before a scan may have to move.
_PREPARE_SECONDS = 30.0


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


@dataclass
class BeamlineDevices:
    """Connected ophyd-async devices.

    Attributes:
        motors: By axis name.
        detector: The main areaDetector with its HDF5 writer; ``None`` for an instrument of the beamline's own.
        companions: Others by name.
        own: Devices of any class by name, which are read.
        baseline: Names of motors, signals and devices that are read before and after each scan.
        own_plans: What makes the plan of a scan from the values of its parameters, for the plans of an instrument.
        safing: Held while devices are made safe.
        prefixes: Names of the devices, in words, by the beginning of the names of their channels and signals.
        safe: Channels that are set when a scan was aborted or has failed, and to what.
        faults: What to do when a point cannot be measured.
        known: Each axis with its limits as they were last read.
        signals: By name; what is read, and steered, beside motors and detector.
        suspenders: What has to be so for a scan to go on.
        strip: What is shown all the time.
    """

    motors: Mapping[str, BeamlineMotor]
    detector: Any
    prefixes: Mapping[str, str] = field(default_factory=dict[str, str])
    safe: Channels = field(default_factory=dict[str, "str | float | int"])
    faults: Faults = field(default_factory=Faults)
    known: dict[str, Axis] = field(default_factory=dict[str, Axis])
    signals: Mapping[str, BeamlineSignal] = field(default_factory=dict[str, BeamlineSignal])
    suspenders: tuple[Suspender, ...] = ()
    strip: Strip = field(default_factory=Strip)
    companions: Mapping[str, Any] = field(default_factory=dict[str, Any])
    own: Mapping[str, Any] = field(default_factory=dict[str, Any])
    baseline: tuple[str, ...] = ()
    own_plans: Mapping[str, Callable[[Mapping[str, float]], Plan]] = field(
        default_factory=dict[str, "Callable[[Mapping[str, float]], Plan]"]
    )
    safing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def suspending(self, scan: str) -> Suspenders | None:
        """Pick what a scan waits for; nothing if it waits for nothing."""
        chosen = [one for one in self.suspenders if not one.entry.scans or scan in one.entry.scans]
        return Suspenders(chosen) if chosen else None

    def of(
        self,
        axes: tuple[str, ...],
        before: Channels,
        signals: Collection[str] = (),
        detectors: Collection[str] = (),
        own: Collection[str] = (),
    ) -> Devices:
        """Pick what a scan of these axes moves and reads.

        Args:
            axes: Its axes.
            before: Channels that are set before its run opens, and to what.
            signals: Names of the signals that it reads or steers.
            detectors: Names of the detectors that it triggers beside the main one.
            own: Names of the devices that it reads.
        """
        picked = {axis: self.motors[axis] for axis in axes}
        main = {} if self.detector is None else {"det": self.detector}
        chosen = main | {name: self.companions[name] for name in detectors}

        async def prepare() -> None:
            async with self.safing:
                # A second abort does not wait until the devices are safe. The next scan does: else a stop that was
                # meant for the one before would stop its motors.
                pass
            await asyncio.gather(*(motor.watch() for motor in picked.values() if isinstance(motor, SafeMotor)))
            for channel, value in before.items():
                await put(channel, value, _PREPARE_SECONDS)

        async def check(targets: Mapping[str, float], steps: Mapping[str, float]) -> None:
            await asyncio.gather(*(picked[axis].check(target, steps[axis]) for axis, target in targets.items()))

        async def make_safe() -> list[str]:
            async with self.safing:
                said = await asyncio.gather(
                    *(motor.stop() for motor in picked.values()),
                    *(_disarm(name, one) for name, one in chosen.items()),
                    *(self._secure(one) for one in self.safe),
                )
            return [sentence for sentence in said if sentence]

        return Devices(
            motors={axis: motor.device for axis, motor in picked.items()},
            backs={axis: Early(motor.device) for axis, motor in picked.items() if isinstance(motor, SafeMotor)},
            units={axis: motor.units for axis, motor in picked.items()},
            detector=self.detector,
            companions=tuple(self.companions[name] for name in detectors),
            exposure=None if self.detector is None else Early(Readback("exposure", self.detector.driver.acquire_time)),
            readables=(*(SignalReadable(self.signals[name]) for name in signals), *(self.own[name] for name in own)),
            baseline=tuple(self._readable(name) for name in self.baseline),
            signals={name: self.signals[name] for name in signals},
            prefixes=self.prefixes,
            faults=self.faults,
            prepare=prepare,
            check=check,
            late=lambda done: _late(chosen, done),
            listen=self._listen,
            parted=lambda done: PartedBurst(chosen, done, _disarm),
            sweeper=self._sweeper,
            make_safe=make_safe,
        )

    def _readable(self, name: str) -> Any:
        if name in self.motors:
            return self.motors[name].device
        return SignalReadable(self.signals[name]) if name in self.signals else self.own[name]

    def _listen(self, axes: tuple[str, ...]) -> Hearing:
        backs = {axis: self.motors[axis].device.user_readback for axis in axes}
        return Hearing(self.detector.driver.array_counter, backs)

    def _sweeper(self, axis: str) -> MotorSweep:
        motor = self.motors[axis]
        if not isinstance(motor, SafeMotor):
            message = f"The motor {axis} is no motor record, so it cannot be swept at a steady speed. Step it."
            raise SteeringError(message)
        return MotorSweep(axis, motor.device, motor.units)

    async def present(self, names: Collection[str]) -> dict[str, float]:
        """Read signals now.

        Raises:
            SteeringError: If one does not answer; with its name.
        """
        values = await asyncio.gather(*(self.signals[name].number() for name in names))
        return dict(zip(names, values, strict=True))

    async def limits(self, axes: tuple[str, ...]) -> dict[str, Axis]:
        """Ask each motor for its soft limits now.

        Raises:
            SteeringError: If one does not answer; with its name.
        """
        read = await asyncio.gather(
            *(answered(self.motors[axis].limits(), f"The motor {axis}", ANSWER_SECONDS) for axis in axes)
        )
        found = dict(zip(axes, read, strict=True))
        self.known.update(found)
        return found

    async def _secure(self, channel: str) -> str:
        try:
            await put(channel, self.safe[channel], STOP_SECONDS)
        except SteeringError as error:
            return f"{error} Set it by hand."
        return ""


async def _late(detectors: Mapping[str, Any], done: int) -> int:
    """Disarm detectors and count the frames that each has written beyond those of ``done`` events, for the next one.

    Raises:
        SteeringError: If one does not answer, or they have not written equally many.
    """
    said = [sentence for name, one in detectors.items() if (sentence := await _disarm(name, one))]
    if said:
        raise SteeringError(" ".join(said))
    counts = {name: await answered(one.frames_after(done), f"The detector {name}", ANSWER_SECONDS)
              for name, one in detectors.items()}  # fmt: skip
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        message = (
            f"The detectors have written unequal numbers of frames beyond the last point ({told}), so the frames of "
            "what follows would belong to the wrong points. Abort the scan and start it again."
        )
        raise SteeringError(message)
    return next(iter(counts.values()))


async def _disarm(name: str, detector: Any) -> str:
    who = "The detector" if name == "det" else f"The detector {name}"
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await detector.driver.acquire.set(False)
            # The put itself is not answered.
            await until_true(detector.driver.acquire, lambda acquiring: not acquiring)
    except Exception:  # noqa: BLE001  (whatever it raises: a person must be told, and the other devices go on)
        return f"{who} was told to stop, but does not answer: it may still expose. Look at it."
    return ""
