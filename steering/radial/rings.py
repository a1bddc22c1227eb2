"""Which pixel belongs to which ring, and which share of a scattered photon it would see.

A pixel is in the ring in which its middle lies; none is split. What a pixel would count of an even scattering is its
solid angle, compared with that of the pixel at the PONI, times the polarisation factor. Both are as pyFAI has them.
They are whole multiples of 2**-24 here, so that sums of them are the same in any order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.geometry.geometry import Geometry

# In one over this all shares are counted.
SCALE = 1 << 24

Along: TypeAlias = Literal["q", "two_theta", "radius"]
UNITS: Mapping[Along, str] = {"q": "1/angstrom", "two_theta": "deg", "radius": "px"}

Part: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True)
class Grid:
    """How a frame is cut into rings.

    Attributes:
        geometry: Of the detector; without it rings are around the frame's middle, in pixels, and nothing is corrected.
        along: What the rings are equally far apart in, unless the spacing is logarithmic.
        low: Where the first ring begins, in the unit of ``along``; at the first pixel if ``None``.
        high: Where the last one ends, likewise.
        count: How many rings.
        spacing: Whether they are equally wide, or have equal ratios.
        solid_angle: Whether the pixels' solid angles are corrected.
        polarization: Degree of the beam's linear polarisation, 1 along the rows; not corrected if ``None``.
        region: The only pixels that are looked at, as first and last row, first and last column; all if ``None``.
        masked: Such parts that are left out.
    """

    geometry: Geometry | None = None
    along: Along = "radius"
    low: float | None = None
    high: float | None = None
    count: int = 200
    spacing: Literal["linear", "log"] = "linear"
    solid_angle: bool = True
    polarization: float | None = None
    region: Part | None = None
    masked: tuple[Part, ...] = ()

    @classmethod
    def of(cls, chosen: Mapping[str, Any]) -> "Grid":
        """Read what was chosen of the analysis, as its provenance keeps it.

        Raises:
            ValueError: If the geometry is none.
        """
        stands = chosen.get("geometry")
        region = chosen.get("region")
        return cls(
            None if stands is None else Geometry.of(stands),
            chosen.get("along", "q") if stands is not None else "radius",
            chosen.get("low"),
            chosen.get("high"),
            chosen.get("bins", 200),
            chosen.get("spacing", "linear"),
            chosen.get("solid_angle", True),
            chosen.get("polarization"),
            None if region is None else _part(region),
            tuple(_part(one) for one in chosen.get("masked") or ()),
        )

    @property
    def units(self) -> str:
        """Unit along the rings' radius."""
        return UNITS[self.along]

    def places(self, shape: tuple[int, int]) -> Floats:
        """Say where each pixel of a frame lies, in the grid's unit; of the frame's shape."""
        rows, columns = np.indices(shape)
        if self.geometry is None:
            return np.hypot(rows - (shape[0] - 1) / 2, columns - (shape[1] - 1) / 2)
        if self.along == "two_theta":
            return np.degrees(self.geometry.two_theta(rows, columns))
        return self.geometry.q(rows, columns)

    def shares(self, shape: tuple[int, int]) -> Floats:
        """Say which share of an even scattering each pixel sees, compared with one at the PONI; of the frame's shape.

        The solid angle is the third power of the cosine of the angle of incidence. The polarisation factor is
        (1 + c - P cos(2 chi) (1 - c)) / 2 with c = cos(two theta)^2, the polarisation P and the azimuth chi.
        """
        found = np.ones(shape)
        if self.geometry is None:
            return found
        rows, columns = np.indices(shape)
        stands = self.geometry
        if self.solid_angle:
            up = (rows + 0.5) * stands.pixel1 - stands.poni1
            left = (columns + 0.5) * stands.pixel2 - stands.poni2
            found *= (stands.distance / np.sqrt(stands.distance**2 + up**2 + left**2)) ** 3
        if self.polarization is not None:
            squared = np.cos(stands.two_theta(rows, columns)) ** 2
            turned = np.cos(2 * stands.azimuth(rows, columns))
            found *= (1 + squared - self.polarization * turned * (1 - squared)) / 2
        return found

    def usable(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Say which pixels are looked at, of the frame's shape."""
        keep = np.full(shape, self.region is None)
        if self.region is not None:
            keep[slice(*self.region[:2]), slice(*self.region[2:])] = True
        for one in self.masked:
            keep[slice(*one[:2]), slice(*one[2:])] = False
        return keep


def _part(one: Mapping[str, Any]) -> Part:
    (first, last), (left, right) = one["rows"], one["columns"]
    return int(first), int(last), int(left), int(right)


@dataclass(frozen=True, eq=False)
class Rings:
    """The rings of a frame.

    Attributes:
        ring: Of each pixel of the flattened frame; ``len(middles)`` for one in none.
        shares: Of each such pixel, in units of 1 / ``SCALE``.
        edges: Where rings begin and end, shape ``(rings + 1,)``.
        middles: In their middle, the geometric one if their spacing is logarithmic, shape ``(rings,)``.
        whole: Sum of the shares of each ring, shape ``(rings,)``.
        pixels: How many pixels are in rings.
    """

    ring: NDArray[np.intp]
    shares: NDArray[np.int64]
    edges: Floats
    middles: Floats
    whole: NDArray[np.int64]
    pixels: int

    def added(self, values: NDArray[Any]) -> Floats:
        """Add values of the pixels of a flattened frame in each ring; exact for whole numbers, up to 2**53."""
        found: NDArray[Any] = np.bincount(self.ring, values, len(self.middles) + 1)
        return found[:-1]


@lru_cache(maxsize=8)
def make_rings(grid: Grid, shape: tuple[int, int]) -> Rings:
    """Cut a frame into rings.

    Args:
        grid: How.
        shape: Rows and columns.

    Raises:
        ValueError: If no pixel is left, or the limits are not in order.
    """
    place, keep = grid.places(shape), grid.usable(shape)
    keep &= np.isfinite(place)
    edges = _edges(grid, place[keep])
    keep &= (place >= edges[0]) & (place <= edges[-1])
    if not keep.any():
        message = f"no pixel lies from {edges[0]:.4g} to {edges[-1]:.4g} {grid.units}. Choose other limits"
        raise ValueError(message)
    ring = np.full(shape, grid.count, np.intp)
    # The last ring has its end too, where the outermost pixel lies.
    ring[keep] = np.clip(np.searchsorted(edges, place[keep], "right") - 1, 0, grid.count - 1)
    shares = np.where(keep, np.rint(grid.shares(shape) * SCALE), 0).astype(np.int64).ravel()
    middles = np.sqrt(edges[1:] * edges[:-1]) if grid.spacing == "log" else (edges[1:] + edges[:-1]) / 2
    whole = np.bincount(ring.ravel(), shares, grid.count + 1)[:-1].astype(np.int64)
    return Rings(ring.ravel(), shares, edges, middles, whole, int(keep.sum()))


def _edges(grid: Grid, place: Floats) -> Floats:
    lowest, highest = (float(place.min()), float(place.max())) if place.size else (0.0, 1.0)
    if grid.spacing == "log" and lowest <= 0:
        lowest = float(place[place > 0].min()) if (place > 0).any() else 1.0
    low, high = lowest if grid.low is None else grid.low, highest if grid.high is None else grid.high
    if not low < high or (grid.spacing == "log" and low <= 0):
        message = f"rings go from {low:.4g} to {high:.4g} {grid.units}. Give low below high, above 0 for a log scale"
        raise ValueError(message)
    return np.geomspace(low, high, grid.count + 1) if grid.spacing == "log" else np.linspace(low, high, grid.count + 1)
