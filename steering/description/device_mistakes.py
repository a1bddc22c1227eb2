"""What is wrong with the devices of a beamline's description: motors, detectors, signals, suspenders, and its own."""

import math
import re
from collections.abc import Iterator, Mapping

from steering.core import burst
from steering.description.description_entries import BeamlineDescription, DetectorEntry
from steering.description.looks import choice
from steering.scans.entry import Mistake

# Columns that each scan has beside its axes, and parameters of plans.
_OWN = (
    "exposure", "grid", "det", "centre", "range", "step", "count", "every", "start", "stop",
    burst.START, burst.PERIOD, burst.EVENT, burst.INDEX, burst.TIME, burst.USABLE,
    burst.PART, burst.KEPT, burst.GAP,
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PV = re.compile(r"[^\s]+")


def devices(description: BeamlineDescription) -> Iterator[Mistake]:
    """Yield what is wrong with the devices: where (keys from the top), and a sentence."""
    owners: dict[str, str] = {}
    yield from _simulated(description)
    for axis, motor in description.motors.items():
        where = ("motors", axis, "prefix")
        if [bool(motor.prefix), bool(motor.kind), bool(motor.device)].count(True) != 1:
            text = f"{axis}: give 'prefix' (a motor record), 'class' (another positioner) or 'device' (part of one)."
            yield ("motors", axis), text
            continue
        owner = motor.device.partition(".")[0]
        if owner and owner not in description.devices:
            text = f"There is no device {owner!r}. {choice(owner, description.devices)}"
            yield ("motors", axis, "device"), text
        if not _NAME.fullmatch(axis):
            yield (
                ("motors", axis),
                f"The axis name {axis!r} is a column of the data: letters, digits and _ only, no digit first.",
            )
        if not motor.prefix:
            continue
        if not _PV.fullmatch(motor.prefix) or motor.prefix.endswith((":", ".")) or "." in motor.prefix:
            yield (
                where,
                f"{motor.prefix!r} is no motor record, as IOC:m1 is (no field, no colon at its end).",
            )
        if motor.prefix in owners:
            yield where, f"The motors {owners[motor.prefix]} and {axis} are the same record {motor.prefix}."
        owners.setdefault(motor.prefix, axis)
    yield from _detectors(description)
    yield from _signals(description, owners)
    yield from _own(description)
    yield from values("safe", description.safe)
    yield from _suspenders(description)
    yield from _strip(description)


def _signals(description: BeamlineDescription, owners: Mapping[str, str]) -> Iterator[Mistake]:
    for name, signal in description.signals.items():
        where = ("signals", name)
        if not _NAME.fullmatch(name):
            yield where, f"The name {name!r} is a column of the data: letters, digits and _ only, no digit first."
        if name in description.motors or name in _OWN:
            yield where, f"{name!r} is a column or a parameter of scans already. Choose another name."
        if signal.device and (signal.read or signal.set):
            yield where, f"The signal {name} is named twice: by its device and by EPICS names. Leave one of them out."
        if signal.device and not description.instrument:
            text = f"The signal {name} is that of a device, but there is no instrument. Give its EPICS name."
            yield (*where, "device"), text
        if not signal.read and not signal.set and not signal.device:
            yield where, f"The signal {name} has neither 'read' nor 'set'. Give the EPICS name of its value."
        for key, channel in (("read", signal.read), ("set", signal.set)):
            if channel and (not _PV.fullmatch(channel) or channel.endswith(":")):
                yield (*where, key), f"{channel!r} is not the name of a PV."
        if signal.set in owners:
            yield (*where, "set"), f"{signal.set} is the motor {owners[signal.set]}. Scan it, or leave it out here."


def _detectors(description: BeamlineDescription) -> Iterator[Mistake]:
    main = description.detector
    places: dict[tuple[str, ...], DetectorEntry] = {} if main is None else {("detector",): main}
    places |= {("detectors", name): one for name, one in description.detectors.items()}
    prefixes: dict[str, str] = {}
    for where, detector in places.items():
        name = where[-1]
        if not _PV.fullmatch(detector.prefix) or not detector.prefix.endswith(":"):
            text = f"{detector.prefix!r} does not end with a colon. An areaDetector's prefix does, as in 13SIM1:"
            yield (*where, "prefix"), text
        if detector.image and not _PV.fullmatch(detector.image):
            text = f"{detector.image!r} is not the name of a PVA channel, as in 13SIM1:Pva1:Image."
            yield (*where, "image"), text
        if detector.prefix in prefixes:
            yield (*where, "prefix"), f"{prefixes[detector.prefix]} and {name} are the same, {detector.prefix}."
        prefixes.setdefault(detector.prefix, name)
        if len(where) > 1 and not _NAME.fullmatch(name):
            yield where, f"The name {name!r} is a column of the data: letters, digits and _ only, no digit first."
        if len(where) > 1 and (name in _OWN or name in description.motors or name in description.signals):
            yield where, f"{name!r} is a motor, a signal or a column already. Choose another name."


def _suspenders(description: BeamlineDescription) -> Iterator[Mistake]:
    scans = [scan.name for scan in description.scans]
    for number, one in enumerate(description.suspenders):
        where = ("suspenders", number)
        if one.signal not in description.signals:
            yield (*where, "signal"), f"There is no signal {one.signal!r}. {choice(one.signal, description.signals)}"
        elif description.signals[one.signal].device:
            text = f"{one.signal} is the signal of a device. What a scan waits for needs the EPICS name of its value."
            yield (*where, "signal"), text
        if not one.low < one.high or (math.isinf(one.low) and math.isinf(one.high)):
            yield where, f"{one.signal}: give 'low', 'high', or both with low below high, in its unit."
        for name in one.scans:
            if name not in scans:
                yield (*where, "scans"), f"There is no scan {name!r}. {choice(name, scans)}"


def _strip(description: BeamlineDescription) -> Iterator[Mistake]:
    channels = {name: bool(one.read or one.set) for name, one in description.signals.items()}
    channels |= {name: bool(one.prefix) for name, one in description.motors.items()}
    for number, gauge in enumerate(description.strip):
        name = gauge.name
        if gauge.read and not _PV.fullmatch(gauge.read):
            yield ("strip", number), f"{gauge.read!r} is not the name of a PV."
        elif not gauge.read and name not in channels:
            yield ("strip", number), f"There is no motor or signal {name!r}. {choice(name, channels)}"
        elif not gauge.read and not channels[name]:
            yield ("strip", number), f"{name} has no EPICS name of its own, which the strip needs."
        elif name in [one.name for one in description.strip[:number]]:
            yield ("strip", number), f"{name} stands in the strip twice."


def values(key: str, channels: Mapping[str, str | float]) -> Iterator[Mistake]:
    """Yield what is wrong with PVs and the values that they are set to."""
    for channel, value in channels.items():
        if not _PV.fullmatch(channel):
            yield (key, channel), f"{channel!r} is not the name of a PV."
        if isinstance(value, float) and not math.isfinite(value):
            yield (key, channel), f"{channel} cannot be set to {value:g}."


def _simulated(description: BeamlineDescription) -> Iterator[Mistake]:
    for name, simulated in description.simulate.motors.items() if description.simulate is not None else ():
        if not _NAME.fullmatch(name):
            yield ("simulate", "motors", name), f"{name!r} is no name: letters, digits and _ only, no digit first."
        if not simulated.low < simulated.high:
            low, high, units = simulated.low, simulated.high, simulated.units
            yield ("simulate", "motors", name), f"{name}: the limits {low:g} to {high:g} {units} are not in order."


def _own(description: BeamlineDescription) -> Iterator[Mistake]:
    for name in description.devices:
        if not _NAME.fullmatch(name):
            text = f"The name {name!r} is part of columns of the data: letters, digits and _ only, no digit first."
            yield ("devices", name), text
        if name in (*_OWN, *description.motors, *description.signals, *description.detectors):
            yield ("devices", name), f"{name!r} is a motor, a signal, a detector or a column. Choose another name."
