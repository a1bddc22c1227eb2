"""Which planes of a crystal can diffract white light, each direction once with all its orders."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from steering.core.block import Floats
from steering.spots.crystal import Crystal
from steering.spots.lit import Numbers

KEV_ANGSTROM: Final = 12.398419843320026


@dataclass(frozen=True)
class Band:
    """Photon energies that the beam has, in keV."""

    low: float
    high: float

    def __post_init__(self) -> None:
        """Check that it is a band.

        Raises:
            ValueError: If not; with a sentence.
        """
        if not 0 < self.low < self.high <= 1000:
            message = f"the beam has {self.low:g} to {self.high:g} keV. Allowed: above 0 and up to 1000 keV, in order."
            raise ValueError(message)


@dataclass(frozen=True, eq=False)
class Reflections:
    """Directions and their orders. All orders of a direction make one spot.

    Attributes:
        indices: Of each direction the smallest whole numbers along it, shape ``(directions, 3)``.
        direction: For each reflection that is not absent the place of its direction, shape ``(reflections,)``.
        order: How many times its indices are those of the direction, likewise.
        strength: Square of its structure factor over that of the forward direction, likewise.
    """

    indices: Numbers
    direction: Numbers
    order: Numbers
    strength: Floats


@lru_cache(maxsize=16)
def reflections_of(crystal: Crystal, highest: float) -> Reflections:
    """List what can diffract photons of up to so many keV.

    Args:
        crystal: With its atoms.
        highest: In keV. No planes closer than wavelength / 2 can.

    Raises:
        ValueError: If these would be too many.
    """
    all_indices, strength = crystal.reflections(KEV_ANGSTROM / highest / 2)
    order = np.gcd.reduce(all_indices, axis=1)
    indices, direction = np.unique(all_indices // order[:, np.newaxis], axis=0, return_inverse=True)
    return Reflections(indices, direction.reshape(-1), order, strength)
