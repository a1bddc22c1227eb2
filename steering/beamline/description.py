"""What a beamline says of itself in its YAML file: motors, detector, scans."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.plans.grid_map import GridMap
from steering.plans.rocking import RockingScan
from steering.plans.scan import Scan


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MotorEntry(_Strict):
    """A motor record: its EPICS prefix and the unit of its positions."""

    prefix: str
    units: str


class DetectorEntry(_Strict):
    """An areaDetector: its prefix, and the PVA channel of its NTNDArray image for the preview."""

    prefix: str
    image: str = ""


class ParameterEntry(_Strict):
    """A steerable parameter: see :class:`steering.core.parameter.Parameter`."""

    units: str
    value: float
    low: float
    high: float
    largest_step: float = float("inf")
    description: str = ""
    decimals: int = 4


class _ScanEntry(_Strict):
    name: str
    title: str
    parameters: dict[str, ParameterEntry]
    before: dict[str, str | float | int] = Field(default_factory=dict)
    points_allowed: int = 20_000

    def values(self) -> tuple[Parameter, ...]:
        """List the parameters."""
        return tuple(Parameter(name=name, **entry.model_dump()) for name, entry in self.parameters.items())


class RockingEntry(_ScanEntry):
    """A rocking scan; ``before`` holds PVs that are set before it starts."""

    plan: Literal["rocking"]
    axis: str

    def scan(self) -> Scan:
        """Build the scan."""
        return RockingScan(self.name, self.title, self.axis, self.values())


class MapEntry(_ScanEntry):
    """A map; ``area`` gives for the slow and the fast axis the lowest and highest position."""

    plan: Literal["map"]
    area: dict[str, tuple[float, float]]

    def scan(self) -> Scan:
        """Build the scan."""
        return GridMap(self.name, self.title, self.area, self.values())


ScanEntry = Annotated[RockingEntry | MapEntry, Field(discriminator="plan")]


class BeamlineDescription(_Strict):
    """A beamline.

    Attributes:
        name: For start documents and titles.
        simulate: Start the simulated beamline as a child and use its devices.
        motors: By axis name.
        detector: The detector that every scan triggers.
        scans: What can be started.
    """

    name: str
    simulate: bool = False
    motors: dict[str, MotorEntry]
    detector: DetectorEntry
    scans: tuple[ScanEntry, ...]


def read_description(path: Path | None) -> BeamlineDescription:
    """Read a beamline's YAML file, or the embedded simulated one.

    Raises:
        SteeringError: If the file is missing or wrong; the message says where.
    """
    if path is None:
        text = files("steering.beamline").joinpath("embedded.yaml").read_text(encoding="utf-8")
        where = "the embedded beamline description"
    else:
        where = str(path)
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            message = f"The beamline description {path} cannot be read: {error.strerror}. Give --beamline FILE.yaml."
            raise SteeringError(message) from error
    return _parse(text, where)


def _parse(text: str, where: str) -> BeamlineDescription:
    try:
        content: Mapping[str, Any] = yaml.safe_load(text)
        return BeamlineDescription.model_validate(content)
    except yaml.YAMLError as error:
        message = f"{where} is not YAML: {error}"
        raise SteeringError(message) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"{where}: {place or 'the file'}: {first['msg']} (found {first['input']!r:.60})."
        raise SteeringError(message) from error
