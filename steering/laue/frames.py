"""Frames of a block, one by one: their spots as rows of the tables, with the grains that they belong to."""

import numpy as np

from steering.core.block import Floats
from steering.laue.choices import IndexingChoices
from steering.laue.looker import looker_of
from steering.laue.looking import Looker
from steering.laue.panel import Panel
from steering.laue.spots import Spots
from steering.laue.tables import (
    COLUMN,
    COUNTS,
    DIRECTION,
    GRAIN_COLUMNS,
    INDEXED,
    NEW,
    NEW_GRAIN,
    OF_GRAIN,
    ROW,
    SPOT_COLUMNS,
    SPOTS,
    TOP,
    Table,
    Tables,
)  # fmt: skip
from steering.spots.lit import Numbers


def fitting_panel(chosen: IndexingChoices, shape: tuple[int, int]) -> Panel | None:
    """Return where the panel stands, if anybody has said it.

    Args:
        chosen: With the panel or its file, binning and origin.
        shape: Rows and columns of the frames.

    Raises:
        ValueError: If frames of that shape are not of this panel.
        SteeringError: If its file cannot be read.
    """
    panel, (row, column) = chosen.placed(), chosen.origin
    if panel is None:
        return None
    rows, columns = panel.shape
    if row < 0 or column < 0 or row + shape[0] > rows or column + shape[1] > columns:
        message = (
            f"frames of {shape[0]} x {shape[1]} px from {row}, {column} on are not within the panel of {rows} x "
            f"{columns} px. Give its binning, and the origin of the part that is read."
        )
        raise ValueError(message)
    if (row, column) == (0, 0) and shape != panel.shape:
        message = (
            f"frames have {shape[0]} x {shape[1]} px, but the panel has {rows} x {columns} px. Give its binning, "
            "or the origin of the part that is read."
        )
        raise ValueError(message)
    return panel


def looked(
    frames: Numbers, spots: Spots, known: Floats, depth: Floats, chosen: IndexingChoices, panel: Panel | None
) -> Tables:
    """Look at the frames of a block.

    Args:
        frames: Their indices in the stream, one after another.
        spots: Of all of them.
        known: What is known of each, shape ``(frames, 11)``; counts of spots are written into it.
        depth: That their light comes from, along the beam, in mm, shape ``(frames,)``.
        chosen: What is looked for.
        panel: Where it stands; nothing if nobody knows.
    """
    looker = looker_of(chosen) if panel is not None and chosen.crystal is not None else None
    begins = np.searchsorted(spots.frame, np.arange(int(frames[0]), int(frames[-1]) + 2)).tolist()
    row, column = chosen.origin
    listed, grains, sizes = list[Floats](), list[Floats](), list[int]()
    for place in range(len(frames)):
        at: Numbers = np.arange(int(begins[place]), int(begins[place + 1]))
        on = spots.row[at] + row, spots.column[at] + column
        table, found = _rows(on, spots, at, float(depth[place]), panel, looker)
        # Places are those in the frame.
        table[:, ROW], table[:, COLUMN] = spots.row[at], spots.column[at]
        of = table[:, OF_GRAIN]
        known[place, SPOTS], known[place, NEW] = len(table), np.count_nonzero(of == NEW_GRAIN)
        known[place, INDEXED] = np.count_nonzero(of >= 0) if looker is not None else np.nan
        listed.append(table)
        grains.append(found)
        sizes.append(len(found))
    return Tables(
        Table(frames, known),
        Table(np.repeat(frames, sizes), np.concatenate(grains)),
        Table(spots.frame, np.concatenate(listed)),
    )


def _rows(
    on: tuple[Floats, Floats], spots: Spots, at: Numbers, depth: float, panel: Panel | None, looker: Looker | None
) -> tuple[Floats, Floats]:
    """Give the rows of a frame's spots, which are at these places of the panel, and those of its grains."""
    table = np.full((len(at), SPOT_COLUMNS), np.nan)
    table[:, COUNTS], table[:, TOP], table[:, OF_GRAIN] = spots.counts[at], spots.peak[at], -1
    if panel is not None:
        table[:, DIRECTION : DIRECTION + 3] = panel.directions(*on, depth)
    return table, np.empty((0, GRAIN_COLUMNS)) if looker is None else looker.look(table)
