"""A beamline's YAML file, read and checked as a whole before anything is started."""

from collections.abc import Hashable
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from steering.core.errors import SteeringError, cause
from steering.description.description_entries import (
    BeamlineDescription,
    DetectorEntry,
    DeviceEntry,
    FaultsEntry,
    MotorEntry,
    SignalEntry,
    SimulatedMotorEntry,
    SimulationEntry,
    SuspenderEntry,
)
from steering.description.inspection import mistakes
from steering.description.sentences import sentence
from steering.description.yaml_lines import YamlFile, read_yaml
from steering.flows.entries import (
    CatalogueEntry,
    ComputeEntry,
    DistributeEntry,
    FlowEntry,
    GlobusEntry,
    StepsEntry,
    TransferEntry,
)
from steering.flows.trigger_entry import TriggerEntry
from steering.scans.entry import AgentEntry, AnalysisEntry, ScanEntry
from steering.scans.kinds import scan_kinds
from steering.scans.parameter_entry import ParameterEntry

__all__ = ["BeamlineDescription", "read_description"]


# What stands at which place of a file; "*" is any name or number.
_MODELS: dict[tuple[str, ...], type[BaseModel]] = {
    ("simulate",): SimulationEntry,
    ("simulate", "motors", "*"): SimulatedMotorEntry,
    ("motors", "*"): MotorEntry,
    ("detector",): DetectorEntry,
    ("detectors", "*"): DetectorEntry,
    ("signals", "*"): SignalEntry,
    ("devices", "*"): DeviceEntry,
    ("suspenders", "*"): SuspenderEntry,
    ("faults",): FaultsEntry,
    ("flows", "*"): FlowEntry,
    ("flows", "*", "trigger"): TriggerEntry,
    ("flows", "*", "globus"): GlobusEntry,
    ("flows", "*", "steps"): StepsEntry,
    ("flows", "*", "steps", "transfer"): TransferEntry,
    ("flows", "*", "steps", "compute"): ComputeEntry,
    ("flows", "*", "steps", "catalogue"): CatalogueEntry,
    ("flows", "*", "steps", "distribute"): DistributeEntry,
    ("scans", "*"): ScanEntry,
    ("scans", "*", "parameters", "*"): ParameterEntry,
    ("scans", "*", "analyses", "*"): AnalysisEntry,
    ("scans", "*", "agents", "*"): AgentEntry,
}


def read_description(path: Path | None) -> BeamlineDescription:
    """Read a beamline's YAML file, or the embedded simulated one.

    Raises:
        SteeringError: If the file is missing or wrong: all that is wrong, a line for each thing, with its line number.
    """
    if path is None:
        text = files("steering.beamline").joinpath("embedded.yaml").read_text(encoding="utf-8")
        return _parse(text, "the embedded beamline description", Path())
    try:
        file = path.expanduser()
        return _parse(file.read_text(encoding="utf-8-sig"), str(path), file.parent)
    except OSError as error:
        message = f"The beamline description {path} cannot be read: {cause(error)}. Give --beamline FILE.yaml."
        raise SteeringError(message) from error
    except UnicodeDecodeError as error:
        message = f"The beamline description {path} is not text in UTF-8 (byte {error.start}). Save it as UTF-8."
        raise SteeringError(message) from error


def _parse(text: str, where: str, folder: Path) -> BeamlineDescription:
    try:
        file = read_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        message = f"{where} is not YAML: {_of_yaml(error)}"
        raise SteeringError(message) from error
    found = [(line, f"The key {key!r} is here a second time.") for line, key in file.twice]
    description: BeamlineDescription | None = None
    try:
        description = BeamlineDescription.model_validate(file.content, context={"folder": folder})
    except ValidationError as error:
        for one in error.errors():
            place = file.at(one["loc"])
            found.append((file.line(place), sentence({**one, "loc": _named(place)}, _allowed(file, place[:-1]))))
        found += [(1, f"The key {key!r} is missing.") for key in _lacking(file.content)]
    else:
        found += [(file.line(place), said) for place, said in mistakes(description)]
    if found or description is None:
        lines = [f"  line {line}: {said}" for line, said in sorted(dict.fromkeys(found))]
        count = "one mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
        message = "\n".join([f"{where} has {count}; nothing was started:", *lines])
        raise SteeringError(message)
    return description


def _lacking(content: Any) -> list[str]:
    """Name what only an instrument of the beamline's own can stand in for."""
    if not isinstance(content, dict) or "instrument" in content:
        return []
    return [key for key in ("motors", "detector") if key not in content]


def _of_yaml(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem or error.context}."
    if isinstance(error, RecursionError):
        return "something in it contains itself, or it is nested too deeply."
    return f"{error!s:.200}."


def _named(place: tuple[Hashable, ...]) -> tuple[str | int, ...]:
    return tuple(step if isinstance(step, int) else str(step) for step in place)


def _allowed(file: YamlFile, place: tuple[Hashable, ...]) -> list[str]:
    """Name the keys that a mapping of the file may have."""
    model: type[BaseModel] = BeamlineDescription
    for pattern, found in _MODELS.items():
        if len(pattern) == len(place) and all(one in ("*", step) for one, step in zip(pattern, place, strict=True)):
            model = found
    if model is ScanEntry:
        model = scan_kinds().get(str(file.content["scans"][place[1]].get("plan")), ScanEntry)
    return [field.alias or name for name, field in model.model_fields.items()]
