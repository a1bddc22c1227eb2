"""Where spots lie in angles, and how wide they are along them.

Two theta is the angle to the beam, eta the azimuth around it as :meth:`steering.geometry.geometry.Geometry.azimuth` has
it. The widths are standard deviations: the covariance in pixels, carried over by how the angles change from pixel to
pixel at the middle of the spot. Of a spot that covers many degrees this is the width of its chord.
"""

from dataclasses import dataclass

import numpy as np

from steering.core.block import Floats
from steering.geometry.geometry import Geometry
from steering.hedm.spots import Spots

_HALF = 0.5


@dataclass(frozen=True, eq=False)
class Angles:
    """Of spots, all of shape ``(spots,)``.

    Attributes:
        radius: Two theta in degrees; distance from the frame's middle in pixels without a geometry.
        eta: Azimuth in degrees, -180 to 180.
        radius_width: Standard deviation along two theta, or along the distance.
        eta_width: Along the azimuth in degrees.
        units: Of the radius.
    """

    radius: Floats
    eta: Floats
    radius_width: Floats
    eta_width: Floats
    units: str


def angles_of(spots: Spots, geometry: Geometry | None, shape: tuple[int, int]) -> Angles:
    """Turn pixels into angles.

    Args:
        spots: With positions and variances in pixels.
        geometry: Of the detector; nothing if it is not known.
        shape: Rows and columns of a frame.
    """

    def at(row: Floats, column: Floats) -> tuple[Floats, Floats]:
        if geometry is not None:
            return np.degrees(geometry.two_theta(row, column)), np.degrees(geometry.azimuth(row, column))
        up, left = row - (shape[0] - 1) / 2, column - (shape[1] - 1) / 2
        return np.hypot(up, left), np.degrees(np.arctan2(up, left))

    radius, eta = at(spots.row, spots.column)
    steps = [
        [after - before for before, after in zip(low, high, strict=True)]
        for low, high in (
            (at(spots.row - _HALF, spots.column), at(spots.row + _HALF, spots.column)),
            (at(spots.row, spots.column - _HALF), at(spots.row, spots.column + _HALF)),
        )
    ]

    def width(one: Floats, other: Floats) -> Floats:
        squared = one**2 * spots.row_row + other**2 * spots.column_column + 2 * one * other * spots.row_column
        return np.sqrt(np.maximum(squared, 0))

    turned = [(step[1] + 180) % 360 - 180 for step in steps]
    return Angles(
        radius, eta, width(steps[0][0], steps[1][0]), width(turned[0], turned[1]), "px" if geometry is None else "deg"
    )
