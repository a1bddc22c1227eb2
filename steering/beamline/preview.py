"""The newest detector frame, for the eye: latest wins, nothing is queued."""

from typing import Any

import numpy as np

from steering.core.cell import Cell
from steering.core.frame import Frame

# Frames larger than this along an axis are binned before they are sent: no screen shows more.
LARGEST_SIDE = 1024
IMAGE_DIMENSIONS = 2


class Preview:
    """Follows an NTNDArray channel and keeps its newest frame."""

    def __init__(self, channel: str) -> None:
        """Subscribe to a PVA channel.

        Args:
            channel: For example ``"STEER:det:Pva1:Image"``.
        """
        from p4p.client.thread import Context

        self.frame: Cell[Frame | None] = Cell[Frame | None](None)
        self._context = Context("pva")
        self._monitor = self._context.monitor(channel, self._arrived)

    def close(self) -> None:
        """Unsubscribe."""
        self._monitor.close()
        self._context.close()

    def _arrived(self, array: Any) -> None:
        """Take over a frame, on p4p's thread."""
        pixels = np.asarray(array)
        if pixels.ndim != IMAGE_DIMENSIONS:
            # The channel's first update comes before the first frame and is empty.
            return
        binned, binning = bin_maximum(pixels, LARGEST_SIDE)
        self.frame.set(Frame(binned, int(array.raw["uniqueId"]), float(array.timestamp), binning))


def bin_maximum(pixels: "np.ndarray[Any, Any]", largest: int) -> "tuple[np.ndarray[Any, Any], int]":
    """Bin a frame by powers of two, keeping each cell's maximum, until neither side is larger than ``largest``.

    The maximum keeps single hot pixels and Bragg peaks visible.

    Returns:
        The binned frame and how many pixels one of its pixels stands for along each axis.
    """
    binning = 1
    while max(pixels.shape) > largest:
        rows, columns = (side - side % 2 for side in pixels.shape)
        pairs = np.maximum(pixels[0:rows:2, :columns], pixels[1:rows:2, :columns])
        pixels = np.maximum(pairs[:, 0::2], pairs[:, 1::2])
        binning *= 2
    return pixels, binning
