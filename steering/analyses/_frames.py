"""Numbers of single frames in a table: the state of analyses whose frames do not depend on each other.

Each row belongs to one frame index, so that merging is a union: bitwise the same in any order, and a frame that comes
twice counts once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.analyses._region import FrameRegion, leave_out
from steering.core.block import Floats, FrameBlock
from steering.core.result import UNKNOWN_UNIT, Feature
from steering.moments.measure import measure_frames

# What is measured of each frame, with its unit.
MEASURED = {
    "frame_sum": "counts",
    "frame_maximum": "counts",
    "com_row": "px",
    "com_column": "px",
    "frame_masked": "1",
}


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


def masked_feature(share: float) -> dict[str, Feature]:
    """Say how many pixels are no counts, if any are.

    Args:
        share: Mean of ``frame_masked``.
    """
    return {"masked": Feature(100 * share, 0.0, "%")} if share > 0 else {}


EMPTY = FrameTable(np.empty(0, np.int64), {}, {})


def measure(
    block: FrameBlock,
    frames: NDArray[Any],
    needed: tuple[str, ...],
    region: FrameRegion | None = None,
    masked: tuple[FrameRegion, ...] = (),
) -> FrameTable:
    """Measure each frame of a block by itself, so that no number depends on the frames beside it.

    Args:
        block: Gives positions and exposure.
        frames: Pixels in counts, shape ``(len(block), rows, columns)``.
        needed: Columns that the block must have.
        region: The only part of the frames that is looked at; all of them if left out.
        masked: Parts of the frames that are left out, as pixels that are no counts.

    Returns:
        A table with the block's columns and ``frame_sum`` and ``frame_maximum`` (counts), ``com_row`` and
        ``com_column`` (centre of mass in pixels, NaN for a frame without counts), and ``frame_masked`` (share of the
        pixels that are no counts; they are in none of the others). Integer frames are summed in 64-bit integers, so
        their sums are exact; the table holds them exactly up to 2**53 counts. A frame without pixels has the maximum
        NaN; one whose pixels are all masked has NaN throughout.

    Raises:
        ValueError: If a needed column is missing, the frames have the wrong shape, or a region reaches beyond them.
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
    bad = leave_out(masked, frames, block.bad)
    if region is not None:
        frames, bad = region.cut(frames, bad)
    measured = dict(zip(MEASURED, measure_frames(frames, bad), strict=True))
    if region is not None:
        # Centres are those of the whole frame's pixels.
        measured["com_row"] += region.rows[0]
        measured["com_column"] += region.columns[0]
    return FrameTable(block.indices, {**block.columns, **measured}, {**block.units, **MEASURED})
