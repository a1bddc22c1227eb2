"""Nickel in white light, as at APS 34-ID-E: grains on a map, and one among them that nobody knows.

Grains are the cells around random points. Around the middle of the unknown one, a round inclusion, the matrix is
strained and bent. Where spots lie follows from :mod:`steering.laue.forward`. A frame is made photon by photon: each
spot has a number of Poisson, and each photon a place. So noise is right, and a frame costs what its photons cost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from steering.laue.forward import Pattern, lattice_of, pattern_of
from steering.laue.panel import Panel
from steering.laue.reflections import Band, reflections_of
from steering.sim.samples import Counts
from steering.spots.crystal import Crystal
from steering.spots.turns import rotation_of

Floats = NDArray[np.float64]

# The panel of 34-ID-E above the sample, read four by four.
PANEL = Panel((512, 512), (409.6, 409.6), (-1.2016, -1.2140, -1.2185), (28.828, 2.715, 512.993))
BAND = Band(7.0, 30.0)
NICKEL = Crystal((3.524, 3.524, 3.524), atoms=((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)))
# Parts of the beam, a Gaussian in each direction, in units of its standard deviation.
_PARTS = tuple((x, y) for x in (-1.3, 0.0, 1.3) for y in (-1.3, 0.0, 1.3))
_LEAST_SHARE = 0.02


@dataclass
class PolycrystalSample:
    """Grains on a stage ``sx``, ``sy`` in micrometres, the last one an inclusion.

    Attributes:
        grains: How many cells there are.
        half: They are around points within so many micrometres of the middle.
        beam: Standard deviation of the beam in micrometres.
        middle: Of the inclusion, along sy and sx, in micrometres.
        radius: Of it, likewise.
        strain: Deviatoric strain at its edge, along the line to its middle.
        bend: By which the matrix is turned at its edge, in radians.
        rate: Photons a second of a usual spot.
        width: Of a spot in pixels, one standard deviation.
        background: Photons a second in the whole frame.
        seed: Of the grains.
        slow: The map's axis beside ``sx``, which the places below are named by.
        plane: Of the map: the directions of ``sx`` and the slow axis in the laboratory, shape ``(3, 2)``.
    """

    slow: ClassVar[str] = "sy"
    plane: ClassVar[Floats] = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])

    grains: int = 8
    half: float = 10.0
    beam: float = 0.2
    middle: tuple[float, float] = (-2.0, 3.0)
    radius: float = 2.2
    strain: float = 1.5e-3
    bend: float = 3e-3
    rate: float = 2500.0
    width: float = 1.1
    background: float = 60_000.0
    seed: int = 3

    def __post_init__(self) -> None:
        """Place the grains."""
        random = np.random.default_rng(self.seed)
        self._points = random.uniform(-self.half, self.half, (self.grains, 2))
        self._turns = [_turn(random) for _ in range(self.grains + 1)]
        self._reflections = reflections_of(NICKEL, BAND.high)
        usual = [self._pattern(lattice_of(NICKEL, rotation_of(turn))).strength for turn in self._turns]
        self._usual = float(np.median(np.concatenate(usual)))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        return PANEL.shape

    def known(self) -> list[Floats]:
        """List how the grains of the matrix lie, as an earlier map would: vectors about which they are turned."""
        return self._turns[:-1]

    def inclusion(self) -> Floats:
        """Say how the inclusion lies: the vector about which it is turned."""
        return self._turns[-1]

    def grain_at(self, sy: float, sx: float) -> int:
        """Say which grain is at a place; the inclusion has the number :attr:`grains`."""
        if np.hypot(sy - self.middle[0], sx - self.middle[1]) < self.radius:
            return self.grains
        return int(np.argmin(np.hypot(*(self._points - [sy, sx]).T)))

    def strain_at(self, sy: float, sx: float) -> Floats:
        """Say how the place is strained: deviatoric, in the laboratory, shape ``(3, 3)``; none in the inclusion."""
        flat, distance = self._outwards(sy, sx)
        if distance < self.radius:
            return np.zeros((3, 3))
        out = self.plane @ flat
        return self.strain * (self.radius / distance) ** 2 * 1.5 * (np.outer(out, out) - np.eye(3) / 3)

    def lattice_at(self, sy: float, sx: float) -> Floats:
        """Give the reciprocal edges of the grain at a place as columns, in the laboratory."""
        grain = self.grain_at(sy, sx)
        turn, (out, distance) = rotation_of(self._turns[grain]), self._outwards(sy, sx)
        if grain < self.grains:
            across = self.plane @ (-out[1], out[0])
            turn = rotation_of(across * self.bend * (self.radius / distance) ** 2) @ turn
        return lattice_of(NICKEL, turn, self.strain_at(sy, sx))

    def depth_at(self, slow: float) -> float:
        """Say how far along the beam, in mm, the light of a place comes from: the map lies across the beam."""
        del slow
        return 0.0

    def frame(self, positions: Mapping[str, float], exposure: float, random: np.random.Generator) -> Counts:
        """Expose one frame.

        Args:
            positions: ``sx`` and the slow axis, in micrometres.
            exposure: In seconds.
            random: Where noise comes from.
        """
        sy, sx = positions.get(self.slow, 0.0), positions.get("sx", 0.0)
        depth = self.depth_at(sy)
        places = [self._photons(*one, depth, exposure, random) for one in self._lit(sy, sx)]
        size = self.shape[0] * self.shape[1]
        places.append(random.integers(0, size, int(random.poisson(self.background * exposure))))
        return np.bincount(np.concatenate(places), minlength=size).astype(np.int32).reshape(self.shape)

    def _lit(self, sy: float, sx: float) -> list[tuple[float, Floats]]:
        """Say which lattices the beam meets, and with which part of it."""
        shares: dict[int, float] = {}
        where: dict[int, list[tuple[float, float]]] = {}
        for x, y in _PARTS:
            place = sy + self.beam * y, sx + self.beam * x
            weight = float(np.exp(-(x**2 + y**2) / 2))
            grain = self.grain_at(*place)
            shares[grain] = shares.get(grain, 0.0) + weight
            where.setdefault(grain, []).append(place)
        total = sum(shares.values())
        return [
            (share / total, self.lattice_at(*where[grain][len(where[grain]) // 2]))
            for grain, share in shares.items()
            if share > _LEAST_SHARE * total
        ]

    def _photons(
        self, share: float, lattice: Floats, depth: float, exposure: float, random: np.random.Generator
    ) -> NDArray[np.int64]:
        """Draw where the photons of a grain arrive, as places in the flattened frame."""
        pattern = self._pattern(lattice, depth)
        # Detectors do not stand more than so much, and the faintest spots are lost.
        bright = np.clip(pattern.strength / self._usual, 0.05, 20.0)
        photons = random.poisson(self.rate * exposure * share * bright)
        count = int(photons.sum())
        row = np.repeat(pattern.row, photons) + self.width * random.standard_normal(count)
        column = np.repeat(pattern.column, photons) + self.width * random.standard_normal(count)
        down, right = np.rint(row).astype(np.int64), np.rint(column).astype(np.int64)
        inside = (down >= 0) & (down < self.shape[0]) & (right >= 0) & (right < self.shape[1])
        return down[inside] * self.shape[1] + right[inside]

    def _pattern(self, lattice: Floats, depth: float = 0.0) -> Pattern:
        pattern = pattern_of(lattice, self._reflections, PANEL, BAND, depth)
        return pattern.chosen(PANEL.on(pattern.row, pattern.column))

    def _outwards(self, sy: float, sx: float) -> tuple[Floats, float]:
        """Give the direction from the inclusion's middle to a place, along sx and the slow axis, and how far it is."""
        up, right = sy - self.middle[0], sx - self.middle[1]
        distance = max(float(np.hypot(up, right)), 1e-9)
        return np.array([right / distance, up / distance]), distance


def _turn(random: np.random.Generator) -> Floats:
    """Draw a turn that is as likely as any other."""
    one = random.normal(size=4)
    one /= np.linalg.norm(one)
    return one[1:] / np.linalg.norm(one[1:]) * 2 * np.arccos(np.clip(one[0], -1, 1))
