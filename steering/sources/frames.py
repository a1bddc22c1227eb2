"""Reads a block's pixels, on the worker."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats, FrameBlock
from steering.core.errors import SteeringError


def read_frames(block: FrameBlock) -> tuple[NDArray[Any], Floats]:
    """Read a block's pixels and the times at which they were exposed. Several threads may read at once.

    Args:
        block: Says where the frames lie.

    Returns:
        Frames of shape ``(len(block), rows, columns)``, perhaps read-only, and Unix times in seconds of the ends of
        their exposures, NaN where nobody says.

    Raises:
        SteeringError: If the frames cannot be read, or do not come within the patience.
    """
    if block.place is None:
        return np.empty((len(block), 0, 0)), np.full(len(block), np.nan)
    first = block.start if block.first is None else block.first
    frames, times = block.place.read(first, first + len(block))
    if len(frames) != len(block):
        message = f"{len(frames)} frames were read for frames {block.start} to {block.stop - 1} of run {block.run}."
        raise SteeringError(message)
    return frames, times
