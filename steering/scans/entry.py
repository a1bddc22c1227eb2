"""What every scan of a beamline's file has, whatever its kind."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Hashable, Iterator
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, JsonValue

from steering.core.binding import AgentBinding, Binding
from steering.core.parameter import Parameter
from steering.paths.scan import Scan
from steering.scans.base import PARTS
from steering.scans.parameter_entry import ParameterEntry
from steering.scans.strict import Strict

Mistake = tuple[tuple[Hashable, ...], str]

# So many frames an event at most: what the documents say of an event is read as a whole.
MOST_FRAMES = 100_000


class AnalysisEntry(Strict):
    """An analysis of a scan's frames.

    Attributes:
        analysis: Name of an installed analysis.
        label: What its results are called; its name if left out.
        axes: The scan's axes that it looks along; all of them if left out.
        detector: Name of the detector whose frames it is given; the beamline's main one if left out.
        parameters: What it takes beside them.
    """

    analysis: str
    label: str = ""
    axes: tuple[str, ...] = ()
    detector: str = ""
    parameters: dict[str, JsonValue] = Field(default_factory=dict)

    def binding(self, axes: tuple[str, ...]) -> Binding:
        """Build the binding, for a scan of these axes."""
        label = self.label or self.analysis
        return Binding(label, self.analysis, self.axes or axes, self.parameters, self.detector)


class AgentEntry(Strict):
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


class ScanEntry(Strict):
    """What all scans have. A kind of scan adds its own keys, and ``plan: Literal["its name"]``.

    Attributes:
        name: What ``start`` takes.
        title: A few words for a menu.
        plan: Name of the kind, as it stands behind the door.
        parameters: By name; each kind takes its own.
        sample: Name of what is measured, for the start document and the page.
        detectors: Names of detectors that are triggered at each point beside the beamline's main one.
        frames: Frames that the detector takes at each point, the same all through a run.
        parts: In how many parts a burst is taken at each point, each an event of ``frames`` frames. A parameter of this
            name can be steered instead.
        before: PVs that are set before the run opens.
        points_allowed: The guard's budget.
        analyses: What its frames are for, the main one first: names of installed analyses, or entries with their
            parameters. The kind's usual one if left out.
        analysis: The same, where there is one by name only.
        agents: Who looks at the results: names of installed agents, or entries with their parameters.
        read: Names of signals and devices that are read at each point, beside those among the parameters.
        usual: The analysis that its frames are for if the file does not say.
        along: Parameters that are distances or positions along its axes, in their unit.
        axis_key: Key of the file under which its axes are named.
        exposes: Whether it must have a parameter ``exposure``.
    """

    usual: ClassVar[str] = "centre_of_mass"
    along: ClassVar[tuple[str, ...]] = ()
    axis_key: ClassVar[str] = "axis"
    exposes: ClassVar[bool] = True

    name: str
    title: str
    plan: Any
    parameters: dict[str, ParameterEntry]
    sample: str = ""
    detectors: tuple[str, ...] = ()
    frames: int = Field(default=1, ge=1, le=MOST_FRAMES)
    parts: int = Field(default=1, ge=1, le=MOST_FRAMES)
    before: dict[str, str | float | int] = Field(default_factory=dict)
    points_allowed: int = 20_000
    analyses: tuple[Annotated[AnalysisEntry, BeforeValidator(_named("analysis"))], ...] = ()
    analysis: str = ""
    read: tuple[str, ...] = ()
    agents: tuple[Annotated[AgentEntry, BeforeValidator(_named("agent"))], ...] = ()

    @property
    @abstractmethod
    def moved(self) -> tuple[str, ...]:
        """The axes that it moves, slowest first; none for a scan that stands."""

    @abstractmethod
    def scan(self) -> Scan:
        """Build the scan."""

    @property
    def takes(self) -> tuple[str, ...]:
        """Names of the parameters that it must have, beside ``exposure``."""
        return self.along

    @property
    def may_take(self) -> tuple[str, ...]:
        """Names of parameters that it may have besides."""
        return (PARTS,) if self.frames > 1 or PARTS in self.parameters else ()

    def mistakes(self) -> Iterator[Mistake]:
        """Yield what is wrong with the keys of this kind: where (keys from the scan), and a sentence."""
        yield from ()

    @property
    def usual_analysis(self) -> str:
        """What its frames are for if the file does not say."""
        return self.usual

    def signals(self, known: Collection[str]) -> tuple[str, ...]:
        """Name the signals that it reads, of those that are known: in its list, or among its parameters."""
        return tuple(dict.fromkeys(name for name in (*self.read, *self.parameters) if name in known))

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

    def common(self) -> dict[str, Any]:
        """What every scan is made with: the keyword arguments of :class:`steering.scans.base.ScanBase`."""
        return {
            "name": self.name,
            "title": self.title,
            "parameters": self.values(),
            "analyses": self.bindings(),
            "agents": self.agent_bindings(),
            "frames": self.frames,
            "parts": self.parts,
        }
