"""Follows the channel of a detector's image, for the eye."""

import math
from typing import Any

import numpy as np

from steering.beamline.newest import Newest
from steering.core.frame import Frame
from steering.core.pixels import NOTHING_BAD, Bad
from steering.readers.epochs import unix_seconds
from steering.readers.eye import for_the_eye

_IMAGE_DIMENSIONS = 2


class Preview:
    """Follows an NTNDArray channel and hands on its newest frame."""

    def __init__(self, channel: str, newest: Newest, bad: Bad = NOTHING_BAD) -> None:
        """Subscribe to a PVA channel.

        Args:
            channel: For example ``"STEER:det:Pva1:Image"``.
            newest: Takes its frames.
            bad: Which pixels are no counts, beside those that the detector marks itself.
        """
        from p4p.client.thread import Context

        self._newest = newest
        self._bad = bad
        self._context = Context("pva")
        self._monitor = self._context.monitor(channel, self._arrived)

    def close(self) -> None:
        """Unsubscribe."""
        self._monitor.close()
        self._context.close()

    def _arrived(self, array: Any) -> None:
        """Take over a frame, on p4p's thread."""
        pixels = np.asarray(array)
        if pixels.ndim != _IMAGE_DIMENSIONS:
            # The channel's first update comes before the first frame and is empty.
            return
        fits = self._bad.mask is None or self._bad.mask.shape == pixels.shape
        taken = float(unix_seconds(float(array.timestamp)))
        frame = Frame(pixels, int(array.raw["uniqueId"]), math.nan if math.isnan(taken) else taken)
        self._newest.put(for_the_eye(frame, self._bad if fits else Bad(None, self._bad.saturated)))
