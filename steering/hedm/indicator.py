"""Rare events: the share of spots that no longer look as spots did at first.

The first sweeps are the baseline. A spot is rare if it is wider in azimuth than all but a few of the baseline's spots,
or brighter or weaker than all but a few. By construction some of the baseline's own are rare; what counts is by how
many standard deviations (of the difference of two shares) the share of a later sweep is larger. The idea is that of the
rare-event detection of APS, with quantiles in the place of a network.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.core.result import Feature

# Shares of the baseline's spots that are wider, brighter and weaker than what is usual.
WIDER, BRIGHTER, WEAKER = 0.05, 0.01, 0.01
# Fewer spots say nothing, neither in the baseline nor in a sweep.
FEWEST = 20


@dataclass(frozen=True)
class Baseline:
    """What spots are like at first.

    Attributes:
        widest: Azimuthal width in degrees above which a spot is rare.
        weakest: Counts a second below which it is rare.
        brightest: And above.
        share: Of the baseline's own spots that are rare.
        spots: How many it was made of.
    """

    widest: float
    weakest: float
    brightest: float
    share: float
    spots: int

    def rare(self, widths: Floats, rates: Floats) -> NDArray[np.bool_]:
        """Say which spots are rare."""
        return (widths > self.widest) | (rates < self.weakest) | (rates > self.brightest)

    def judged(self, widths: Floats, rates: Floats) -> tuple[Feature, Feature]:
        """Judge the spots of a sweep.

        Args:
            widths: Azimuthal widths in degrees, shape ``(spots,)``.
            rates: Counts a second, of that shape.

        Returns:
            The share of rare spots in percent, and by how many standard deviations it is above the baseline's.
        """
        count = len(widths)
        share = float(self.rare(widths, rates).mean())
        both = (share * count + self.share * self.spots) / (count + self.spots)
        error = float(np.sqrt(max(both * (1 - both), 1 / (count + self.spots) ** 2) * (1 / count + 1 / self.spots)))
        spread = float(np.sqrt(max(share * (1 - share), 1 / count**2) / count))
        return Feature(100 * share, 100 * spread, "%"), Feature((share - self.share) / error, 1.0, "1")


def baseline_of(widths: Floats, rates: Floats) -> Baseline | None:
    """Make a baseline of spots; nothing if they are too few.

    Args:
        widths: Azimuthal widths in degrees, shape ``(spots,)``.
        rates: Counts a second, of that shape.
    """
    if len(widths) < FEWEST:
        return None
    widest = float(np.quantile(widths, 1 - WIDER))
    weakest, brightest = np.quantile(rates, [WEAKER, 1 - BRIGHTER]).tolist()
    made = Baseline(widest, weakest, brightest, 0.0, len(widths))
    return Baseline(widest, weakest, brightest, float(made.rare(widths, rates).mean()), len(widths))
