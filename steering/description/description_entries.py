"""What a beamline's YAML file may hold: motors, detector, signals, scans."""

import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, JsonValue, ValidationInfo
from pydantic_core import PydanticCustomError

from steering.flows.entries import FlowEntry
from steering.geometry.geometry import Geometry
from steering.geometry.poni import read_poni
from steering.geometry.stands import MAIN_DETECTOR
from steering.plans.faults import Faults
from steering.scans.entry import ScanEntry
from steering.scans.kinds import OfAnyKind
from steering.scans.strict import Strict


class SimulatedMotorEntry(Strict):
    """A motor of the simulated beamline; its record is ``STEER:`` and its name.

    Attributes:
        units: Unit of its positions.
        low: Its lowest position, in that unit.
        high: Its highest position.
        speed: Units per second.
    """

    units: str
    low: float = Field(allow_inf_nan=False)
    high: float = Field(allow_inf_nan=False)
    speed: float = Field(default=20.0, gt=0.0, allow_inf_nan=False)


class SimulationEntry(Strict):
    """What a simulated beamline has beside its own motors and samples.

    Attributes:
        samples: What can be put into the beam (``STEER:det:sample``), by name: ``"module:Class"``.
        motors: By name.
        detectors: Further areaDetectors (``STEER:``, the name, a colon), by name: what each has in its beam.
    """

    samples: dict[str, Annotated[str, Field(pattern=r"^[\w.]+:\w+$")]] = Field(default_factory=dict[str, str])
    motors: dict[str, SimulatedMotorEntry] = Field(default_factory=dict[str, SimulatedMotorEntry])
    detectors: dict[str, str] = Field(default_factory=dict[str, str])


def _simulated(value: Any) -> Any:
    """Let ``true`` stand for a simulated beamline without more."""
    if isinstance(value, bool):
        return dict[str, Any]() if value else None
    return value


class MotorEntry(Strict, populate_by_name=True):
    """An axis: a motor record, or whatever else Bluesky can move. One of ``prefix``, ``class`` and ``device`` is given.

    Attributes:
        prefix: EPICS name of its motor record.
        kind: Another positioner's class, as ``"module:Class"``; ``class`` in the file.
        arguments: What that is made with, beside its name.
        device: Instead a part of a device of this file, as ``"fourc.h"``: a pseudo-axis, or a motor of a slit.
        units: Unit of its positions; the record's own (field EGU), or what the device says, if left out.
        tolerance: How far from its target it may stop, in that unit; a quarter of a scan's step, or what the record can
            resolve if that is more, if left out.
    """

    prefix: str = ""
    kind: Annotated[str, Field(alias="class", pattern=r"^([\w.]+:\w+)?$")] = ""
    arguments: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    device: Annotated[str, Field(pattern=r"^(\w+(\.\w+)+)?$")] = ""
    units: str = ""
    tolerance: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)


def _numbers(value: Any) -> Any:
    """Read numbers that YAML takes for texts, such as 1e-10: it wants a point, 1.0e-10."""
    if not isinstance(value, Mapping):
        return value
    found = dict(cast("Mapping[str, Any]", value))
    for name, one in found.items():
        if isinstance(one, str):
            with suppress(ValueError):
                found[name] = float(one)
    return found


def _geometry(value: Any, info: ValidationInfo) -> Any:
    """Read a geometry that is written out, or the PONI file that is named; from the description's folder."""
    if value is None or isinstance(value, Geometry):
        return value
    context = cast("Mapping[str, Path]", info.context or {})
    folder = context.get("folder", Path())
    try:
        return read_poni(folder / Path(value).expanduser()) if isinstance(value, str) else Geometry.of(_numbers(value))
    except (ValueError, RuntimeError) as error:
        raise PydanticCustomError("choice", "{said}", {"said": str(error)}) from error


class DetectorEntry(Strict):
    """An areaDetector.

    Attributes:
        prefix: Of its PVs.
        image: PVA channel of its NTNDArray image, for the preview.
        geometry: Where it stands: the numbers of :class:`steering.geometry.geometry.Geometry`, or a PONI file of pyFAI,
            whose path counts from the folder of the beamline's file.
    """

    prefix: str
    image: str = ""
    geometry: Annotated[Geometry | None, BeforeValidator(_geometry)] = None


class SignalEntry(Strict):
    """A signal beside motors and detector: read at each point of a scan that names it, and steered if it can be set.

    Attributes:
        read: EPICS name of the value, or of the read-back of what is set; that of ``set`` if left out.
        set: EPICS name of the set point; none if it is only read.
        units: Unit of its values; the record's own (field EGU) if left out.
        tolerance: How far from what was asked for its read-back may be, in that unit.
        settle: Seconds for which it must have been that near.
        timeout: Seconds after which it must have arrived.
        device: Instead of EPICS names the signal of a device of the instrument, as ``"sim_det.Imax"``.
    """

    read: str = ""
    set: str = ""
    units: str = ""
    tolerance: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    settle: float = Field(default=0.0, ge=0.0, le=86_400.0)
    timeout: float = Field(default=60.0, gt=0.0, le=86_400.0)
    device: str = ""


class DeviceEntry(Strict, populate_by_name=True):
    """A device of any class that Bluesky can read: ophyd-async or classic ophyd.

    Attributes:
        kind: Its class, as ``"module:Class"``; ``class`` in the file.
        arguments: What it is made with, beside its name: mostly its prefix.
    """

    kind: Annotated[str, Field(alias="class", pattern=r"^[\w.]+:\w+$")]
    arguments: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])


class SuspenderEntry(Strict):
    """A signal that must be within limits, or a scan waits.

    Attributes:
        signal: Its name among the beamline's signals.
        low: The lowest value that it may have, in its unit.
        high: The highest.
        settle: Seconds for which it must have been within them before the scan goes on.
        say: A sentence for a person, such as ``"The beam is lost."``.
        scans: Names of the scans that wait for it; all of them if left out.
    """

    signal: str
    low: float = -math.inf
    high: float = math.inf
    settle: float = Field(default=1.0, ge=0.0, le=86_400.0)
    say: str = ""
    scans: tuple[str, ...] = ()


class GaugeEntry(Strict):
    """What is shown in the strip; a motor or signal of the file is written as its name alone.

    Attributes:
        name: What it is called.
        read: EPICS name of its value; that of the motor or signal of this name if left out.
        units: Unit of its values; the record's own (field EGU) if left out.
    """

    name: str
    read: str = ""
    units: str = ""


def _gauge(value: Any) -> Any:
    """Let a name stand for the motor or signal of that name."""
    return {"name": value} if isinstance(value, str) else value


class FaultsEntry(Strict):
    """What to do when a point cannot be measured: see :class:`steering.plans.faults.Faults`."""

    missed: Literal["pause", "fail"] = "fail"
    silent: Literal["pause", "fail"] = "pause"
    full: Literal["pause", "fail"] = "pause"
    tries: int = Field(default=10, ge=1, le=1000)
    retries: int = Field(default=0, ge=0, le=1000)

    def policy(self) -> Faults:
        """Build the policy."""
        return Faults(**self.model_dump())


class BeamlineDescription(Strict):
    """A beamline.

    Attributes:
        name: For start documents and titles.
        instrument: The beamline's own Bluesky instrument, whose devices and plans are used: the name of its startup
            module, or the folder of its startup files.
        simulate: Start the simulated beamline as a child and use its devices; perhaps with samples and motors besides.
        motors: By axis name.
        detector: The main detector, which every scan of ours triggers; it is called ``det``.
        detectors: Others by name, which a scan triggers too if it names them.
        signals: What else is read or steered, by name.
        devices: Devices of any class that a scan reads if it names them.
        baseline: Names of motors, signals and devices that are read before the first point of each scan and after its
            last.
        scans: What can be started.
        safe: PVs that are set when a scan was aborted or has failed, for example the shutter's.
        suspenders: What has to be so for a scan to go on.
        strip: What is shown all the time, in this order: names of motors and signals, and channels with a name.
        faults: What to do when a motor does not reach its target, or a device does not answer.
        flows: What is done with runs, by name: copied, analysed, catalogued, given out.
    """

    name: str
    instrument: str = ""
    simulate: Annotated[SimulationEntry | None, BeforeValidator(_simulated)] = None
    motors: dict[str, MotorEntry] = Field(default_factory=dict[str, MotorEntry])
    detector: DetectorEntry | None = None
    detectors: dict[str, DetectorEntry] = Field(default_factory=dict[str, DetectorEntry])
    signals: dict[str, SignalEntry] = Field(default_factory=dict)
    devices: dict[str, DeviceEntry] = Field(default_factory=dict[str, DeviceEntry])
    baseline: tuple[str, ...] = ()
    scans: tuple[Annotated[ScanEntry, OfAnyKind()], ...]
    safe: dict[str, str | float | int] = Field(default_factory=dict)
    suspenders: tuple[SuspenderEntry, ...] = ()
    strip: tuple[Annotated[GaugeEntry, BeforeValidator(_gauge)], ...] = ()
    faults: FaultsEntry = Field(default_factory=FaultsEntry)
    flows: dict[str, FlowEntry] = Field(default_factory=dict[str, FlowEntry])

    def geometry(self) -> dict[str, dict[str, float]]:
        """Say where the detectors stand, by name, as JSON for the start document; those of which it is known."""
        known = {MAIN_DETECTOR: self.detector, **self.detectors}
        return {name: one.geometry.json() for name, one in known.items() if one is not None and one.geometry}
