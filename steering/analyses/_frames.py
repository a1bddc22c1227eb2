"""Numbers of single frames in a table: the state of analyses whose frames do not depend on each other.

Each row belongs to one frame index, so that merging is a union: bitwise the same in any order, and a frame that comes
twice counts once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.analyses._compiled import compiled_moments
from steering.core.block import Floats, FrameBlock

# What is measured of each frame, with its unit.
MEASURED = {"frame_sum": "counts", "frame_maximum": "counts", "com_row": "px", "com_column": "px"}
# Floats hold each whole number below this.
_EXACT = 2.0**53
_EXACT_SINGLE = 2.0**24
# Of integer frames so many bytes are looked at, and converted to so many bytes of floats, at a time.
_LOOKED_AT = _CONVERTED = 1 << 21
# What we say of a column whose events name no unit: a feature never goes without one, and we do not make one up.
UNKNOWN_UNIT = "unknown"


@dataclass(frozen=True)
class FrameTable:
    """Rows sorted by frame index.

    Attributes:
        index: Frame indices, shape ``(frames,)``.
        columns: One value a frame, each of that shape.
        units: Unit of each column.
    """

    index: NDArray[np.int64]
    columns: Mapping[str, Floats]
    units: Mapping[str, str]

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.index)

    def merge(self, other: "FrameTable") -> "FrameTable":
        """Unite two tables; a frame in both is taken once."""
        if not len(self):
            return other
        if not len(other):
            return self
        earlier, later = (self, other) if self.index[0] <= other.index[0] else (other, self)
        index = np.concatenate([earlier.index, later.index])
        names = {**self.columns, **other.columns}
        columns = {name: np.concatenate([earlier.column(name), later.column(name)]) for name in names}
        if earlier.index[-1] >= later.index[0]:
            # They interlock, which is rare: a live run goes on where it was.
            index, first = np.unique(index, return_index=True)
            columns = {name: column[first] for name, column in columns.items()}
        return FrameTable(index, columns, {**self.units, **other.units})

    def only(self, names: tuple[str, ...]) -> "FrameTable":
        """Return a table of some of the columns, which it must have."""
        return FrameTable(self.index, {n: self.columns[n] for n in names}, {n: self.units[n] for n in names})

    def column(self, name: str, missing: float = np.nan) -> Floats:
        """Return a column; ``missing`` throughout if the table has none of that name."""
        found = self.columns.get(name)
        return found if found is not None else np.full(len(self), missing)

    def unit(self, name: str, expected: str) -> str:
        """Return a column's unit; ``expected`` while there are no frames to say it."""
        return (self.units.get(name) or UNKNOWN_UNIT) if len(self) else expected


EMPTY = FrameTable(np.empty(0, np.int64), {}, {})


def measure(block: FrameBlock, frames: NDArray[Any], needed: tuple[str, ...]) -> FrameTable:
    """Measure each frame of a block by itself, so that no number depends on the frames beside it.

    Args:
        block: Gives positions and exposure.
        frames: Pixels in counts, shape ``(len(block), rows, columns)``.
        needed: Columns that the block must have.

    Returns:
        A table with the block's columns and ``frame_sum`` and ``frame_maximum`` (counts), ``com_row`` and
        ``com_column`` (centre of mass in pixels, NaN for a frame without counts). Integer frames are summed in 64-bit
        integers, so their sums are exact; the table holds them exactly up to 2**53 counts. A frame without pixels has
        the maximum NaN.

    Raises:
        ValueError: If a needed column is missing or the frames have the wrong shape.
    """
    missing = [name for name in needed if name not in block.columns]
    if missing:
        have = ", ".join(block.columns) or "none"
        message = (
            f"the events have no column {' and '.join(missing)}; they have: {have}. "
            "Name the columns of this scan when you make the analysis, or add the device to the plan."
        )
        raise ValueError(message)
    if frames.ndim != 3 or len(frames) != len(block):
        message = (
            f"frames have shape {frames.shape}, but the block has {len(block)} frames. "
            f"Allowed: ({len(block)}, rows, columns)."
        )
        raise ValueError(message)
    measured = dict(zip(MEASURED, measure_frames(frames), strict=True))
    return FrameTable(block.indices, {**block.columns, **measured}, {**block.units, **MEASURED})


def measure_frames(frames: NDArray[Any]) -> tuple[Floats, Floats, Floats, Floats]:
    """Measure each frame by itself; what comes of a frame does not depend on which frames are measured with it.

    Args:
        frames: Pixels in counts, shape ``(frames, rows, columns)``.

    Returns:
        Sums and maxima in counts and centres of mass in pixels (row, column), each of shape ``(frames,)``; see
        :func:`measure`.
    """
    if not np.issubdtype(frames.dtype, np.integer) or not frames.size:
        rows = np.array([_measure_one(frame) for frame in frames]).reshape(len(frames), len(MEASURED))
        return rows[:, 0].copy(), rows[:, 1].copy(), rows[:, 2].copy(), rows[:, 3].copy()
    totals, row_moments, column_moments, maxima = compiled_moments(frames) or _moments(frames)
    with np.errstate(divide="ignore", invalid="ignore"):
        in_rows = np.where(totals > 0, row_moments / totals, np.nan)
        in_columns = np.where(totals > 0, column_moments / totals, np.nan)
    # Of numbers that are not negative each partial sum is at most the whole. So what came out below 2**53 was exact at
    # each step, in whatever order it was added; the few other frames are summed in integers.
    inexact = np.maximum(np.maximum(row_moments, column_moments), totals) >= _EXACT
    if np.issubdtype(frames.dtype, np.signedinteger):
        inexact |= frames.min(axis=(1, 2)) < 0
    for place in np.flatnonzero(inexact):
        totals[place], maxima[place], in_rows[place], in_columns[place] = _measure_one(frames[place])
    return totals, maxima, in_rows, in_columns


def _moments(frames: NDArray[Any]) -> tuple[Floats, Floats, Floats, Floats]:
    """Sum of the pixels, of pixel times row and of pixel times column, and largest pixel of each integer frame."""
    count, high, wide = frames.shape
    totals, in_rows, in_columns, maxima = (np.empty(count) for _ in range(4))
    row_numbers, column_numbers = np.arange(high, dtype=np.float64), np.arange(wide, dtype=np.float64)
    # A few frames at a time, so that their pixels are fetched from memory once.
    deep = max(1, _LOOKED_AT // max(1, frames[0].nbytes))
    kind = np.float32
    for first in range(0, count, deep):
        some, place = frames[first : first + deep], slice(first, first + deep)
        maxima[place] = some.max(axis=(1, 2))
        rows, columns = _profiles(some, kind)
        # Numbers that are not negative were added exactly if what came out is below 2**24, in whatever order.
        large = np.flatnonzero(np.maximum(rows.max(axis=1), columns.max(axis=1)) >= _EXACT_SINGLE)
        if kind is np.float32 and len(large):
            rows[large], columns[large] = _profiles(some[large], np.float64)
        # The next frames will be about as bright.
        kind = np.float64 if len(large) else np.float32
        totals[place] = rows.sum(axis=1)
        in_rows[place], in_columns[place] = rows @ row_numbers, columns @ column_numbers
    return totals, in_rows, in_columns, maxima


def _profiles(frames: NDArray[Any], kind: "type[np.float32 | np.float64]") -> tuple[Floats, Floats]:
    """Sums of each row and of each column of each frame, by BLAS in floats of a kind."""
    count, high, wide = frames.shape
    rows, columns = np.empty((count, high)), np.zeros((count, wide))
    # A few frames, or some rows of one, at a time: what is converted stays in the cache until it is summed, and BLAS
    # starts no threads for so little, which would only get in the way of the other workers.
    pixels = _CONVERTED // np.dtype(kind).itemsize
    band = max(1, min(high, pixels // wide))
    deep = max(1, pixels // (high * wide)) if band == high else 1
    converted = np.empty((min(deep, count), band, wide), kind)
    along, across = np.ones(wide, kind), np.ones((1, band), kind)
    for first in range(0, count, deep):
        for top in range(0, high, band):
            some = frames[first : first + deep, top : top + band]
            part = converted[: some.shape[0], : some.shape[1]]
            np.copyto(part, some)
            rows[first : first + deep, top : top + band] = part @ along
            columns[first : first + deep] += (across[:, : some.shape[1]] @ part)[:, 0]
    return rows, columns


def _measure_one(frame: NDArray[Any]) -> tuple[float, float, float, float]:
    """Sum and maximum in counts, and the centre of mass in pixels, of one frame."""
    # Floats sum to other last bits in another memory layout.
    pixels = np.ascontiguousarray(frame)
    wide = np.int64 if np.issubdtype(pixels.dtype, np.integer) else np.float64
    rows, columns = pixels.sum(axis=1, dtype=wide), pixels.sum(axis=0, dtype=wide)
    total = rows.sum()
    maximum = float(pixels.max()) if pixels.size else float("nan")
    return float(total), maximum, _centre(rows, total), _centre(columns, total)


def _centre(profile: NDArray[Any], total: Any) -> float:
    """Centre of mass of a profile in pixels; NaN where there are no counts."""
    if not total > 0:
        return float("nan")
    return float(profile @ np.arange(len(profile), dtype=np.float64) / total)
