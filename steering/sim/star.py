"""A Siemens star in coherent light: each frame is |FFT(P O)|^2 in counts of Poisson, for any position of the stage.

The probe is that of a zone plate with a central stop, some micrometres out of its focus.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from steering.geometry.geometry import Geometry
from steering.sim.samples import Counts

SIZE = 128
# So that a pixel of the object is 10 nm: wavelength * distance / (128 * 75 um).
GEOMETRY = Geometry(
    distance=0.774275, poni1=64 * 75e-6, poni2=64 * 75e-6, pixel1=75e-6, pixel2=75e-6, wavelength=1.239842e-10
)
PIXEL = 0.01
_WAVELENGTH = 1.239842e-4
# Radii of the optics in the far field in pixels, and of the star in micrometres.
_APERTURE, _STOP = 40.0, 12.0
_OUTER, _INNER = 1.6, 0.06
_SPOKES, _RINGS = 32, 4
# What a spoke lets through, and how much it delays.
_PASSES, _DELAY = 0.9, 0.8


@dataclass
class StarSample:
    """A star of 32 spokes on a stage ``sx``, ``sy`` in micrometres, its middle at the origin.

    Attributes:
        rate: Counts of a frame per second of the full beam.
        defocus: How far the sample is out of the focus, in micrometres.
        half: Half of the width of what is known of the sample, in micrometres; there is nothing beyond.
    """

    rate: float = 1e6
    defocus: float = 60.0
    half: float = 4.0

    def __post_init__(self) -> None:
        """Make object and probe."""
        self.object = star(self.half)
        rows, columns = np.indices(self.shape) - SIZE // 2
        radius = np.hypot(rows, columns)
        squared = np.square(radius / (SIZE * PIXEL))
        far = ((radius < _APERTURE) & (radius > _STOP)) * np.exp(-1j * np.pi * _WAVELENGTH * self.defocus * squared)
        self._far = fft.ifftshift(far / np.sqrt(np.square(np.abs(far)).sum()))
        self._frequency = np.fft.fftfreq(SIZE)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        return SIZE, SIZE

    @property
    def probe(self) -> NDArray[np.complex128]:
        """The wave on the sample, its middle in the middle, with the power 1."""
        return self._probe(0.0, 0.0)

    def frame(self, positions: Mapping[str, float], exposure: float, random: np.random.Generator) -> Counts:
        """Expose one frame."""
        down, right = (positions.get(axis, 0.0) / PIXEL for axis in ("sy", "sx"))
        row, column = round(down), round(right)
        wave = self._probe(down - row, right - column) * self._seen(row, column)
        far = fft.fftshift(np.square(np.abs(fft.fft2(wave, norm="ortho"))))
        return random.poisson(self.rate * exposure * far).astype(np.int32)

    def _probe(self, down: float, right: float) -> NDArray[np.complex128]:
        """Return the probe, moved by a part of a pixel."""
        ramp = np.exp(-2j * np.pi * (self._frequency[:, None] * down + self._frequency[None] * right))
        return fft.fftshift(fft.ifft2(self._far * ramp, norm="ortho"))

    def _seen(self, row: int, column: int) -> NDArray[np.complex64]:
        """Cut out what is lit with the beam at a pixel that is counted from the origin."""
        found: NDArray[np.complex64] = np.ones(self.shape, np.complex64)
        middle = len(self.object) // 2
        top, left = (middle + at - SIZE // 2 for at in (row, column))
        rows, columns = (range(max(at, 0), min(at + SIZE, 2 * middle)) for at in (top, left))
        if rows and columns:
            found[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = self.object[
                rows.start : rows.stop, columns.start : columns.stop
            ]
        return found


def star(half: float) -> NDArray[np.complex64]:
    """Draw the star's transmission; its middle is the pixel ``half / PIXEL``.

    Args:
        half: Half of the width in micrometres.
    """
    count = round(half / PIXEL)
    down = (np.arange(2 * count) - count)[:, None] * PIXEL
    right = (np.arange(2 * count) - count)[None] * PIXEL
    radius, angle = np.hypot(down, right), np.arctan2(down, right)
    # Every other ring is turned by half a spoke, as on real ones.
    ring = np.floor(radius / (_OUTER / _RINGS)).astype(np.int64)
    spoke = np.cos(_SPOKES * angle + np.pi * (ring % 2)) > 0
    gold = spoke & (radius < _OUTER) & (radius > _INNER)
    return np.where(gold, _PASSES * np.exp(-1j * _DELAY), 1.0).astype(np.complex64)
