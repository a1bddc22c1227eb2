"""Which pixels are correlated together: dynamic bins, each cut into many small static ones.

A curve is made for each dynamic bin, a ring of wave vectors. Inside it the mean intensity varies, and a curve that is
normalised by the ring's mean would have too high a baseline; so each static bin is normalised by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.geometry.geometry import Geometry

# A dynamic bin is cut into so many rings, and these into sectors.
_RINGS = 4


@dataclass(frozen=True)
class Grid:
    """How a frame is cut into bins.

    Attributes:
        geometry: Of the detector; without it q is the distance from the frame's middle in pixels.
        low: Lowest q in 1/angstrom (in pixels without a geometry); the lowest of the frame if ``None``.
        high: Highest, likewise.
        count: How many dynamic bins.
        spacing: Whether their edges are equally far apart in q, or in its logarithm.
        pixels: So many pixels a static bin is to have.
    """

    geometry: Geometry | None = None
    low: float | None = None
    high: float | None = None
    count: int = 10
    spacing: Literal["linear", "log"] = "linear"
    pixels: int = 128

    @property
    def units(self) -> str:
        """Unit of q."""
        return "px" if self.geometry is None else "1/angstrom"


@dataclass(frozen=True, eq=False)
class Bins:
    """The pixels of a frame in the order of their static bins, each filled up to the same width.

    Attributes:
        pixels: Indices into the flattened frame, shape ``(static, width)``.
        filled: Where that is a pixel of the bin and no filling, of that shape.
        dynamic: Dynamic bin of each static one, shape ``(static,)``.
        q: Mean q of each dynamic bin, shape ``(dynamic,)``; NaN of one without pixels.
        recipe: What they were made of: grid, shape of a frame, and packed bits of the pixels that are looked at.
    """

    pixels: NDArray[np.int64]
    filled: NDArray[np.bool_]
    dynamic: NDArray[np.int64]
    q: Floats
    recipe: "tuple[Grid, tuple[int, int], bytes]"

    def __reduce__(self) -> "tuple[Callable[..., Bins], tuple[Grid, tuple[int, int], bytes]]":
        """Travel as the recipe: whoever gets it has made the bins already, or makes them once."""
        return make_bins, self.recipe

    @property
    def static(self) -> int:
        """How many static bins there are."""
        return len(self.dynamic)

    @cached_property
    def place(self) -> NDArray[np.int32]:
        """Where each pixel of the flattened frame lies in the order of the static bins; -1 for one in none."""
        _, (rows, columns), _ = self.recipe
        found = np.full(rows * columns, -1, np.int32)
        found[self.pixels[self.filled]] = np.flatnonzero(self.filled)
        return found


@lru_cache(maxsize=8)
def make_bins(grid: Grid, shape: tuple[int, int], usable: bytes) -> Bins:
    """Cut a frame into bins.

    Args:
        grid: How.
        shape: Rows and columns.
        usable: Packed bits, 1 for each pixel that is looked at; empty for all of them.

    Raises:
        ValueError: If no pixel is left, or the limits are not in order.
    """
    rows, columns = (index.ravel() for index in np.indices(shape))
    if grid.geometry is None:
        up, left = rows - (shape[0] - 1) / 2, columns - (shape[1] - 1) / 2
        q, azimuth = np.hypot(up, left), np.arctan2(up, left)
    else:
        q, azimuth = grid.geometry.q(rows, columns), grid.geometry.azimuth(rows, columns)
    keep = np.unpackbits(np.frombuffer(usable, np.uint8), count=q.size).astype(bool) if usable else np.isfinite(q)
    edges = _edges(grid, q[keep])
    keep &= (q >= edges[0]) & (q <= edges[-1])
    inside = np.flatnonzero(keep)
    if not len(inside):
        message = f"no pixel has a q of {edges[0]:.4g} to {edges[-1]:.4g} {grid.units}. Choose other limits"
        raise ValueError(message)
    ring = np.clip(np.searchsorted(edges, q[inside], "right") - 1, 0, grid.count - 1)
    width = np.diff(edges)[ring]
    thin = np.minimum((q[inside] - edges[ring]) / width * _RINGS, _RINGS - 1).astype(np.int64)
    order = np.lexsort((azimuth[inside], thin, ring))
    inside, fine = inside[order], (ring * _RINGS + thin)[order]
    parts: list[NDArray[np.int64]] = []
    dynamic: list[int] = []
    for number in np.unique(fine):
        members = inside[fine == number]
        sectors = np.array_split(members, max(round(len(members) / grid.pixels), 1))
        parts += sectors
        dynamic += [int(number) // _RINGS] * len(sectors)
    wide = max(len(part) for part in parts)
    pixels, filled = np.zeros((len(parts), wide), np.int64), np.zeros((len(parts), wide), bool)
    for place, part in enumerate(parts):
        pixels[place, : len(part)], filled[place, : len(part)] = part, True
    counts = np.bincount(ring, minlength=grid.count)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(ring, q[keep], grid.count) / np.where(counts, counts, np.nan)
    return Bins(pixels, filled, np.array(dynamic), mean, (grid, shape, usable))


def _edges(grid: Grid, q: Floats) -> Floats:
    lowest = float(q.min()) if q.size else 0.0
    if grid.spacing == "log":
        lowest = max(lowest, float(q[q > 0].min()) if (q > 0).any() else 1.0)
    low = lowest if grid.low is None else grid.low
    high = (float(q.max()) if q.size else 1.0) if grid.high is None else grid.high
    if not low < high or (grid.spacing == "log" and low <= 0):
        message = f"q goes from {low:.4g} to {high:.4g} {grid.units}. Give q_low below q_high, above 0 for a log scale"
        raise ValueError(message)
    return np.geomspace(low, high, grid.count + 1) if grid.spacing == "log" else np.linspace(low, high, grid.count + 1)
