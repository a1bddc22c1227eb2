"""Where grains diffract to: the angles of each reflection and the pixels that see it.

A reflection with the vector g in the sample diffracts where the rotation has turned it so that its part against the
beam is wavelength |g|^2 / 2 (Bragg's law). About y this is -g_x sin(omega) + g_z cos(omega), so there are two such
angles or none (Bernier et al., J. Strain Anal. 46, 527, 2011).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.geometry.geometry import Geometry
from steering.hedm.grains import Grain
from steering.hedm.instrument import OURS, Instrument
from steering.spots.lit import Numbers

_ANGSTROM = 1e-10
_METRES = 1e-3
_MM = 1e3


@dataclass(frozen=True, eq=False)
class Hits:
    """Reflections that diffract, all of shape ``(hits,)``.

    Attributes:
        grain: Which grain.
        reflection: Which reflection.
        two_theta: In degrees.
        eta: Azimuth as hexrd has it: from the columns against the rows, in degrees.
        omega: In degrees, -180 to 180.
        row: In pixels, also outside of the panel; NaN where light goes away from it.
        column: Likewise.
    """

    grain: Numbers
    reflection: Numbers
    two_theta: Floats
    eta: Floats
    omega: Floats
    row: Floats
    column: Floats

    def chosen(self, keep: NDArray[np.bool_] | Numbers) -> "Hits":
        """Return some of them."""
        return Hits(
            self.grain[keep], self.reflection[keep], self.two_theta[keep], self.eta[keep], self.omega[keep],
            self.row[keep], self.column[keep],
        )  # fmt: skip

    def on(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Say which are seen by a panel of a shape."""
        with np.errstate(invalid="ignore"):
            return (self.row >= 0) & (self.row <= shape[0] - 1) & (self.column >= 0) & (self.column <= shape[1] - 1)


def hits_of(grains: Sequence[Grain], reflections: Numbers, instrument: Instrument) -> Hits:
    """Find where grains diffract to, over a whole turn.

    Args:
        grains: Any number of them.
        reflections: Indices, shape ``(reflections, 3)``.
        instrument: The panel, and the wavelength.
    """
    parts = [_of_grain(grain, number, reflections, instrument) for number, grain in enumerate(grains)]
    names = ("grain", "reflection", "two_theta", "eta", "omega", "row", "column")
    if not parts:
        none, nothing = np.empty(0, np.int64), np.empty(0)
        return Hits(none, none, *[nothing] * 5)
    return Hits(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _of_grain(grain: Grain, number: int, reflections: Numbers, instrument: Instrument) -> Hits:
    wavelength = instrument.geometry.wavelength / _ANGSTROM
    g = reflections @ grain.lattice.T
    length = np.linalg.norm(g, axis=1)
    reach, phase = np.hypot(g[:, 0], g[:, 2]), np.arctan2(-g[:, 0], g[:, 2])
    against = wavelength * length**2 / 2
    at = np.flatnonzero((reach >= against) & (wavelength * length < 2))
    apart = np.arccos(against[at] / reach[at])
    which = np.concatenate([at, at])
    omega = np.concatenate([phase[at] + apart, phase[at] - apart])
    turned = _turned(g[which], omega)
    away = turned * wavelength - [0.0, 0.0, 1.0]
    row, column = pixels_of(away, _turned(np.tile(grain.position, (len(which), 1)), omega), instrument)
    two_theta = 2 * np.arcsin(wavelength * length[which] / 2)
    eta = np.arctan2(turned[:, 1], turned[:, 0])
    wrapped = (np.degrees(omega) + 180) % 360 - 180
    return Hits(np.full(len(which), number), which, np.degrees(two_theta), np.degrees(eta), wrapped, row, column)


def pixels_of(away: Floats, origin: Floats, instrument: Instrument) -> tuple[Floats, Floats]:
    """Say which pixels see light.

    Args:
        away: Where it goes, in hexrd's laboratory, shape ``(rays, 3)``.
        origin: Where it comes from, in mm, of that shape.
        instrument: With the panel.

    Returns:
        Rows and columns in pixels; NaN where light does not go to the panel's plane.
    """
    geometry = instrument.geometry
    corner, row, column = _plane(geometry)
    direction, begin = away @ OURS.T, origin @ OURS.T * _METRES
    normal = np.cross(row, column)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = ((corner - begin) @ normal) / (direction @ normal)
    far = np.where(np.isfinite(far) & (far > 0), far, np.nan)
    on = begin + far[:, np.newaxis] * direction - corner
    rows, columns = on @ row / (row @ row), on @ column / (column @ column)
    if instrument.distortion is None:
        return rows, columns
    middle = (instrument.shape[0] - 1) / 2, (instrument.shape[1] - 1) / 2
    high, wide = geometry.pixel1 * _MM, geometry.pixel2 * _MM
    x, y = instrument.distortion.seen((columns - middle[1]) * wide, (middle[0] - rows) * high)
    return middle[0] - y / high, middle[1] + x / wide


def _plane(geometry: Geometry) -> tuple[Floats, Floats, Floats]:
    """Give the place of the first pixel and the steps to the next row and column, in metres along our axes."""
    first, down, right = (np.array(geometry.places(*at)).reshape(3) for at in ((0, 0), (1, 0), (0, 1)))
    return first, down - first, right - first


def _turned(vectors: Floats, omega: Floats) -> Floats:
    """Turn vectors about y, each by its own angle in radians."""
    x, y, z = vectors.T
    return np.stack([x * np.cos(omega) + z * np.sin(omega), y, z * np.cos(omega) - x * np.sin(omega)], 1)
