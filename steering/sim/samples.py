"""What the simulated detector sees: frames that were recorded at APS, thinned or scaled with the exposure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from steering.sim.data import fetch, fetch_all, registry

Counts = NDArray[np.int32]


class Sample(Protocol):
    """Something in the beam.

    It depends on the positions of some axes.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        ...

    def frame(self, positions: Mapping[str, float], exposure: float, random: np.random.Generator) -> Counts:
        """Expose one frame.

        Args:
            positions: Of each axis, in its unit.
            exposure: In seconds.
            random: Where noise comes from.

        Returns:
            Counts, shape :attr:`shape`.
        """
        ...


@runtime_checkable
class ChangingSample(Sample, Protocol):
    """A sample that changes in time: half the beam for twice as long is another frame."""

    def exposed(
        self, positions: Mapping[str, float], exposure: float, transmission: float, random: np.random.Generator
    ) -> Counts:
        """Expose one frame; see :func:`exposed`."""
        ...


def exposed(
    sample: Sample, positions: Mapping[str, float], exposure: float, transmission: float, random: np.random.Generator
) -> Counts:
    """Expose one frame with a part of the beam.

    Args:
        sample: In the beam.
        positions: Of each axis, in its unit.
        exposure: In seconds.
        transmission: Part of the beam that arrives, 0 to 1.
        random: Where noise comes from.

    Returns:
        Counts, in the sample's shape.
    """
    if isinstance(sample, ChangingSample):
        return sample.exposed(positions, exposure, transmission, random)
    return sample.frame(positions, exposure * transmission, random)


@dataclass
class RockingSample:
    """The crystal of 34-ID-C scan 54 (Bragg coherent diffraction): 201 frames over 1 degree of theta.

    A frame is the recorded one of the nearest angle: at the recorded exposure exactly its counts, at a shorter one
    thinned from them (each count is kept with the ratio of the exposures), at a longer one Poisson around the scaled
    counts.

    Attributes:
        frames: Recorded counts, shape ``(201, 256, 256)``.
        theta: Recorded angles in degrees, shape ``(201,)``.
        exposure: Recorded exposure in seconds.
    """

    frames: Counts
    theta: NDArray[np.float64]
    exposure: float = 0.25

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        return int(self.frames.shape[1]), int(self.frames.shape[2])

    @classmethod
    def load(cls) -> "RockingSample":
        """Load the recorded scan."""
        import tifffile

        names = sorted(name for name in registry() if name.startswith("bcdi_34idc/S0054/"))
        frames = np.stack([tifffile.imread(path) for path in fetch_all(names)]).astype(np.int32)
        return cls(frames, _theta())

    def frame(self, positions: Mapping[str, float], exposure: float, random: np.random.Generator) -> Counts:
        """Expose one frame; see the class."""
        recorded = self.frames[int(np.argmin(np.abs(self.theta - positions["th"])))]
        ratio = exposure / self.exposure
        if abs(ratio - 1) < 1e-6:
            return recorded.copy()
        if ratio < 1:
            return np.asarray(random.binomial(recorded, ratio), dtype=np.int32)
        return np.asarray(random.poisson(recorded * ratio), dtype=np.int32)


def _theta() -> NDArray[np.float64]:
    """Read the angles of scan 54 from the beamtime's SPEC file (the column ``Theta``)."""
    text = fetch("bcdi_34idc/example.spec").read_text(encoding="utf-8", errors="replace")
    scan = text.split("#S 54 ", 1)[1].split("\n#S ", 1)[0]
    rows = [line.split() for line in scan.splitlines()[1:] if line and not line.startswith("#")]
    return np.array([float(row[0]) for row in rows])


@dataclass
class MapSample:
    """The WSe2 flake of 26-ID: a dark-field map.

    The stage's origin is the middle of the map, ``sx`` runs along its columns and ``sy`` along its rows. The distance
    between recorded pixels is not in the file; 0.1 um is our choice. A point's frame spreads the recorded value of the
    nearest pixel, scaled to counts and rounded, over a small spot: at the reference exposure the frame's sum is exactly
    that value, at others Poisson around its share.

    Attributes:
        counts: Recorded values as counts at the reference exposure, shape ``(rows, columns)``.
        pitch: Distance between recorded pixels in micrometres.
        exposure: Reference exposure in seconds.
        shape: Rows and columns of a frame.
        width: Width of the spot (one standard deviation) in pixels of the frame.
    """

    counts: NDArray[np.int64]
    pitch: float = 0.1
    exposure: float = 0.1
    shape: tuple[int, int] = (128, 128)
    width: float = 6.0

    def __post_init__(self) -> None:
        """Prepare the spot: pixel weights that sum to one."""
        rows, columns = np.indices(self.shape)
        squared = (rows - self.shape[0] / 2) ** 2 + (columns - self.shape[1] / 2) ** 2
        spot = np.exp(-squared / (2 * self.width**2))
        spot[spot < 1e-4] = 0.0
        self._weights: NDArray[np.float64] = (spot / spot.sum()).ravel()
        # The order in which left-over counts are given out: brightest pixels first.
        self._brightest: NDArray[np.int64] = np.argsort(-self._weights, kind="stable")

    @classmethod
    def load(cls) -> "MapSample":
        """Load the recorded map."""
        import tifffile

        recorded = np.asarray(tifffile.imread(fetch("wse2_26id/fused_full.tif")), dtype=np.float64)
        return cls(np.rint(np.clip(recorded, 0, None)).astype(np.int64))

    def expected_counts(self, sx: float, sy: float) -> int:
        """Return the recorded counts of the pixel nearest to a stage position in micrometres."""
        rows, columns = self.counts.shape
        row = int(np.clip(round(sy / self.pitch + (rows - 1) / 2), 0, rows - 1))
        column = int(np.clip(round(sx / self.pitch + (columns - 1) / 2), 0, columns - 1))
        return int(self.counts[row, column])

    def frame(self, positions: Mapping[str, float], exposure: float, random: np.random.Generator) -> Counts:
        """Expose one frame; see the class."""
        expected = self.expected_counts(positions["sx"], positions["sy"])
        if abs(exposure / self.exposure - 1) > 1e-6:
            shares = expected * exposure / self.exposure * self._weights
            return random.poisson(shares).astype(np.int32).reshape(self.shape)
        spread = np.floor(expected * self._weights).astype(np.int32)
        # Rounding down leaves fewer counts than there are pixels in the spot; they go to the brightest.
        spread[self._brightest[: expected - int(spread.sum())]] += 1
        return spread.reshape(self.shape)
