"""The frames of alpha zirconium that were recorded at APS 1-ID-C, and the spots that hexrd found in them.

All of it is from HEXRD/examples at acc6ae2. hexrd's results came there on 16 August 2022 (3535fbb); none of their files
says which version of hexrd made them.
"""

from functools import cache

import numpy as np

from steering.sim.data import fetch

SHAPE, FRAMES = (2048, 2048), 100
# Half of the frame's size in pixels, and a pixel in mm.
MIDDLE, PIXEL = 1023.5, 0.2


@cache
def cached_frames():
    """Rows, columns and counts of each frame, and its angle in degrees."""
    with np.load(fetch("hedm_1id/LT1_Ne_zr001_00000-fc_GE2.npz"), allow_pickle=False) as file:
        frames = [tuple(file[f"{number}_{name}"] for name in ("row", "col", "data")) for number in range(FRAMES)]
        return frames, file["omega"].mean(axis=1)


def dense(begin, end):
    """Frames as a detector sends them."""
    frames = np.zeros((end - begin, *SHAPE), np.uint16)
    for frame, (row, column, data) in zip(frames, cached_frames()[0][begin:end], strict=True):
        frame[row, column] = data
    return frames


@cache
def hexrd_spots():
    """Table of hexrd's spots that it has measured: its columns as they are in the file."""
    lines = fetch("hedm_1id/reference/spots_00000.out").read_text().splitlines()
    table = np.array([[float(word) for word in line.split()] for line in lines if not line.startswith("#")])
    return table[np.isfinite(table[:, 15])]
