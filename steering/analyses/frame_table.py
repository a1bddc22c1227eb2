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

    def column(self, name: str) -> Floats:
        """Return a column; NaN throughout if the table has none of that name."""
        found = self.columns.get(name)
        return found if found is not None else np.full(len(self), np.nan)


EMPTY = FrameTable(np.empty(0, np.int64), {}, {})


def measure(block: FrameBlock, frames: NDArray[Any]) -> FrameTable:
    """Measure each frame of a block.

    Args:
        block: Gives positions and exposure.
        frames: Pixels in counts, shape ``(len(block), rows, columns)``.

    Returns:
        A table with the block's columns and ``frame_sum`` and ``frame_maximum`` (counts), ``com_row`` and
        ``com_column`` (centre of mass in pixels, NaN for a frame without counts). Sums of integer frames are exact.

    Raises:
        ValueError: If the frames have the wrong shape.
    """
    if frames.ndim != 3 or len(frames) != len(block):
        message = f"frames have shape {frames.shape}, but the block has {len(block)} frames of two dimensions"
        raise ValueError(message)
    whole = np.issubdtype(frames.dtype, np.integer)
    values: NDArray[Any] = frames.astype(np.int64 if whole else np.float64)
    rows, columns = values.sum(axis=2), values.sum(axis=1)
    total = rows.sum(axis=1)
    measured: dict[str, Floats] = {
        "frame_sum": total.astype(np.float64),
        "frame_maximum": values.max(axis=(1, 2), initial=0).astype(np.float64),
        "com_row": _centre(rows, total),
        "com_column": _centre(columns, total),
    }
    units = {"frame_sum": "counts", "frame_maximum": "counts", "com_row": "px", "com_column": "px"}
    return FrameTable(block.indices, {**block.columns, **measured}, {**block.units, **units})


def _centre(profiles: NDArray[Any], total: NDArray[Any]) -> Floats:
    """Centre of mass of each profile in pixels; NaN where there are no counts."""
    centre = np.full(len(profiles), np.nan)
    moments: Floats = profiles @ np.arange(profiles.shape[1], dtype=np.float64)
    np.divide(moments, total, out=centre, where=total > 0)
    return centre
