"""Makes the devices of a beamline's description and connects them on the engine's loop."""

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from steering.core.errors import SteeringError
from steering.description.description_entries import BeamlineDescription
from steering.devices.answers import ANSWER_SECONDS, answered, same_unit
from steering.devices.device_signal import DeviceSignal
from steering.devices.devices import BeamlineDevices, BeamlineMotor
from steering.devices.instrument import Instrument
from steering.devices.motor import SafeMotor, make_motor
from steering.devices.own_devices import connect_devices, connect_positioners, make_axes
from steering.devices.positioner import Positioner
from steering.devices.signals import BeamlineSignal, connect_signals
from steering.devices.strip import Gauge, watch_strip
from steering.devices.suspenders import watch
from steering.plans.course import Plan
from steering.scans.own import OwnEntry

CONNECT_TIMEOUT = 20.0
# How ophyd-async names channels that it cannot reach.
_CHANNELS = re.compile(r"ca://(\S+)")


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
    from steering.devices.detector import OneScanDetector

    paths = StaticPathProvider(UUIDFilenameProvider(), directory)
    if description.detector is None:
        message = f"{description.name} has no detector. Describe the main one, which every scan triggers."
        raise SteeringError(message)
    entries = {"det": description.detector, **description.detectors}
    detectors = {
        name: OneScanDetector(f"ca://{entry.prefix}", ADWriterFactory.hdf(paths), name=name)
        for name, entry in entries.items()
    }
    records = {name: entry for name, entry in description.motors.items() if entry.prefix}
    motors = {name: make_motor(entry.prefix, name) for name, entry in records.items()}
    prefixes = {description.detector.prefix: "detector", "det-": "detector"}
    for name, entry in description.detectors.items():
        prefixes |= {entry.prefix: f"detector {name}", f"{name}-": f"detector {name}"}
    for name, entry in records.items():
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
    others = {name: entry for name, entry in description.motors.items() if not entry.prefix}
    others_made = make_axes(others)
    own = await connect_devices(description.devices)
    axes: dict[str, BeamlineMotor] = {}
    for name, motor in motors.items():
        egu = await answered(motor.motor_egu.get_value(cached=False), f"The motor {name}", ANSWER_SECONDS)
        unit = _unit(name, records[name].units, str(egu).strip(), "its field EGU")
        axes[name] = SafeMotor(name, motor, unit, records[name].tolerance)
    for name, (device, egu) in (await connect_positioners(others, own, others_made)).items():
        unit = _unit(name, others[name].units, egu, "its device's own unit")
        axes[name] = Positioner(name, device, unit, others[name].tolerance)
        prefixes[name] = f"motor {name}"
    made = BeamlineDevices(
        {name: axes[name] for name in description.motors},
        detectors.pop("det"),
        # The longest first: of two that fit a channel it is the one that is meant.
        dict(sorted(prefixes.items(), key=lambda item: -len(item[0]))),
        description.safe,
        description.faults.policy(),
        signals=await connect_signals(description.signals),
        companions=detectors,
        own=own,
        baseline=description.baseline,
    )
    _check_choices(description, made.signals)
    made.suspenders = watch(description.suspenders, made.signals)
    made.strip = watch_strip(_gauges(description, made), made.suspenders)
    await made.limits(tuple(made.motors))
    return made


def _gauges(description: BeamlineDescription, made: BeamlineDevices) -> list[Gauge]:
    """Find the channels of the strip: its own, a signal's, and a motor record's read-back."""
    gauges: list[Gauge] = []
    for one in description.strip:
        if one.read:
            gauges.append(Gauge(one.name, one.read, one.units))
        elif one.name in made.signals:
            signal = made.signals[one.name]
            gauges.append(Gauge(one.name, signal.channel, signal.units))
        else:
            motor = description.motors[one.name]
            gauges.append(Gauge(one.name, f"{motor.prefix}.RBV", made.motors[one.name].units))
    return gauges


def _unit(name: str, described: str, own: str, where: str) -> str:
    """Say in which unit a motor's positions are: as described, which must be its own if it has one."""
    if described and own and not same_unit(described, own):
        message = (
            f"The motor {name} counts in {own} ({where}), but the beamline's file says {described}. "
            f"Write units: {own} and look at every limit and step in the file, or correct the record."
        )
        raise SteeringError(message)
    if not described and not own:
        message = f"The motor {name} has no unit ({where} is empty). Write units: into the beamline's file."
        raise SteeringError(message)
    return described or own


def _check_choices(description: BeamlineDescription, signals: Mapping[str, BeamlineSignal]) -> None:
    """Check that what a scan calls the values of a signal is what the signal itself calls them."""
    for scan in description.scans:
        for name, entry in scan.parameters.items():
            own = signals[name].choices if name in signals else ()
            if name not in signals or (own == entry.choices and own) or not (own or entry.choices):
                continue
            has = f"The signal {name} has the choices {', '.join(own)}" if own else f"The signal {name} has no choices"
            said = f"choices: [{', '.join(entry.choices)}]" if entry.choices else "no choices"
            remedy = f"Write choices: [{', '.join(own)}]" if own else "Write its limits instead"
            message = f"{has}, but the scan {scan.name} says {said}. {remedy}."
            raise SteeringError(message)


def _maker(
    instrument: Instrument, entry: OwnEntry, signals: Mapping[str, BeamlineSignal]
) -> Callable[[Mapping[str, float]], Plan]:
    def make(values: Mapping[str, float]) -> Plan:
        return instrument.plan(entry, {name: value for name, value in values.items() if name not in signals})

    return make


async def connect_instrument(description: BeamlineDescription, instrument: Instrument) -> BeamlineDevices:
    """Take the devices of a beamline's own instrument, and connect the signals of its description.

    Raises:
        SteeringError: If a signal is not there or does not answer, or a plan is not there or takes something else.
    """
    ours = {name: entry for name, entry in description.signals.items() if entry.device}
    signals: dict[str, BeamlineSignal] = dict(
        await connect_signals({name: entry for name, entry in description.signals.items() if name not in ours})
    )
    for name, entry in ours.items():
        signals[name] = await DeviceSignal.of(name, entry, instrument.find(entry.device))
    _check_choices(description, signals)
    plans = {entry.name: entry for entry in description.scans if isinstance(entry, OwnEntry)}
    for entry in plans.values():
        instrument.check(entry, signals)
    made = BeamlineDevices(
        {},
        None,
        faults=description.faults.policy(),
        signals=signals,
        own_plans={name: _maker(instrument, entry, signals) for name, entry in plans.items()},
    )
    made.suspenders = watch(description.suspenders, made.signals)
    made.strip = watch_strip(_gauges(description, made), made.suspenders)
    return made
