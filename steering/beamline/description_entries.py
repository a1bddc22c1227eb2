"""What a beamline's YAML file may hold: motors, detector, signals, scans."""

from typing import Annotated, Literal

from pydantic import Field

from steering.plans.faults import Faults
from steering.scans.entry import ScanEntry, Strict
from steering.scans.kinds import OfAnyKind


class MotorEntry(Strict):
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


class DetectorEntry(Strict):
    """An areaDetector: its prefix, and the PVA channel of its NTNDArray image for the preview."""

    prefix: str
    image: str = ""


class SignalEntry(Strict):
    """A signal beside motors and detector: read at each point of a scan that names it, and steered if it can be set.

    Attributes:
        read: EPICS name of the value, or of the read-back of what is set; that of ``set`` if left out.
        set: EPICS name of the set point; none if it is only read.
        units: Unit of its values; the record's own (field EGU) if left out.
        tolerance: How far from what was asked for its read-back may be, in that unit.
        settle: Seconds for which it must have been that near.
        timeout: Seconds after which it must have arrived.
    """

    read: str = ""
    set: str = ""
    units: str = ""
    tolerance: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    settle: float = Field(default=0.0, ge=0.0, le=86_400.0)
    timeout: float = Field(default=60.0, gt=0.0, le=86_400.0)


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
        simulate: Start the simulated beamline as a child and use its devices.
        motors: By axis name.
        detector: The detector that every scan triggers.
        signals: What else is read or steered, by name.
        scans: What can be started.
        safe: PVs that are set when a scan was aborted or has failed, for example the shutter's.
        faults: What to do when a motor does not reach its target, or a device does not answer.
    """

    name: str
    simulate: bool = False
    motors: dict[str, MotorEntry]
    detector: DetectorEntry
    signals: dict[str, SignalEntry] = Field(default_factory=dict)
    scans: tuple[Annotated[ScanEntry, OfAnyKind()], ...]
    safe: dict[str, str | float | int] = Field(default_factory=dict)
    faults: FaultsEntry = Field(default_factory=FaultsEntry)
