"""A flat panel as 34-ID-E describes it: a rotation vector and a translation, in millimetres.

The laboratory is that of 34-ID-E: the beam goes along z, y goes up, x completes a right-handed system. The sample is at
the origin. A pixel is at ``Rot(R) ((x', y', 0) + P)`` with ``x' = (column - (columns - 1) / 2) width / columns`` and
y' likewise by the row. Pixel positions are in pixels: 0 is the middle of the first row or column.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from steering.core.block import Floats
from steering.spots.turns import rotation_of

Three = tuple[float, float, float]
BEAM: Final = np.array([0.0, 0.0, 1.0])
_MOST_PIXELS = 1 << 16


@dataclass(frozen=True)
class Panel:
    """Where a panel stands.

    Attributes:
        shape: Rows and columns.
        size: Height and width in mm.
        rotation: Vector about which it is turned, its length in radians (``R``).
        translation: From the sample to its middle before that turn, in mm (``P``).
        identity: What its maker calls it; empty if nobody has said it.
    """

    shape: tuple[int, int]
    size: tuple[float, float]
    rotation: Three
    translation: Three
    identity: str = ""

    def __post_init__(self) -> None:
        """Check that it is a panel that can be.

        Raises:
            ValueError: If not; with a sentence.
        """
        if len(self.shape) != 2 or not all(1 <= one <= _MOST_PIXELS for one in self.shape):
            message = f"the panel has {self.shape} rows and columns. Allowed: 1 to {_MOST_PIXELS} each."
            raise ValueError(message)
        if len(self.size) != 2 or not all(math.isfinite(one) and one > 0 for one in self.size):
            message = f"the panel has a size of {self.size} mm. Allowed: above 0 mm, height and width."
            raise ValueError(message)
        for name, value, units in (("rotation", self.rotation, "rad"), ("translation", self.translation, "mm")):
            if len(value) != 3 or not all(map(math.isfinite, value)):
                message = f"the panel's {name} is {value} {units}. Allowed: three finite numbers, in {units}."
                raise ValueError(message)
        if not any(self.translation):
            message = "the panel's translation is 0 mm: its middle would be in the sample. Give P, in mm."
            raise ValueError(message)

    def binned(self, by: int) -> "Panel":
        """Return it with so many rows and columns read as one.

        Raises:
            ValueError: If its rows or columns are no multiple of it.
        """
        if by < 1 or any(one % by for one in self.shape):
            rows, columns = self.shape
            message = f"a panel of {rows} x {columns} px cannot be binned by {by}. Allowed: what divides both."
            raise ValueError(message)
        return replace(self, shape=(self.shape[0] // by, self.shape[1] // by))

    def places(self, rows: Floats, columns: Floats) -> Floats:
        """Say where pixels are in the laboratory, in mm.

        Args:
            rows: In pixels, shape ``(pixels,)``.
            columns: Likewise.

        Returns:
            Shape ``(pixels, 3)``.
        """
        (high, wide), (count, across) = self.size, self.shape
        x = (np.asarray(columns, np.float64) - (across - 1) / 2) * (wide / across)
        y = (np.asarray(rows, np.float64) - (count - 1) / 2) * (high / count)
        flat = np.stack([x, y, np.zeros(np.broadcast(x, y).shape)], axis=-1) + self.translation
        return _turned(flat, rotation_of(np.array(self.rotation)))

    def pixels(self, away: Floats, depth: Floats | float = 0.0) -> tuple[Floats, Floats]:
        """Say which pixels see light.

        Args:
            away: Where it goes, of any length, shape ``(rays, 3)``.
            depth: How far along the beam it comes from, behind the origin, in mm.

        Returns:
            Rows and columns in pixels, also outside of the panel; NaN where light does not go to the panel's plane.
        """
        back = rotation_of(np.array(self.rotation)).T
        ray, begin = _turned(away, back), np.multiply.outer(np.asarray(depth, np.float64), back @ BEAM)
        with np.errstate(divide="ignore", invalid="ignore"):
            far = (self.translation[2] - begin[..., 2]) / ray[..., 2]
        far = np.where(np.isfinite(far) & (far > 0), far, np.nan)
        on = begin + far[..., np.newaxis] * ray - self.translation
        (high, wide), (count, across) = self.size, self.shape
        return on[..., 1] * (count / high) + (count - 1) / 2, on[..., 0] * (across / wide) + (across - 1) / 2

    def directions(self, rows: Floats, columns: Floats, depth: Floats | float = 0.0) -> Floats:
        """Give the direction of the scattering vector of light that pixels see.

        Args:
            rows: In pixels, shape ``(pixels,)``.
            columns: Likewise.
            depth: How far along the beam the light comes from, behind the origin, in mm.

        Returns:
            Unit vectors along k_f - k_i, shape ``(pixels, 3)``.
        """
        away = self.places(rows, columns) - np.multiply.outer(np.asarray(depth, np.float64), BEAM)
        return unit(unit(away) - BEAM)

    def on(self, rows: Floats, columns: Floats) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
        """Say which places are on the panel."""
        with np.errstate(invalid="ignore"):
            inside = (rows >= 0) & (rows <= self.shape[0] - 1)
            return inside & (columns >= 0) & (columns <= self.shape[1] - 1)


def unit(vectors: Floats) -> Floats:
    """Make vectors as long as 1; those of no length are NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return vectors / np.sqrt(np.einsum("...i,...i->...", vectors, vectors))[..., np.newaxis]


def reflected(directions: Floats) -> Floats:
    """Say where the beam goes from planes with these normals: k_f = k_i - 2 (k_i . q) q.

    Args:
        directions: Unit vectors, shape ``(planes, 3)``.
    """
    return BEAM - 2 * directions[..., 2:] * directions


def _turned(vectors: Floats, turn: Floats) -> Floats:
    # No BLAS: what comes of a row must not depend on how many there are.
    return vectors[..., :1] * turn[:, 0] + vectors[..., 1:2] * turn[:, 1] + vectors[..., 2:] * turn[:, 2]
