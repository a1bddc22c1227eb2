"""What a beamline's YAML file may hold: motors, detector, scans."""

from collections.abc import Callable, Collection
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from steering.core.binding import AgentBinding, Binding
from steering.core.parameter import Parameter
from steering.plans.faults import Faults
from steering.plans.grid_map import GridMap
from steering.plans.rocking import RockingScan
from steering.plans.scan import Scan
from steering.plans.spec_scan import SpecScan, axes_in


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


class SignalEntry(_Strict):
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
    """A steerable parameter: see :class:`steering.core.parameter.Parameter`.

    Attributes:
        value: The one that a scan starts with; what the signal reads then, if it is one and this is left out.
    """

    units: str
    value: float | None = None
    low: float
    high: float
    largest_step: float = float("inf")
    description: str = ""
    decimals: int = 4

    def parameter(self, name: str) -> Parameter:
        """Build the parameter; one without a value begins with its lowest until it is known."""
        value = self.low if self.value is None else self.value
        return Parameter(name=name, value=value, **self.model_dump(exclude={"value"}))


class AnalysisEntry(_Strict):
    """An analysis of a scan's frames.

    Attributes:
        analysis: Name of an installed analysis.
        label: What its results are called; its name if left out.
        axes: The scan's axes that it looks along; all of them if left out.
        parameters: What it takes beside them.
    """

    analysis: str
    label: str = ""
    axes: tuple[str, ...] = ()
    parameters: dict[str, JsonValue] = Field(default_factory=dict)

    def binding(self, axes: tuple[str, ...]) -> Binding:
        """Build the binding, for a scan of these axes."""
        return Binding(self.label or self.analysis, self.analysis, self.axes or axes, self.parameters)


class AgentEntry(_Strict):
    """An agent that looks at a scan's results.

    Attributes:
        agent: Name of an installed agent.
        label: What it is called; its name if left out.
        of: Label of the analysis whose results it looks at; the first one's if left out.
        parameters: What it takes.
    """

    agent: str
    label: str = ""
    of: str = ""
    parameters: dict[str, JsonValue] = Field(default_factory=dict)

    def binding(self) -> AgentBinding:
        """Build the binding."""
        return AgentBinding(self.label or self.agent, self.agent, self.of, self.parameters)


def _named(key: str) -> Callable[[Any], Any]:
    """Let a plain name stand for an entry without more."""
    return lambda value: {key: value} if isinstance(value, str) else value


class _ScanEntry(_Strict):
    """What all scans have.

    Attributes:
        name: What ``start`` takes.
        title: A few words for a menu.
        parameters: By name; each plan takes its own.
        before: PVs that are set before the run opens.
        points_allowed: The guard's budget.
        analyses: What its frames are for, the main one first: names of installed analyses, or entries with their
            parameters. The plan's usual one if left out.
        analysis: The same, where there is one by name only.
        agents: Who looks at the results: names of installed agents, or entries with their parameters.
        read: Names of signals that are read at each point, beside those among the parameters.
    """

    usual: ClassVar[str] = ""

    name: str
    title: str
    parameters: dict[str, ParameterEntry]
    before: dict[str, str | float | int] = Field(default_factory=dict)
    points_allowed: int = 20_000
    analyses: tuple[Annotated[AnalysisEntry, BeforeValidator(_named("analysis"))], ...] = ()
    analysis: str = ""
    read: tuple[str, ...] = ()
    agents: tuple[Annotated[AgentEntry, BeforeValidator(_named("agent"))], ...] = ()

    @property
    def moved(self) -> tuple[str, ...]:
        """The axes that it moves, slowest first."""
        return ()

    @property
    def usual_analysis(self) -> str:
        """What its frames are for if the file does not say."""
        return self.usual

    def signals(self, known: Collection[str]) -> tuple[str, ...]:
        """Name the signals that it reads: those that it lists, and those among its parameters."""
        return tuple(dict.fromkeys((*self.read, *(name for name in self.parameters if name in known))))

    def bindings(self) -> tuple[Binding, ...]:
        """List its analyses."""
        entries = self.analyses or (AnalysisEntry(analysis=self.analysis or self.usual_analysis),)
        return tuple(entry.binding(self.moved) for entry in entries)

    def agent_bindings(self) -> tuple[AgentBinding, ...]:
        """List its agents."""
        return tuple(entry.binding() for entry in self.agents)

    def values(self) -> tuple[Parameter, ...]:
        """List the parameters."""
        return tuple(entry.parameter(name) for name, entry in self.parameters.items())


class RockingEntry(_ScanEntry):
    """A rocking scan; ``before`` holds PVs that are set before it starts."""

    usual: ClassVar[str] = "rocking_curve"
    plan: Literal["rocking"]
    axis: str

    @property
    def moved(self) -> tuple[str, ...]:
        """Its axis."""
        return (self.axis,)

    def scan(self) -> Scan:
        """Build the scan."""
        return RockingScan(
            self.name, self.title, self.axis, self.values(), analyses=self.bindings(), agents=self.agent_bindings()
        )


class MapEntry(_ScanEntry):
    """A map; ``area`` gives for the slow and the fast axis the lowest and highest position."""

    usual: ClassVar[str] = "map_features"
    plan: Literal["map"]
    area: dict[str, tuple[float, float]]

    @property
    def moved(self) -> tuple[str, ...]:
        """The axes of its area."""
        return tuple(self.area)

    def scan(self) -> Scan:
        """Build the scan."""
        return GridMap(
            self.name, self.title, self.area, self.values(), analyses=self.bindings(), agents=self.agent_bindings()
        )


class SpecEntry(_ScanEntry):
    """A scan along any path: ``spec`` is a serialised scanspec, in which ``"$name"`` is the value of a parameter."""

    plan: Literal["spec"]
    spec: dict[str, JsonValue]

    @property
    def moved(self) -> tuple[str, ...]:
        """The axes of its path."""
        return tuple(axes_in(self.spec))

    @property
    def usual_analysis(self) -> str:
        """A curve along one axis, a map along two."""
        return {1: "rocking_curve", 2: "map_features"}.get(len(self.moved), "centre_of_mass")

    def scan(self) -> Scan:
        """Build the scan."""
        return SpecScan(
            self.name, self.title, self.moved, self.spec, self.values(), self.points_allowed,
            analyses=self.bindings(), agents=self.agent_bindings(),
        )  # fmt: skip


ScanEntry: TypeAlias = Annotated[RockingEntry | MapEntry | SpecEntry, Field(discriminator="plan")]


class BeamlineDescription(_Strict):
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
    scans: tuple[ScanEntry, ...]
    safe: dict[str, str | float | int] = Field(default_factory=dict)
    faults: FaultsEntry = Field(default_factory=FaultsEntry)
