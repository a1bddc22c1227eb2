"""Spheres in solution in small-angle X-rays: their form factor, with noise of counting, and pairs that the beam makes.

A sphere of radius R scatters F(q)^2 = (V f(q R))^2 with f(x) = 3 (sin x - x cos x) / x^3 (Rayleigh, 1911). The radii
are distributed normally. Where the beam was, some spheres stick together in pairs that touch: such a pair scatters
2 F^2 (1 + sin(2 q R) / (2 q R)) (Debye, 1915). So the light rises where q is small, and stays where q is large.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.geometry.geometry import Geometry
from steering.sim.dose import Doses
from steering.sim.samples import Counts

Floats = NDArray[np.float64]

# A detector with pixels of 0.172 mm that is read four by four, the beam near one of its corners.
GEOMETRY = Geometry(
    distance=2.75, poni1=24.5 * 688e-6, poni2=24.5 * 688e-6, pixel1=688e-6, pixel2=688e-6, wavelength=1e-10
)
# Of the beam stop in pixels.
STOP = 4.0
# Radii are summed over so many standard deviations, in so many steps.
_REACH, _STEPS = 3.0, 61


@dataclass
class SpheresSample:
    """Spheres in a capillary along ``sx``, in micrometres.

    Attributes:
        shape: Rows and columns.
        radius: Mean radius in angstrom.
        spread: Standard deviation of the radii, as a part of the mean.
        rate: Counts of a pixel per second of the full beam where q is 0.
        solvent: Counts of a pixel per second of the full beam that the solvent adds, at each q.
        spot: Size of the beam in micrometres: so far the stage must go for a fresh spot.
        endures: Seconds of the full beam after which all but 1/e of the spheres are in pairs.
    """

    shape: tuple[int, int] = (128, 128)
    radius: float = 50.0
    spread: float = 0.1
    rate: float = 1600.0
    solvent: float = 1.6
    spot: float = 0.5
    endures: float = 10.0

    def __post_init__(self) -> None:
        """Prepare what single spheres and pairs scatter into each pixel."""
        self._doses = Doses(self.spot)
        rows, columns = np.indices(self.shape)
        q = GEOMETRY.q(rows, columns)
        seen = np.cos(GEOMETRY.two_theta(rows, columns)) ** 3
        middle = GEOMETRY.poni1 / GEOMETRY.pixel1 - 0.5
        seen[np.hypot(rows - middle, columns - middle) < STOP] = 0.0
        single, pairs = self.scattered(q)
        self._single = seen * (self.rate * single + self.solvent)
        self._pairs = seen * self.rate * pairs

    @property
    def radius_of_gyration(self) -> float:
        """Rg of single spheres in angstrom, as Guinier's law shows it: its square is 3/5 <R^8> / <R^6>."""
        radii, weights = self._radii()
        return float(np.sqrt(0.6 * (weights @ radii**8) / (weights @ radii**6)))

    def scattered(self, q: Floats) -> tuple[Floats, Floats]:
        """Say what spheres scatter, 1 where q is 0, and what pairs of all of them would add to that.

        Args:
            q: In 1/angstrom, of any shape.
        """
        single, pairs = np.zeros(q.shape), np.zeros(q.shape)
        for radius, weight in zip(*self._radii(), strict=True):
            x = np.maximum(q * radius, 1e-3)
            one = weight * radius**6 * (3 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2
            single += one
            pairs += one * np.sin(2 * x) / (2 * x)
        whole = sum(weight * radius**6 for radius, weight in zip(*self._radii(), strict=True))
        return single / whole, pairs / whole

    def frame(self, positions: Mapping[str, float], exposure: float, random: np.random.Generator) -> Counts:
        """Expose one frame with the full beam."""
        return self.exposed(positions, exposure, 1.0, random)

    def exposed(
        self, positions: Mapping[str, float], exposure: float, transmission: float, random: np.random.Generator
    ) -> Counts:
        """Expose one frame; the spot that is in the beam suffers from it.

        Args:
            positions: Of each axis, in its unit.
            exposure: In seconds.
            transmission: Part of the beam that arrives, 0 to 1.
            random: Where noise comes from.
        """
        light = exposure * transmission
        before = self._doses.add(positions, light)
        paired = 1 - math.exp(-(before + light / 2) / self.endures)
        return np.asarray(random.poisson(light * (self._single + paired * self._pairs)), np.int32)

    def _radii(self) -> tuple[Floats, Floats]:
        along = np.linspace(-_REACH, _REACH, _STEPS)
        weights = np.exp(-(along**2) / 2)
        return self.radius * (1 + self.spread * along), weights / weights.sum()
