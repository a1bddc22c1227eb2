"""Quantiles of the newest durations."""

from collections import deque

import numpy as np

from steering.core.latency import NONE_YET, Quantiles

# Number of the newest samples that the quantiles are computed from.
SAMPLES_KEPT = 2000


class Stopwatch:
    """Collects durations. The count covers all of them, the quantiles only the newest."""

    def __init__(self) -> None:
        """Begin with no samples."""
        self._samples: deque[float] = deque(maxlen=SAMPLES_KEPT)
        self._count = 0

    def add(self, seconds: float) -> None:
        """Add a duration in seconds."""
        self._samples.append(seconds)
        self._count += 1

    @property
    def samples(self) -> tuple[float, ...]:
        """The newest durations in seconds."""
        return tuple(self._samples)

    @property
    def quantiles(self) -> Quantiles:
        """Median and 99th percentile in milliseconds."""
        if not self._samples:
            return NONE_YET
        p50, p99 = np.percentile(np.array(self._samples) * 1e3, [50, 99])
        return Quantiles(float(p50), float(p99), self._count)
