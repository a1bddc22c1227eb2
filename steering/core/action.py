"""What can be asked of a running scan.

Each action is a small frozen record with a literal ``kind``, so that a message on the wire says which it is and
nothing else needs to be guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True)
class SetParameter:
    """Change one steerable parameter from the next point on. ``value`` is in the parameter's unit."""

    parameter: str
    value: float
    kind: Literal["set"] = "set"


@dataclass(frozen=True)
class ReplacePath:
    """Measure this path instead of what is left. ``spec`` is a serialised scanspec ``Spec``, in the axes' units."""

    spec: Mapping[str, Any]
    kind: Literal["replace"] = "replace"


@dataclass(frozen=True)
class InsertRegion:
    """Measure a region on a grid of its own first, then go on with what was left.

    Attributes:
        region: For each axis the lowest and highest position, in the axis' unit.
        step: For each axis the distance between points, in the axis' unit.
    """

    region: Mapping[str, tuple[float, float]]
    step: Mapping[str, float]
    kind: Literal["insert"] = "insert"


@dataclass(frozen=True)
class Skip:
    """Leave out the next points of the path."""

    points: int
    kind: Literal["skip"] = "skip"


@dataclass(frozen=True)
class EndBurst:
    """Stop the detector in the middle of the burst that runs, keep what it took, and go on with the next point.

    Attributes:
        point: Number of the point whose burst is meant, from 1; 0 for the one that runs.
    """

    point: int = 0
    kind: Literal["end_burst"] = "end_burst"


@dataclass(frozen=True)
class Finish:
    """End the scan before the next point; the run is complete and successful."""

    kind: Literal["finish"] = "finish"


@dataclass(frozen=True)
class Pause:
    """Wait before the next point. Proposals are still judged and applied while the scan waits."""

    kind: Literal["pause"] = "pause"


@dataclass(frozen=True)
class Resume:
    """Go on after a pause."""

    kind: Literal["resume"] = "resume"


@dataclass(frozen=True)
class Abort:
    """Stop now, in the middle of a point if need be; the run is marked as aborted."""

    reason: str = ""
    kind: Literal["abort"] = "abort"


Action: TypeAlias = SetParameter | ReplacePath | InsertRegion | Skip | EndBurst | Finish | Pause | Resume | Abort
