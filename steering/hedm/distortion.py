"""The distortion of GE's panels, as hexrd describes it (``GE_41RT``): how far pixels are from where they should be."""

from dataclasses import dataclass

import numpy as np

from steering.core.block import Floats

# Half of a panel's side, in mm: radii are told as parts of it.
_WHOLE = 204.8
_STEPS = 20


@dataclass(frozen=True)
class Distortion:
    """Six numbers: the parts of two- and fourfold symmetry and the round one, and the exponents of their radii.

    Attributes:
        parameters: As they stand in hexrd's file of the instrument.
    """

    parameters: tuple[float, float, float, float, float, float]

    def straight(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Say where light has arrived that was seen at places: from the middle of the panel, in mm."""
        two, four, plain, power2, power4, power = self.parameters
        part, angle = np.hypot(x, y) / _WHOLE, np.arctan2(y, x)
        grown = 1 + two * part**power2 * np.cos(2 * angle) + four * part**power4 * np.cos(4 * angle)
        grown = grown + plain * part**power
        return x * grown, y * grown

    def seen(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Say where light is seen that arrives at places; the other way round than :meth:`straight`."""
        found_x, found_y = x, y
        for _ in range(_STEPS):
            back_x, back_y = self.straight(found_x, found_y)
            found_x, found_y = found_x + x - back_x, found_y + y - back_y
        return found_x, found_y
