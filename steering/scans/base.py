"""What the scans of this room have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from steering.core.binding import AgentBinding, Binding
from steering.core.parameter import Parameter

# A parameter that is called so says in how many parts a burst is taken.
PARTS = "parts"


@dataclass(frozen=True, kw_only=True)
class ScanBase:
    """A scan as a value.

    Attributes:
        name: What ``start`` takes.
        title: A few words for a menu.
        parameters: What can be steered, with the values that hold at the start; ``exposure`` in seconds is one of them.
        analyses: What its frames are meant for, the main one first.
        agents: Who looks at the results.
        frames: Frames that the detector takes at each point, or in each part of its burst.
        parts: In how many parts a burst is taken, unless a parameter says so.
    """

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    analyses: tuple[Binding, ...] = ()
    agents: tuple[AgentBinding, ...] = ()
    frames: int = 1
    parts: int = 1

    @property
    def own_path(self) -> bool:
        """Whether its path is its plan's own business, which nobody can change."""
        return False

    @property
    def region(self) -> bool:
        """Whether a region can be inserted."""
        return False

    @property
    def swept(self) -> str:
        """The axis that moves while the detector counts; empty if all stand."""
        return ""

    @property
    def endless(self) -> bool:
        """Whether it goes on until somebody ends it."""
        return False

    @property
    def parted(self) -> bool:
        """Whether the burst of a point is taken in parts; it can be ended in the middle then."""
        return self.parts > 1 or (PARTS in self.known and not self.own_path)

    def parts_of(self, values: Mapping[str, float]) -> int:
        """Say in how many parts a burst is taken with these parameters; 1 if it is not taken in parts."""
        return max(round(values.get(PARTS, self.parts)), 1) if self.parted else 1

    def starting(self, parameters: tuple[Parameter, ...]) -> Self:
        """Return the scan with other values at its start."""
        return replace(self, parameters=parameters)

    def period(self, values: Mapping[str, float]) -> float:
        """Seconds from the beginning of one point to that of the next; 0 for as soon as possible."""
        del values
        return 0.0

    @property
    def known(self) -> Mapping[str, Parameter]:
        """The parameters by name."""
        return {item.name: item for item in self.parameters}
