"""A detector frame for the eye."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class Frame:
    """The newest frame, perhaps binned.

    Attributes:
        pixels: Array of shape ``(rows, columns)``, in counts.
        number: Number of the frame since the detector started.
        time: Unix time in seconds of the end of its exposure.
        binning: How many detector pixels one pixel stands for along each axis (their maximum is shown).
    """

    pixels: NDArray[Any]
    number: int
    time: float
    binning: int = 1
