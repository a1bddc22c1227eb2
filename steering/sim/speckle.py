"""A suspension of particles in coherent light: speckle that is forgotten the faster the larger q is, and that suffers.

The scattered field of each pixel is a complex Ornstein-Uhlenbeck process, E(t + s) = r E(t) + sqrt(1 - r^2) noise with
r = exp(-s / tau0), tau0 = 1 / (D q^2). So g1 = exp(-t / tau0), and g2 = 1 + contrast exp(-2 t / tau0). The fields are
made once; a frame is the sum of those that pass while it is exposed, in counts of Poisson. The process is the same
forwards and backwards in time, so the fields are played to and fro.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.geometry.geometry import Geometry
from steering.sim.dose import Doses
from steering.sim.samples import Counts

Fields = NDArray[np.float32]

GEOMETRY = Geometry(distance=4.0, poni1=64 * 75e-6, poni2=64 * 75e-6, pixel1=75e-6, pixel2=75e-6, wavelength=1.127e-10)
_FEWEST_STEPS = 2


@dataclass
class SpeckleSample:
    """Spheres in water, on a stage ``sx``, ``sy`` in micrometres.

    Attributes:
        shape: Rows and columns.
        steps: How many fields are made.
        step: Time from one to the next in seconds.
        diffusion: D in square angstroms per second.
        rate: Mean counts of a pixel per second of the full beam, in the middle of q.
        grain: Size of a speckle in pixels.
        spot: Size of the beam in micrometres: so far the stage must go for a fresh spot.
        endures: Seconds of the full beam after which a spot scatters 1/e of what it did.
        seed: Of the fields.
    """

    shape: tuple[int, int] = (128, 128)
    steps: int = 1024
    step: float = 1e-3
    diffusion: float = 6e6
    rate: float = 2000.0
    grain: float = 2.0
    spot: float = 1.0
    endures: float = 3.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Make the fields."""
        self._doses = Doses(self.spot)
        rows, columns = np.indices(self.shape)
        q = np.asarray(GEOMETRY.q(rows, columns))
        # As spheres scatter, roughly: with a plateau and a fall.
        middle = float(np.median(q))
        self._mean = (self.rate / (1 + (q / middle) ** 4) * 2).astype(np.float32)
        self._fields = self._made(np.exp(-self.step * self.diffusion * q**2).astype(np.float32))
        self._now = 0.0

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
        dose = self._doses.add(positions, exposure * transmission)
        light = exposure * transmission * float(np.exp(-dose / self.endures))
        return random.poisson(light * self._mean * self._seen(exposure)).astype(np.int32)

    def _seen(self, exposure: float) -> Fields:
        """Average what passes in an exposure, to and fro."""
        count = min(max(round(exposure / self.step), 1), self.steps)
        places = (int(self._now) + np.arange(count)) % (2 * self.steps - _FEWEST_STEPS)
        self._now = float((int(self._now) + count) % (2 * self.steps - _FEWEST_STEPS))
        places = np.where(places < self.steps, places, 2 * self.steps - _FEWEST_STEPS - places)
        return self._fields[places].mean(axis=0) if count > 1 else self._fields[places[0]]

    def _made(self, kept: Fields) -> Fields:
        """Make the intensities, of mean 1: filtered noise that each pixel forgets in its time."""
        random = np.random.default_rng(self.seed)
        high, wide = (np.fft.fftfreq(size) for size in self.shape)
        pupil = (np.hypot(high[:, None], wide[None]) < 0.5 / self.grain).astype(np.float32)
        pupil *= np.sqrt(pupil.size / pupil.sum())

        def noise() -> NDArray[np.complex64]:
            both = random.standard_normal((2, *self.shape), dtype=np.float32) / np.float32(np.sqrt(2))
            return np.fft.ifft2(np.fft.fft2(both[0] + 1j * both[1]) * pupil).astype(np.complex64)

        fresh = np.sqrt(1 - kept**2)
        amplitude = noise()
        found = np.empty((self.steps, *self.shape), np.float32)
        for place in range(self.steps):
            found[place] = np.abs(amplitude) ** 2
            amplitude = kept * amplitude + fresh * noise()
        return found
