"""A detector frame for the eye."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray


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
    """

    pixels: NDArray[Any]
    number: int
    time: float
    binning: int = 1
    columns: Mapping[str, float] = field(default_factory=dict[str, float])
    units: Mapping[str, str] = field(default_factory=dict[str, str])
