"""What a scan moves and reads, and what its devices can do beyond Bluesky's verbs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from steering.paths.heard import Listener, Sweeper
from steering.paths.parts import Parted
from steering.plans.arrivals import Steered
from steering.plans.faults import Faults


class Suspending(Protocol):
    """What has to be so for a scan to go on, such as a beam."""

    def why(self) -> str:
        """Say why a scan has to wait; empty if it has not."""
        ...

    def lost_since(self, at: float) -> bool:
        """Say whether it was not so at any time since a monotonic time in seconds."""
        ...


@dataclass(frozen=True)
class Devices:
    """What a scan moves and reads.

    Attributes:
        motors: For each axis its motor (Bluesky Movable and Readable).
        backs: For an axis what is read at a point in place of its motor.
        units: For each axis its unit.
        detector: Bluesky detector that takes one exposure a trigger; ``None`` for a scan of ``readables`` only.
        companions: Further detectors, triggered with it.
        exposure: Readable whose column ``exposure`` holds the exposure time in seconds as set, or ``None``.
        readables: What else is read at each point.
        baseline: What is read once before the first point and once after the last.
        signals: What of these can be steered, by name.
        prefixes: Names of devices, in words, by the beginning of the names of their channels and signals.
        faults: What to do when a point cannot be measured.
        prepare: Sets what has to be set before the run opens, or ``None``. Raises
            :class:`steering.core.errors.SteeringError`.
        check: Says where motors stand that are not where they were sent, or ``None``. Takes targets and the path's
            steps by axis, in the axes' units; raises :class:`steering.plans.faults.MissedError`.
        room: Says why there is no room for another point; empty if there is. Or ``None``.
        late: Disarms the detectors after a spoilt point and counts the frames that each has written beyond those of so
            many events, or ``None``. The next event has these frames. Raises if one does not answer, or they have not
            written equally many.
        listen: Makes what hears the detector's counter and the read-backs of axes during a burst, or ``None``.
        parted: Makes what takes a burst in parts, of so many frames each, or ``None``.
        sweeper: Makes what moves an axis at a steady speed, or ``None``.
        suspending: What has to be so for the scan to go on, or ``None``.
        make_safe: Stops the motors, disarms the detector and sets what the beamline's file says, within seconds, or
            ``None``. Returns a sentence for each that did not obey; never raises.
    """

    motors: Mapping[str, Any]
    units: Mapping[str, str]
    detector: Any = None
    backs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    companions: tuple[Any, ...] = ()
    exposure: Any = None
    readables: tuple[Any, ...] = ()
    baseline: tuple[Any, ...] = ()
    signals: Mapping[str, Steered] = field(default_factory=dict[str, Steered])
    prefixes: Mapping[str, str] = field(default_factory=dict[str, str])
    faults: Faults = field(default_factory=Faults)
    prepare: Callable[[], Awaitable[None]] | None = None
    check: Callable[[Mapping[str, float], Mapping[str, float]], Awaitable[None]] | None = None
    room: Callable[[], str] | None = None
    late: Callable[[int], Awaitable[int]] | None = None
    listen: Callable[[tuple[str, ...]], Listener] | None = None
    parted: Callable[[int], Parted] | None = None
    sweeper: Callable[[str], Sweeper] | None = None
    suspending: Suspending | None = None
    make_safe: Callable[[], Awaitable[list[str]]] | None = None

    @property
    def read(self) -> list[Any]:
        """All that is triggered and read at a point."""
        return self.read_while("")

    @property
    def detectors(self) -> list[Any]:
        """All that is triggered, the main one first."""
        return [] if self.detector is None else [self.detector, *self.companions]

    def read_while(self, swept: str) -> list[Any]:
        """All that is triggered and read at a point during which an axis moves: that axis is not."""
        optional = [*self.detectors, *([] if self.exposure is None else [self.exposure])]
        motors = [self.backs.get(axis, motor) for axis, motor in self.motors.items() if axis != swept]
        return [*optional, *motors, *self.readables]
