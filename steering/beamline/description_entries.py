"""What a beamline's YAML file may hold: motors, detector, scans."""

from dataclasses import replace
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from steering.core.parameter import Parameter
from steering.plans.faults import Faults
from steering.plans.grid_map import GridMap
from steering.plans.rocking import RockingScan
from steering.plans.scan import Scan


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MotorEntry(_Strict):
    """A motor record.

    Attributes:
        prefix: Its EPICS name.
        units: Unit of its positions; the record's own (field EGU) if left out.
        tolerance: How far from its target it may stop, in that unit; a quarter of a scan's step, or what the record can
            resolve if that is more, if left out.
    """

    prefix: str
    units: str = ""
    tolerance: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)


class DetectorEntry(_Strict):
    """An areaDetector: its prefix, and the PVA channel of its NTNDArray image for the preview."""

    prefix: str
    image: str = ""


class FaultsEntry(_Strict):
    """What to do when a point cannot be measured: see :class:`steering.plans.faults.Faults`."""

    missed: Literal["pause", "fail"] = "fail"
    silent: Literal["pause", "fail"] = "pause"
    full: Literal["pause", "fail"] = "pause"
    tries: int = Field(default=10, ge=1, le=1000)
    retries: int = Field(default=0, ge=0, le=1000)

    def policy(self) -> Faults:
        """Build the policy."""
        return Faults(**self.model_dump())


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
    """What all scans have.

    Attributes:
        name: What ``start`` takes.
        title: A few words for a menu.
        parameters: By name; each plan takes its own.
        before: PVs that are set before the run opens.
        points_allowed: The guard's budget.
        analysis: Name of an installed analysis for its frames; the plan's usual one if left out.
    """

    name: str
    title: str
    parameters: dict[str, ParameterEntry]
    before: dict[str, str | float | int] = Field(default_factory=dict)
    points_allowed: int = 20_000
    analysis: str = ""

    def values(self) -> tuple[Parameter, ...]:
        """List the parameters."""
        return tuple(Parameter(name=name, **entry.model_dump()) for name, entry in self.parameters.items())


class RockingEntry(_ScanEntry):
    """A rocking scan; ``before`` holds PVs that are set before it starts."""

    plan: Literal["rocking"]
    axis: str

    def scan(self) -> Scan:
        """Build the scan."""
        made = RockingScan(self.name, self.title, self.axis, self.values())
        return replace(made, analysis=self.analysis or made.analysis)


class MapEntry(_ScanEntry):
    """A map; ``area`` gives for the slow and the fast axis the lowest and highest position."""

    plan: Literal["map"]
    area: dict[str, tuple[float, float]]

    def scan(self) -> Scan:
        """Build the scan."""
        made = GridMap(self.name, self.title, self.area, self.values())
        return replace(made, analysis=self.analysis or made.analysis)


ScanEntry: TypeAlias = Annotated[RockingEntry | MapEntry, Field(discriminator="plan")]


class BeamlineDescription(_Strict):
    """A beamline.

    Attributes:
        name: For start documents and titles.
        simulate: Start the simulated beamline as a child and use its devices.
        motors: By axis name.
        detector: The detector that every scan triggers.
        scans: What can be started.
        safe: PVs that are set when a scan was aborted or has failed, for example the shutter's.
        faults: What to do when a motor does not reach its target, or a device does not answer.
    """

    name: str
    simulate: bool = False
    motors: dict[str, MotorEntry]
    detector: DetectorEntry
    scans: tuple[ScanEntry, ...]
    safe: dict[str, str | float | int] = Field(default_factory=dict)
    faults: FaultsEntry = Field(default_factory=FaultsEntry)
