"""A detector frame for the eye."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Why a pixel is no count. Of several the largest is told.
MASKED, DEAD, SATURATED = 1, 2, 3


@dataclass(frozen=True)
class Frame:
    """A frame, perhaps binned.

    Attributes:
        pixels: Array of shape ``(rows, columns)``, in counts.
        number: Number of the frame since the detector started; of a frame of before, its index in its run.
        time: Unix time in seconds of the end of its exposure.
        binning: How many detector pixels one pixel stands for along each axis (their maximum is shown).
        columns: What was recorded with it (positions, exposure, counters), where that is known.
        units: Unit of each column.
        marks: 0 for pixels that are counts, else why they are none, in the shape of ``pixels``, which then hold 0;
            ``None`` if each is a count. Before it is made fit for the eye a frame has its pixels as they were read.
        marked: How many of the detector's pixels are masked, dead and saturated.
        masked: Share of the detector's pixels that are no counts.
    """

    pixels: NDArray[Any]
    number: int
    time: float
    binning: int = 1
    columns: Mapping[str, float] = field(default_factory=dict[str, float])
    units: Mapping[str, str] = field(default_factory=dict[str, str])
    marks: NDArray[np.uint8] | None = None
    marked: tuple[int, int, int] = (0, 0, 0)
    masked: float = 0.0
