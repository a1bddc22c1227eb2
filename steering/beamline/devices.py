"""The beamline's devices, made from its description and connected on the engine's loop."""

import asyncio
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steering.beamline.answers import ANSWER_SECONDS, answered, put, same_unit
from steering.beamline.description import BeamlineDescription
from steering.beamline.flight import Hearing, MotorSweep
from steering.beamline.motor import STOP_SECONDS, SafeMotor, make_motor, until_true
from steering.beamline.own_devices import connect_devices
from steering.beamline.signals import BeamlineSignal, SignalReadable, connect_signals
from steering.beamline.suspenders import Suspender, Suspenders, watch
from steering.core.errors import SteeringError
from steering.core.status import Axis
from steering.plans.devices import Devices
from steering.plans.faults import Faults

Channels = Mapping[str, str | float | int]

CONNECT_TIMEOUT = 20.0
# One that is set before a scan may have to move.
_PREPARE_SECONDS = 30.0
# How ophyd-async names channels that it cannot reach.
_CHANNELS = re.compile(r"ca://(\S+)")


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
        detector: The main areaDetector with its HDF5 writer.
        companions: Others by name.
        own: Devices of any class by name, which are read.
        safing: Held while devices are made safe.
        prefixes: Names of the devices, in words, by the beginning of the names of their channels and signals.
        safe: Channels that are set when a scan was aborted or has failed, and to what.
        faults: What to do when a point cannot be measured.
        known: Each axis with its limits as they were last read.
        signals: By name; what is read, and steered, beside motors and detector.
        suspenders: What has to be so for a scan to go on.
    """

    motors: Mapping[str, SafeMotor]
    detector: Any
    prefixes: Mapping[str, str] = field(default_factory=dict[str, str])
    safe: Channels = field(default_factory=dict[str, "str | float | int"])
    faults: Faults = field(default_factory=Faults)
    known: dict[str, Axis] = field(default_factory=dict[str, Axis])
    signals: Mapping[str, BeamlineSignal] = field(default_factory=dict[str, BeamlineSignal])
    suspenders: tuple[Suspender, ...] = ()
    companions: Mapping[str, Any] = field(default_factory=dict[str, Any])
    own: Mapping[str, Any] = field(default_factory=dict[str, Any])
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
        chosen = {"det": self.detector} | {name: self.companions[name] for name in detectors}

        async def prepare() -> None:
            async with self.safing:
                # A second abort does not wait until the devices are safe. The next scan does: else a stop that was
                # meant for the one before would stop its motors.
                pass
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
            units={axis: motor.units for axis, motor in picked.items()},
            detector=self.detector,
            companions=tuple(self.companions[name] for name in detectors),
            exposure=Readback("exposure", self.detector.driver.acquire_time),
            readables=(*(SignalReadable(self.signals[name]) for name in signals), *(self.own[name] for name in own)),
            signals={name: self.signals[name] for name in signals},
            prefixes=self.prefixes,
            faults=self.faults,
            prepare=prepare,
            check=check,
            late=lambda done: _late(chosen, done),
            listen=self._listen,
            sweeper=self._sweeper,
            make_safe=make_safe,
        )

    def _listen(self, axes: tuple[str, ...]) -> Hearing:
        backs = {axis: self.motors[axis].device.user_readback for axis in axes}
        return Hearing(self.detector.driver.array_counter, backs)

    def _sweeper(self, axis: str) -> MotorSweep:
        motor = self.motors[axis]
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
    """Disarm detectors and count the frames that each has written beyond those of ``done`` events.

    Raises:
        SteeringError: If one does not answer, or they have not written equally many.
    """
    said = [sentence for name, one in detectors.items() if (sentence := await _disarm(name, one))]
    if said:
        raise SteeringError(" ".join(said))
    counts = {name: await answered(one.count_events(), f"The detector {name}", ANSWER_SECONDS) - done
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


async def connect(description: BeamlineDescription, directory: Path) -> BeamlineDevices:
    """Make and connect the devices. Call on the engine's loop.

    Args:
        description: The beamline.
        directory: Where the detector writes its files; one file a run.

    Raises:
        SteeringError: If a device does not answer, or a motor's unit is not the one that is described; the message
            names it.
    """
    from ophyd_async.core import StaticPathProvider, UUIDFilenameProvider
    from ophyd_async.epics.adcore import ADWriterFactory

    # Loaded here: ophyd-async takes seconds.
    from steering.beamline.detector import OneScanDetector

    paths = StaticPathProvider(UUIDFilenameProvider(), directory)
    entries = {"det": description.detector, **description.detectors}
    detectors = {
        name: OneScanDetector(f"ca://{entry.prefix}", ADWriterFactory.hdf(paths), name=name)
        for name, entry in entries.items()
    }
    motors = {name: make_motor(entry.prefix, name) for name, entry in description.motors.items()}
    prefixes = {description.detector.prefix: "detector", "det-": "detector"}
    for name, entry in description.detectors.items():
        prefixes |= {entry.prefix: f"detector {name}", f"{name}-": f"detector {name}"}
    for name, entry in description.motors.items():
        prefixes |= {entry.prefix: f"motor {name}", f"{name}-": f"motor {name}"}
    names: list[tuple[Any, str]] = [
        *((one, "detector" if name == "det" else f"detector {name}") for name, one in detectors.items()),
        *((motor, f"motor {name}") for name, motor in motors.items()),
    ]
    answers = await asyncio.gather(
        *(device.connect(timeout=CONNECT_TIMEOUT) for device, _ in names), return_exceptions=True
    )
    silent = [title for (_, title), answer in zip(names, answers, strict=True) if isinstance(answer, BaseException)]
    if silent:
        channels = [one for answer in answers for one in _CHANNELS.findall(str(answer))]
        more = f" and {len(channels) - 1} other channels" if len(channels) > 1 else ""
        named = f" ({channels[0]}{more})" if channels else ""
        who = f"The {', the '.join(silent)} of {description.name} {'does' if len(silent) == 1 else 'do'}"
        message = (
            f"{who} not answer within {CONNECT_TIMEOUT:g} s{named}. "
            "Check that the IOC runs and that EPICS_CA_ADDR_LIST reaches it."
        )
        raise SteeringError(message)
    units = {name: await _unit(name, description.motors[name].units, motor) for name, motor in motors.items()}
    made = BeamlineDevices(
        {
            name: SafeMotor(name, motor, units[name], description.motors[name].tolerance)
            for name, motor in motors.items()
        },
        detectors.pop("det"),
        # The longest first: of two that fit a channel it is the one that is meant.
        dict(sorted(prefixes.items(), key=lambda item: -len(item[0]))),
        description.safe,
        description.faults.policy(),
        signals=await connect_signals(description.signals),
        companions=detectors,
        own=await connect_devices(description.devices),
    )
    made.suspenders = watch(description.suspenders, made.signals)
    await made.limits(tuple(motors))
    return made


async def _unit(name: str, described: str, motor: Any) -> str:
    """Say in which unit a motor's positions are: as described, which must be the record's own if it has one."""
    own = str(await answered(motor.motor_egu.get_value(cached=False), f"The motor {name}", ANSWER_SECONDS)).strip()
    if described and own and not same_unit(described, own):
        message = (
            f"The motor {name} counts in {own} (its field EGU), but the beamline's file says {described}. "
            f"Write units: {own} and look at every limit and step in the file, or correct the record."
        )
        raise SteeringError(message)
    if not described and not own:
        message = f"The motor {name} has no unit (its field EGU is empty). Write units: into the beamline's file."
        raise SteeringError(message)
    return described or own
