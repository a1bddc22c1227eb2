"""Grains of a metal under load: spots on a far-field detector, whose arcs widen once the metal yields.

Where spots lie follows from :mod:`steering.hedm.forward`. A frame is made photon by photon: for each reflection that
the rotation passes, a number of Poisson is drawn, and each photon's place around the ring and along its radius. So
noise is right, arcs follow their rings, and a frame costs what its photons cost, and not its pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.geometry.geometry import Geometry
from steering.hedm.forward import Hits, hits_of
from steering.hedm.grains import Grain, grain_of
from steering.hedm.instrument import Instrument
from steering.sim.samples import Counts
from steering.spots.crystal import Crystal

# 90.5 keV, as at APS 1-ID; the beam meets the middle of the panel.
GEOMETRY = Geometry(distance=0.4, poni1=0.0528, poni2=0.0528, pixel1=2.75e-4, pixel2=2.75e-4, wavelength=1.37e-11)
NICKEL = Crystal((3.524, 3.524, 3.524), atoms=((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)))
_SHORTEST = 1.2
_FAR = 4.0


@dataclass
class GrainSample:
    """Nickel that is turned about ``omega`` in degrees, and pulled with ``load`` in MPa.

    Attributes:
        shape: Rows and columns.
        grains: How many grains are in the beam.
        size: Of the volume in the beam, in mm.
        rate: Photons a second of the full beam of a usual reflection at its angle.
        spread: Azimuthal width of a spot in degrees, as long as nothing yields.
        onset: Load at which the first grain yields, in MPa; the last one does at a third more.
        growth: By how much a spot is wider with each MPa beyond, in degrees.
        radial: Width of a spot along its radius in pixels.
        background: Photons a second in the whole frame.
        seed: Of the grains.
    """

    shape: tuple[int, int] = (384, 384)
    grains: int = 60
    size: float = 0.5
    rate: float = 6000.0
    spread: float = 0.25
    onset: float = 250.0
    growth: float = 0.004
    radial: float = 1.2
    background: float = 10_000.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Place the grains, and find where they diffract to."""
        random = np.random.default_rng(self.seed)
        instrument = Instrument(GEOMETRY, self.shape)
        reflections, strength = NICKEL.reflections(_SHORTEST)
        hits = hits_of(self.placed(), reflections, instrument)
        self._hits = hits = hits.chosen(np.flatnonzero(hits.on(self.shape)))
        bright = random.lognormal(0.0, 0.5, self.grains)
        # Rings of larger angles are weaker: the factor of Lorentz, roughly.
        self._rate = self.rate * bright[hits.grain] * strength[hits.reflection] * 4 / np.maximum(hits.two_theta, 1)
        self._yields = self.onset * random.uniform(1.0, 4 / 3, self.grains)[hits.grain]

    def placed(self) -> list[Grain]:
        """List the grains, as a known map of the sample would."""
        random = np.random.default_rng(self.seed + 1)
        places = random.uniform(-self.size / 2, self.size / 2, (self.grains, 3))
        turns = random.normal(size=(self.grains, 4))
        turns /= np.linalg.norm(turns, axis=1, keepdims=True)
        angle = 2 * np.arccos(np.clip(np.abs(turns[:, 0]), 0, 1))
        axis = turns[:, 1:] * np.sign(turns[:, :1])
        axis /= np.linalg.norm(axis, axis=1, keepdims=True)
        return [grain_of(NICKEL, one * by, place) for one, by, place in zip(axis, angle.tolist(), places, strict=True)]

    def spread_at(self, load: float) -> NDArray[np.float64]:
        """Say how wide each reflection is at a load, in degrees."""
        return self.spread + self.growth * np.maximum(load - self._yields, 0.0)

    def frame(self, positions: Mapping[str, float], exposure: float, random: np.random.Generator) -> Counts:
        """Expose one frame.

        Args:
            positions: ``omega`` in degrees and ``load`` in MPa.
            exposure: In seconds.
            random: Where noise comes from.
        """
        hits, spread = self._hits, self.spread_at(positions.get("load", 0.0))
        away = (hits.omega - positions.get("omega", 0.0) + 180) % 360 - 180
        near = np.flatnonzero(np.abs(away) < _FAR * spread)
        # What a wide spot has, it has over a longer way of the rotation.
        profile = np.exp(-((away[near] / spread[near]) ** 2) / 2) * self.spread / spread[near]
        photons = random.poisson(self._rate[near] * exposure * profile)
        row, column = self._places(hits.chosen(near), spread[near], photons, random)
        size = self.shape[0] * self.shape[1]
        at = row * self.shape[1] + column
        at = at[(row >= 0) & (row < self.shape[0]) & (column >= 0) & (column < self.shape[1])]
        at = np.concatenate([at, random.integers(0, size, int(random.poisson(self.background * exposure)))])
        return np.bincount(at, minlength=size).astype(np.int32).reshape(self.shape)

    def _places(
        self, hits: Hits, spread: NDArray[np.float64], photons: NDArray[np.int64], random: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Draw where photons arrive."""
        middle = (self.shape[0] - 1) / 2, (self.shape[1] - 1) / 2
        up, left = hits.row - middle[0], hits.column - middle[1]
        radius = np.repeat(np.hypot(up, left), photons) + self.radial * random.standard_normal(int(photons.sum()))
        turn = np.repeat(np.arctan2(up, left), photons)
        turn += np.repeat(np.radians(spread), photons) * random.standard_normal(len(turn))
        row = np.rint(middle[0] + radius * np.sin(turn)).astype(np.int64)
        return row, np.rint(middle[1] + radius * np.cos(turn)).astype(np.int64)
