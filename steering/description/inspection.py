"""Looks through a beamline's description as a whole, and says all that is wrong with it, with line numbers."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from steering.contract.alarm import alarms_of, watcher_of
from steering.core import registry
from steering.core.errors import SteeringError
from steering.description.description_entries import BeamlineDescription, SignalEntry
from steering.description.device_mistakes import devices, values
from steering.description.looks import choice, looks
from steering.flows.mistakes import flow_mistakes
from steering.scans.base import PARTS
from steering.scans.entry import MOST_FRAMES, Mistake, ScanEntry
from steering.scans.parameter_entry import ParameterEntry

_EXPOSURE = "exposure"
_LENGTHS = ("range", "step", _EXPOSURE)


def mistakes(description: BeamlineDescription) -> Iterator[Mistake]:
    """Yield what is wrong with a description whose keys and types are right.

    Yields:
        Where (keys from the top), and a sentence.
    """
    if description.instrument:
        yield from _instrument(description)
    else:
        yield from _without_instrument(description)
    if not description.scans:
        yield ("scans",), "There is no scan. Describe at least one."
    yield from devices(description)
    yield from _baseline(description)
    for name, count in Counter(scan.name for scan in description.scans).items():
        if count > 1:
            number = [scan.name for scan in description.scans].index(name)
            later = [scan.name for scan in description.scans].index(name, number + 1)
            yield ("scans", later, "name"), f"Two scans have the name {name!r}. Give each its own."
    for number, scan in enumerate(description.scans):
        for place, sentence in _scan(scan, description):
            yield ("scans", number, *place), f"scan {scan.name!r}: {sentence}"
    scans = [scan.name for scan in description.scans]
    agents = [one.label or one.agent for scan in description.scans for one in scan.agents]
    if any(flow.trigger.at == "alarm" for flow in description.flows.values()):
        agents += _watchers(description)
    yield from flow_mistakes(description.flows, scans, registry.names("analyses"), agents)


def _watchers(description: BeamlineDescription) -> list[str]:
    """Name who watches the alarms that the scans' analyses declare; they have to be loaded for that."""
    installed = registry.names("analyses")
    return [
        watcher_of(binding.label)
        for scan in description.scans
        for binding in scan.bindings()
        if binding.analysis in installed and alarms_of(registry.load("analyses", binding.analysis))
    ]


def _without_instrument(description: BeamlineDescription) -> Iterator[Mistake]:
    """Yield what must be there if the file alone describes the devices."""
    if not description.motors:
        yield ("motors",), "There is no motor. Name at least one: an axis name with the prefix of its motor record."
    if description.detector is None:
        yield ("detector",), "There is no detector. Describe the main one, which every scan triggers."
    for number, scan in enumerate(description.scans):
        if not scan.exposes:
            where = ("scans", number, "plan")
            yield where, f"scan {scan.name!r}: 'plan: own' is a plan of an instrument. Name it under 'instrument'."


def _instrument(description: BeamlineDescription) -> Iterator[Mistake]:
    """Yield what does not go with an instrument of the beamline's own."""
    for key in ("simulate", "motors", "detector", "detectors", "devices", "baseline", "safe"):
        if getattr(description, key):
            yield (key,), f"The devices are those of {description.instrument}: leave {key!r} out."
    for number, scan in enumerate(description.scans):
        if scan.exposes:
            where = ("scans", number, "plan")
            yield where, f"scan {scan.name!r}: a plan of the instrument has 'plan: own' and 'call: its name'."


def _baseline(description: BeamlineDescription) -> Iterator[Mistake]:
    known = (*description.motors, *description.signals, *description.devices)
    for number, name in enumerate(description.baseline):
        if name not in known and not description.instrument:
            yield ("baseline", number), f"There is no motor, signal or device {name!r}. {choice(name, known)}"
        elif name in description.baseline[:number]:
            yield ("baseline", number), f"{name} is in the baseline already. Name it once."


def _named_detectors(scan: ScanEntry, description: BeamlineDescription) -> Iterator[Mistake]:
    for number, name in enumerate(scan.detectors):
        if name not in description.detectors:
            yield ("detectors", number), f"There is no detector {name!r}. {choice(name, description.detectors)}"
    for number, entry in enumerate(scan.analyses):
        if entry.detector and entry.detector not in ("det", *scan.detectors):
            known = ("det", *scan.detectors)
            yield ("analyses", number), f"The scan does not trigger {entry.detector!r}. {choice(entry.detector, known)}"


def _steered(name: str, entry: ParameterEntry, signal: SignalEntry) -> Iterator[str]:
    if not signal.set and not signal.device:
        yield f"The signal {name} cannot be set: its key 'set' is missing. Put it under 'read' of the scan."
    if signal.units and signal.units != entry.units:
        yield f"{name} is in {entry.units!r}, but its signal in {signal.units!r}."


def _read(scan: ScanEntry, description: BeamlineDescription) -> Iterator[Mistake]:
    for number, name in enumerate(scan.read):
        known = (*description.signals, *description.devices)
        if name not in known:
            yield ("read", number), f"There is no signal or device {name!r}. {choice(name, known)}"


def _scan(scan: ScanEntry, description: BeamlineDescription) -> Iterator[Mistake]:
    if not scan.name.strip():
        yield ("name",), "The name is empty."
    axes, known = scan.moved, description.motors
    found = list(scan.mistakes())
    found += _parts(scan)
    yield from found
    for axis in axes:
        if axis not in known:
            yield (scan.axis_key, axis), f"There is no motor {axis!r}. {choice(axis, known)}"
    yield from looks(scan, description)
    yield from _named_detectors(scan, description)
    yield from _read(scan, description)
    if scan.points_allowed < 1:
        yield ("points_allowed",), f"points_allowed is {scan.points_allowed}. Allowed: 1 and more."
    yield from values("before", scan.before)
    wrong = list(_parameters(scan, axes, description))
    yield from wrong
    if not found and not wrong:
        swept = scan.scan().swept
        if swept in known and not known[swept].prefix:
            yield (
                (scan.axis_key, swept),
                f"{swept} is no motor record: it cannot be swept at a steady speed. Step it.",
            )
        try:
            count = scan.scan().count({item.name: item.value for item in scan.values()})
        except SteeringError as error:
            yield (scan.axis_key,), str(error)
            return
        if count > scan.points_allowed >= 1:
            yield (
                ("points_allowed",),
                f"The scan as it starts has {count} points, more than points_allowed, {scan.points_allowed}.",
            )


def _parts(scan: ScanEntry) -> Iterator[Mistake]:
    steered = scan.parameters.get(PARTS) if scan.exposes else None
    if (scan.parts > 1 or steered is not None) and scan.frames == 1:
        yield (PARTS,), "A part of a burst needs frames: 2 or more."
    if steered is None:
        return
    where = ("parameters", PARTS)
    if scan.parts > 1:
        yield (PARTS,), "The parts of a burst stand here and among the parameters. Take one of them out."
    if steered.low < 1 or steered.high > MOST_FRAMES:
        said = f"Allowed: 1 to {MOST_FRAMES}."
        yield (*where, "low"), f"A burst has {steered.low:g} to {steered.high:g} parts here. {said}"
    if steered.decimals or steered.units:
        yield (*where, "decimals"), 'parts is a whole number without a unit. Write decimals: 0 and units: "".'


def _parameters(scan: ScanEntry, axes: Sequence[str], description: BeamlineDescription) -> Iterator[Mistake]:
    along = scan.along
    taken = (*scan.takes, *([_EXPOSURE] if scan.exposes else []))
    may = (*taken, *(name for name in scan.may_take if scan.exposes or name not in description.signals))
    for name in taken:
        if name not in scan.parameters:
            yield ("parameters",), f"The parameter {name!r} is missing. The plan {scan.plan} takes: {', '.join(taken)}."
    units = {description.motors[axis].units for axis in axes if axis in description.motors}
    for name, entry in scan.parameters.items():
        where = ("parameters", name)
        signal = description.signals.get(name)
        if signal is not None and name not in may:
            yield from ((where, sentence) for sentence in _steered(name, entry, signal))
        elif name not in may:
            known = (*may, *(one for one, described in description.signals.items() if described.set))
            yield where, f"The plan {scan.plan} has no parameter {name!r}. {choice(name, known)}"
            continue
        elif entry.value is None:
            yield where, f"The key 'value' of {name} is missing: only a signal has a value of its own."
            continue
        for key, sentence in _limits(name, entry):
            yield (*where, key), sentence
        if name == _EXPOSURE and entry.units != "s":
            yield (*where, "units"), f"The exposure is in s, not in {entry.units!r}."
        known = {unit for unit in units if unit}
        if name in along and known and known != {entry.units}:
            text = " and ".join(sorted(known))
            yield (*where, "units"), f"{name} is in {entry.units!r}, but {' and '.join(axes)} in {text}."


def _choices(name: str, entry: ParameterEntry) -> Iterator[tuple[str, str]]:
    if len(set(entry.choices)) < len(entry.choices) or not all(one.strip() for one in entry.choices):
        yield "choices", f"{name}: each choice needs a name of its own, not {', '.join(map(repr, entry.choices))}."
    if (entry.low, entry.high) != (0, len(entry.choices) - 1) or entry.units:
        yield "choices", f"{name} has choices, so it takes no limits and no units."
    elif entry.value is not None and entry.value not in range(len(entry.choices)):
        yield "value", f"{name} = {entry.value:g} is none of its choices. Allowed: {', '.join(entry.choices)}."


def _limits(name: str, entry: ParameterEntry) -> Iterator[tuple[str, str]]:
    low, high, units = entry.low, entry.high, entry.units
    value = low if entry.value is None else entry.value
    if entry.choices:
        yield from _choices(name, entry)
        return
    for key, number in (("low", low), ("value", value), ("high", high)):
        if not math.isfinite(number):
            yield key, f"{name}: {key} is {number:g}, which is not a finite number."
    if low > high:
        yield "low", f"{name}: the limits {low:g} to {high:g} {units} are reversed."
    elif not low <= value <= high and math.isfinite(value):
        yield "value", f"{name} = {value:g} {units} is outside its limits. Allowed: {low:g} to {high:g} {units}."
    if name in _LENGTHS and low <= 0:
        yield "low", f"{name}: the lowest value, {low:g} {units}, must be above 0 {units}."
    if not entry.largest_step > 0:
        yield "largest_step", f"{name}: the largest step, {entry.largest_step:g} {units}, must be above 0 {units}."
    if not 0 <= entry.decimals <= 12:
        yield "decimals", f"{name}: {entry.decimals} decimals cannot be shown. Allowed: 0 to 12."
