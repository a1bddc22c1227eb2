"""What an analysis is: four pure functions on an explicit state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

from numpy.typing import NDArray

from steering.core.block import FrameBlock
from steering.core.json import Json
from steering.core.result import Outcome

State = TypeVar("State")

Analyses: TypeAlias = Mapping[str, "Analysis[Any]"]
"""The analyses of a run, by label; the first is the main one."""

Exactness: TypeAlias = Literal["bitwise", "rounding", "iterative"]


@dataclass(frozen=True)
class Needs:
    """What an analysis needs of the data; what does not fit is refused before the scan starts.

    Attributes:
        columns: Columns of the events, for example the axes that it looks along.
        units: Units that columns must have, by name; one that is not here may have any.
    """

    columns: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict[str, str])


@runtime_checkable
class Analysis(Protocol[State]):
    """One technique.

    ``merge`` is commutative and associative, ``empty()`` is its neutral element, and the result of a merged state
    equals the result of one pass over all frames to the class that ``exactness`` declares: any order, any number
    of workers, live or offline. None of the four may change its arguments.

    Attributes:
        name: Entry-point name.
        exactness: ``"bitwise"``, ``"rounding"`` (float sums) or ``"iterative"``.
        parameters: What was chosen, as JSON; part of each result's provenance and key.

    An analysis may have an attribute ``needs`` (:class:`Needs`), and an attribute ``leaves_out_markers``. If the second
    is true, its ``update`` is given frames as they were read, and leaves out itself what is no count
    (:mod:`steering.core.pixels`, with ``block.bad``). One with a true ``takes_long`` has lanes of its own from the
    begin: its results come when they are ready, and none of the others waits for them. One with a true
    ``takes_events`` is given frames of photon events (:mod:`steering.photons`) as they are. In an attribute
    ``alarms`` it may declare when a feature merits a closer look (:class:`steering.contract.alarm.Alarm`).
    """

    name: str
    exactness: Exactness

    @property
    def parameters(self) -> Mapping[str, Json]:
        """What was chosen, as JSON."""
        ...

    def empty(self) -> State:
        """State of no frames."""
        ...

    def update(self, state: State, block: FrameBlock, frames: NDArray[Any]) -> State:
        """State with a block's frames added.

        Args:
            state: Left as it is.
            block: Says which frames, where they were taken, and with which exposure.
            frames: Pixels, shape ``(len(block), rows, columns)``.
        """
        ...

    def merge(self, left: State, right: State) -> State:
        """State of both sets of frames."""
        ...

    def result(self, state: State) -> Outcome:
        """Features and arrays of a state, also of an empty one."""
        ...
