"""Which pixels are correlated together: dynamic bins, each cut into many small static ones.

A curve is made for each dynamic bin, a ring of wave vectors. Inside it the mean intensity varies, and a curve that is
normalised by the ring's mean would have too high a baseline; so each static bin is normalised by itself.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.geometry.geometry import Geometry
from steering.machine.written import written_at
from steering.readers.paths import local_path
from steering.xpcs.qmap import read_qmap

# A dynamic bin is cut into so many rings, and these into sectors.
_RINGS = 4

Part: TypeAlias = tuple[int, int, int, int]


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
        region: The only pixels that are looked at, as first and last row, first and last column; all if ``None``.
        masked: Such parts that are left out.
        file: With the maps of the bins; then nothing else but region and masked parts counts.
    """

    geometry: Geometry | None = None
    low: float | None = None
    high: float | None = None
    count: int = 10
    spacing: Literal["linear", "log"] = "linear"
    pixels: int = 128
    region: Part | None = None
    masked: tuple[Part, ...] = ()
    file: str = ""

    @classmethod
    def of(cls, chosen: Mapping[str, Any]) -> "Grid":
        """Read what was chosen of the analysis, as its provenance keeps it.

        Raises:
            ValueError: If the geometry is none.
        """
        stands = chosen.get("geometry")
        region, masked = chosen.get("region"), chosen.get("masked") or ()
        return cls(
            None if stands is None else Geometry.of(stands),
            chosen.get("q_low"),
            chosen.get("q_high"),
            chosen.get("bins", 10),
            chosen.get("spacing", "linear"),
            chosen.get("static_pixels", 128),
            None if region is None else _part(region),
            tuple(_part(one) for one in masked),
            chosen.get("qmap", ""),
        )

    @property
    def units(self) -> str:
        """Unit of q, unless a file says it."""
        return "px" if self.geometry is None and not self.file else "1/angstrom"

    def usable(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Say which pixels are looked at, of the flattened frame."""
        keep = np.full(shape, self.region is None)
        if self.region is not None:
            keep[slice(*self.region[:2]), slice(*self.region[2:])] = True
        for one in self.masked:
            keep[slice(*one[:2]), slice(*one[2:])] = False
        return keep.ravel()


def _part(one: Mapping[str, Any]) -> Part:
    (first, last), (left, right) = one["rows"], one["columns"]
    return int(first), int(last), int(left), int(right)


@dataclass(frozen=True, eq=False)
class Bins:
    """The pixels of a frame in the order of their static bins, each filled up to the same width.

    Attributes:
        pixels: Indices into the flattened frame, shape ``(static, width)``.
        filled: Where that is a pixel of the bin and no filling, of that shape.
        dynamic: Dynamic bin of each static one, shape ``(static,)``.
        q: Mean q of each dynamic bin, shape ``(dynamic,)``; NaN of one without pixels.
        recipe: What they were made of: the grid and the shape of a frame.
        run: For which, where a file holds their maps.
    """

    pixels: NDArray[np.int64]
    filled: NDArray[np.bool_]
    dynamic: NDArray[np.int64]
    q: Floats
    recipe: tuple[Grid, tuple[int, int]]
    run: str = ""

    def __reduce__(self) -> "tuple[Callable[..., Bins], tuple[Grid, tuple[int, int], str]]":
        """Travel as the recipe: whoever gets it has made the bins already, or makes them once."""
        return make_bins, (*self.recipe, self.run)

    @property
    def static(self) -> int:
        """How many static bins there are."""
        return len(self.dynamic)

    @cached_property
    def place(self) -> NDArray[np.int32]:
        """Where each pixel of the flattened frame lies in the order of the static bins; -1 for one in none."""
        _, (rows, columns) = self.recipe
        found = np.full(rows * columns, -1, np.int32)
        found[self.pixels[self.filled]] = np.flatnonzero(self.filled)
        return found

    @cached_property
    def mark(self) -> int:
        """A number that other bins do not have, but for one in four thousand million."""
        return zlib.crc32(self.dynamic.tobytes(), zlib.crc32(np.where(self.filled, self.pixels, -1).tobytes()))

    def follow(self, before: "Bins | None") -> None:
        """Check that frames may be counted in these bins after others.

        Args:
            before: Bins of the others, if there are any.

        Raises:
            ValueError: If those are other bins.
        """
        grid, shape = self.recipe
        if before is None or before is self:
            return
        if before.recipe[1] != shape:
            message = f"frames of {shape[0]} x {shape[1]} px came after others. One run has one shape."
            raise ValueError(message)
        if not np.array_equal(before.pixels, self.pixels):
            message = f"the maps of bins in {grid.file} are others than those that the run began with. Start it anew"
            raise ValueError(message)

    def maps(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Say of each pixel in which static and in which dynamic bin it is, from 1; 0 for none.

        Returns:
            Two arrays of the frame's shape.
        """
        _, shape = self.recipe
        static = np.where(self.place >= 0, self.place // self.filled.shape[1] + 1, 0).astype(np.int32)
        dynamic = np.where(static > 0, self.dynamic[static - 1] + 1, 0).astype(np.int32)
        return static.reshape(shape), dynamic.reshape(shape)


def make_bins(grid: Grid, shape: tuple[int, int], run: str = "") -> Bins:
    """Cut a frame into bins; for one run always the same ones.

    A file with their maps that is written anew holds from the next run on: counts of two maps cannot be added.

    Args:
        grid: How.
        shape: Rows and columns.
        run: Uid of the run; as the file is now if left out.

    Raises:
        ValueError: If no pixel is left, the limits are not in order, or the file has no maps of such frames.
    """
    if not grid.file:
        return _made(grid, shape, "", ())
    return _made(grid, shape, run, () if run else written_at(local_path(grid.file) or ""))


@lru_cache(maxsize=8)
def _made(grid: Grid, shape: tuple[int, int], run: str, written: tuple[int, ...]) -> Bins:
    del written
    usable = grid.usable(shape)
    if grid.file:
        return replace(_of_file(grid, shape, usable), run=run)
    rows, columns = (index.ravel() for index in np.indices(shape))
    if grid.geometry is None:
        up, left = rows - (shape[0] - 1) / 2, columns - (shape[1] - 1) / 2
        q, azimuth = np.hypot(up, left), np.arctan2(up, left)
    else:
        q, azimuth = grid.geometry.q(rows, columns), grid.geometry.azimuth(rows, columns)
    keep = usable & np.isfinite(q)
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
    counts = np.bincount(ring, minlength=grid.count)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(ring, q[keep], grid.count) / np.where(counts, counts, np.nan)
    return _filled(parts, np.array(dynamic), mean, (grid, shape))


def _of_file(grid: Grid, shape: tuple[int, int], usable: NDArray[np.bool_]) -> Bins:
    static, dynamic, values = read_qmap(grid.file, shape)
    inside = np.flatnonzero(np.where(usable, static, 0))
    if not len(inside):
        message = f"no pixel of the maps of {grid.file} is looked at. Choose another region, or fewer masked parts"
        raise ValueError(message)
    inside = inside[np.lexsort((static[inside], dynamic[inside]))]
    # A static bin that lies in two dynamic ones is one in each.
    begins = np.flatnonzero(np.diff(static[inside]) | np.diff(dynamic[inside])) + 1
    parts = np.split(inside, begins)
    return _filled(parts, np.array([dynamic[part[0]] - 1 for part in parts]), values, (grid, shape))


def _filled(
    parts: Sequence[NDArray[np.int64]], dynamic: NDArray[np.int64], q: Floats, recipe: tuple[Grid, tuple[int, int]]
) -> Bins:
    wide = max(len(part) for part in parts)
    pixels, filled = np.zeros((len(parts), wide), np.int64), np.zeros((len(parts), wide), bool)
    for place, part in enumerate(parts):
        pixels[place, : len(part)], filled[place, : len(part)] = part, True
    return Bins(pixels, filled, dynamic, q, recipe)


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
