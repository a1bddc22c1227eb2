"""What a beamline service says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from steering.core.binding import AgentBinding, Binding
from steering.core.parameter import Parameter

BeamlineState: TypeAlias = Literal["idle", "opening", "running", "paused", "aborting", "offline"]


@dataclass(frozen=True)
class Axis:
    """A motor that a scan moves. Limits are the motor's own soft limits, in ``units``."""

    name: str
    units: str
    low: float
    high: float


@dataclass(frozen=True)
class ScanDescription:
    """A scan that can be started here.

    Attributes:
        name: What ``start`` takes, for example ``"rocking"``.
        title: A few words for a menu.
        axes: The motors that it moves, slowest first.
        parameters: What can be chosen before and steered during the scan.
        analyses: What its frames are meant for; the first is the main one.
        agents: Who looks at the results.
        region: Whether a region can be inserted while it runs.
        sample: Name of what it measures; empty if the beamline's file names none.
    """

    name: str
    title: str
    axes: tuple[Axis, ...]
    parameters: tuple[Parameter, ...]
    analyses: tuple[Binding, ...] = ()
    agents: tuple[AgentBinding, ...] = ()
    region: bool = False
    sample: str = ""


@dataclass(frozen=True)
class Lease:
    """Who may steer.

    Attributes:
        holder: Empty when nobody holds it.
        until: Unix time in seconds at which it runs out unless its holder acts.
        asked: Who asks the holder for it; empty if nobody does.
    """

    holder: str = ""
    until: float = 0.0
    asked: str = ""


@dataclass(frozen=True)
class EndedRun:
    """How the last run ended.

    Attributes:
        run: Its uid; empty if it ended before it opened.
        scan: Name of its scan.
        status: ``"success"``, ``"abort"`` or ``"fail"``.
        reason: Why, as a sentence; empty after a success that nothing is to be said of.
        who: Who ended it, if somebody did.
        at: Unix time in seconds.
        points: How many points were measured.
    """

    run: str = ""
    scan: str = ""
    status: Literal["", "success", "abort", "fail"] = ""
    reason: str = ""
    who: str = ""
    at: float = 0.0
    points: int = 0


@dataclass(frozen=True)
class BeamlineStatus:
    """State of the beamline service and of its running scan.

    Attributes:
        state: ``"idle"``, ``"opening"`` (a scan is accepted, its run not open yet), ``"running"``, ``"paused"``,
            ``"aborting"`` until the devices are let go, or ``"offline"`` when a client has lost the service.
        beamline: Name of the beamline.
        scan: Name of the running scan, or of the last one; empty before the first.
        run: Its run uid.
        points_done: Points measured.
        points_left: Points left on the path as it stands.
        seconds_left: Expected time to its end in seconds; NaN before two points are done.
        parameters: The scan's parameters with the values in force.
        pending: Values that were accepted and hold from the next point on.
        axes: The scan's axes by name.
        lease: Who may steer.
        message: A sentence about the last thing that went wrong, or empty.
        why: Who paused or aborted the scan, and why, as a sentence; empty otherwise.
        ended: How the last run ended.
        endless: Whether the scan goes on until somebody ends it; then what is left means nothing.
        frames: Frames that the detector takes at each point.
        haste: How many times faster than life a simulated beamline runs: an exposure of 1 s takes 1 s / haste. It is 1
            at a real one.
    """

    state: BeamlineState = "offline"
    beamline: str = ""
    scan: str = ""
    run: str = ""
    points_done: int = 0
    points_left: int = 0
    seconds_left: float = float("nan")
    parameters: tuple[Parameter, ...] = ()
    pending: Mapping[str, float] = field(default_factory=dict[str, float])
    axes: Mapping[str, Axis] = field(default_factory=dict[str, Axis])
    lease: Lease = field(default_factory=Lease)
    message: str = ""
    why: str = ""
    ended: EndedRun = field(default_factory=EndedRun)
    endless: bool = False
    frames: int = 1
    haste: float = 1.0

    @property
    def scanning(self) -> bool:
        """Whether a run is open, or about to open."""
        return self.state in ("opening", "running", "paused", "aborting")
