"""Numbers of single frames in a table: the state of analyses whose frames do not depend on each other.

Each row belongs to one frame index, so that merging is a union: bitwise the same in any order, and a frame that comes
twice counts once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats, FrameBlock

_MEASURED = {"frame_sum": "counts", "frame_maximum": "counts", "com_row": "px", "com_column": "px"}
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
        index, first = np.unique(np.concatenate([self.index, other.index]), return_index=True)
        names = {**self.columns, **other.columns}
        columns = {name: np.concatenate([self.column(name), other.column(name)])[first] for name in names}
        return FrameTable(index, columns, {**self.units, **other.units})

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
    rows = np.array([_measure_one(frame) for frame in frames])
    measured: dict[str, Floats] = {name: rows[:, place].copy() for place, name in enumerate(_MEASURED)}
    return FrameTable(block.indices, {**block.columns, **measured}, {**block.units, **_MEASURED})


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
