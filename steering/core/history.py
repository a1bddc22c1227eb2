"""What a session remembers of what it has seen: runs, which frames can be looked at again, and how features went."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steering.core.block import Floats


@dataclass(frozen=True)
class SeenRun:
    """A run that a source has brought.

    Attributes:
        uid: Run uid.
        plan: Name of its plan, or empty.
        started: Unix time in seconds of its start, as its source has it, or at which its start came.
        frames: Frames (or events, where there are no pixels) of the stream that is analysed, so far.
        events: Events of all its streams; 0 until it has ended, and where the source knows of none.
        status: ``"running"``, or how it ended: ``"success"``, ``"abort"`` or ``"fail"``.
        geometry: Where the detector stands, as the start document says it; empty if nobody has said it.
    """

    uid: str
    plan: str
    started: float
    frames: int = 0
    events: int = 0
    status: str = "running"
    geometry: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False, repr=False)


@dataclass(frozen=True)
class FrameSpan:
    """Which frames of the shown run can be looked at again.

    Attributes:
        run: Run uid; empty before the first.
        first: Index of the oldest frame that is still referred to.
        stop: Index after the newest.
    """

    run: str = ""
    first: int = 0
    stop: int = 0

    def __len__(self) -> int:
        """Count them."""
        return self.stop - self.first


@dataclass(frozen=True)
class Course:
    """A feature over the results of a run.

    Attributes:
        values: One a result, shape ``(results,)``, in ``units``; NaN where the result lacked it.
        uncertainties: One standard deviation each, NaN if unknown.
        units: Unit of both.
    """

    values: Floats
    uncertainties: Floats
    units: str


@dataclass(frozen=True)
class Trend:
    """How the features of a run went, result by result, thinned evenly where there were too many.

    Attributes:
        run: Run uid; empty before the first result.
        analysis: Name of the analysis.
        times: Unix time in seconds at which each result was made, shape ``(results,)``.
        frames: How many frames each result held, shape ``(results,)``.
        features: Course of each feature.
    """

    run: str = ""
    analysis: str = ""
    times: Floats = field(default_factory=lambda: np.empty(0))
    frames: Floats = field(default_factory=lambda: np.empty(0))
    features: Mapping[str, Course] = field(default_factory=dict[str, Course])
